import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Json, parseJson } from './json.ts';

function plain(value: Json): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, member]) => [key, plain(member)]));
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null && 'text' in value) return Number(value.text);
  return value;
}

describe('JSON', () => {
  test('is read as JSON.parse reads it', () => {
    const value = fc.json({ maxDepth: 3 });
    fc.assert(
      fc.property(value, (text) => {
        const expected = JSON.parse(text);
        expect(plain(parseJson(` ${text}\n`))).toEqual(expected);
      }),
      { numRuns: 2000 },
    );
  });

  test.each(['{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '[{"x":{"b":[],"c":1,"b":null}}]'])(
    'refuses a key twice: %s',
    (text) => {
      expect(() => parseJson(text)).toThrow(/^Policy contains a duplicate element: /);
    },
  );

  test.each(['', ' ', '{', '{"a":1,}', "{'a':1}", '{"a":01}', 'nul', '[1]x', '"\n"', '"\\x"', 'not a policy'])(
    'refuses %j',
    (text) => {
      expect(() => parseJson(text)).toThrow('Policy contains a JSON syntax error.');
    },
  );

  test('refuses deep nesting however deep', () => {
    for (const depth of [8, 1000, 60_000]) {
      const text = '['.repeat(depth) + 1 + ']'.repeat(depth);
      expect(() => parseJson(text)).toThrow('Policy is nested too deeply.');
    }
    expect(parseJson('[[[[[[[1]]]]]]]')).toBeDefined();
  });

  test('keeps keys that JavaScript objects would trip over', () => {
    const object = parseJson('{"__proto__":{"a":"b"},"constructor":1}');
    expect(object).toBeInstanceOf(Map);
    expect([...(object as ReadonlyMap<string, Json>).keys()]).toEqual(['__proto__', 'constructor']);
  });
});
