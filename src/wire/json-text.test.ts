import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJson } from './json-text.ts';

/** JSON as another party may write it: with any character of any string escaped, or none. */
type Spelling = (unit: string) => string;

const escapedAlways: Spelling = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
const asNeeded: Spelling = (unit) => JSON.stringify(unit).slice(1, -1);

function written(value: unknown, spellingOf: () => Spelling): string {
  if (typeof value === 'string') {
    const spelling = spellingOf();
    return `"${value
      .split('')
      .map((unit) => (/[\ud800-\udfff]/.test(unit) && spelling === asNeeded ? unit : spelling(unit)))
      .join('')}"`;
  }
  if (Array.isArray(value)) return `[${value.map((item) => written(item, spellingOf)).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([name, member]) => `${written(name, spellingOf)} : ${written(member, spellingOf)}`,
  );
  return `{${members.join(',')}}`;
}

const text = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.string({ unit: 'binary', maxLength: 6 }).filter((each) => each.isWellFormed()),
  fc.stringMatching(/^[\\"nu0é]{0,8}$/),
  fc.constantFrom('__proto__', 'constructor', '\\', '"', '\\n', '\n', '\\u00e9', 'é', '\0', '', '0'),
);

const { value: values } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 5 }),
    tie('object'),
  ),
  object: fc
    .uniqueArray(fc.tuple(text, tie('value')), { selector: ([name]) => name, maxLength: 6 })
    .map(Object.fromEntries),
}));

/** Own members with their names, in whatever order, so that nothing inherited is taken for one. */
function membersOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(membersOf);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .map(([name, member]) => [name, membersOf(member)])
    .sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1));
}

test('reads what was written, however it was escaped, and whatever was read before', () => {
  fc.assert(
    fc.property(values, fc.array(fc.boolean(), { minLength: 1 }), (value, choices) => {
      let next = 0;
      const json = written(value, () => (choices[next++ % choices.length] ? escapedAlways : asNeeded));
      expect(membersOf(parseJson(json))).toEqual(membersOf(value));
    }),
    { numRuns: 2000 },
  );
});

describe('a key that was parsed before does not stand for another (nodejs/node#63785)', () => {
  test.each([
    ['{"x":1,"\\\\":1}', '{"x":1,"\\"":1}', '"'],
    ['{"x":1,"\\\\":1}', '{"x":1,"\\u00e9":1}', 'é'],
    ['{"x":1,"\\\\":1}', '{"x":1,"\\n":1}', '\n'],
    ['{"x":1,"\\\\u00e9quip":1}', '{"x":1,"\\u00e9quipement":1}', 'équipement'],
    ['{"x":1,"a\\\\":1}', '{"x":1,"a\\u0062":1}', 'ab'],
  ])('%s, then %s', (before, then, key) => {
    for (let round = 0; round < 3; round++) {
      parseJson(before);
      expect(Object.keys(parseJson(then) as object)).toEqual(['x', key]);
    }
  });
});

test('of a name given twice the last counts, in whatever spelling', () => {
  expect(parseJson('{"A":1,"\\u0041":2}')).toEqual({ A: 2 });
  expect(parseJson('{"\\u0041":1,"A":2}')).toEqual({ A: 2 });
  expect(parseJson('{"A":1,"\\u0041":2,"A":3}')).toEqual({ A: 3 });
  expect(parseJson('{"\\n":1,"\\u000a":2,"\\u000A":3}')).toEqual({ '\n': 3 });
});

test('names that objects inherit are names like any other', () => {
  const value = parseJson('{"\\u005f_proto__":{"a\\"":1},"\\n":{"__proto__":2}}') as Record<string, unknown>;
  expect(Object.keys(value)).toEqual(['__proto__', '\n']);
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect(JSON.stringify(value)).toBe('{"__proto__":{"a\\"":1},"\\n":{"__proto__":2}}');
});

test('a key that looks like what the reader itself puts in is not taken for it', () => {
  expect(parseJson('{"\\ud8000":1,"\\n":2,"\\ud8001":3}')).toEqual({ '\ud8000': 1, '\n': 2, '\ud8001': 3 });
});

test('keys within strings are no keys', () => {
  expect(parseJson('{"a":"\\"b\\\\\\":1","c":["\\u0064",":"]}')).toEqual({ a: '"b\\":1', c: ['d', ':'] });
});

test.each(['', '{', '{"a\\":1}', '{"a\\x":1}', '{"\\u00g0":1}', '{"a"\\:1}', '"\\', '{"\\"":1}}', '{\\"a":1}', '[1,]'])(
  '%j is not JSON',
  (broken) => {
    expect(() => parseJson(broken)).toThrow(SyntaxError);
  },
);

test('nesting costs no stack, and escapes no more than the length of the text', () => {
  const deep = 100_000;
  expect(parseJson(`${'{"\\n":'.repeat(deep)}1${'}'.repeat(deep)}`)).toBeTypeOf('object');
  expect(parseJson(`[${'"\\\\",'.repeat(deep)}{"\\"":${' '.repeat(deep)}1}]`)).toHaveLength(deep + 1);
  const many = Array.from({ length: deep }, (_, index) => `"\\u000a${index}" : 1`);
  expect(Object.keys(parseJson(`{${many.join(',')}}`) as object)).toHaveLength(deep);
});
