import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mergeTags, readTags, withoutTags } from './tag-rules.ts';

const wire = (...keys: readonly string[]) => keys.map((TagKey) => ({ TagKey, TagValue: `value of ${TagKey}` }));
const tags = (...keys: readonly string[]) => keys.map((key) => ({ key, value: `value of ${key}` }));
const many = (count: number) => Array.from({ length: count }, (_, at) => `tag ${String(at).padStart(3, '0')}`);

const someTags = fc
  .uniqueArray(fc.string({ unit: fc.constantFrom(...'aäB0 _.:/=+-@'), minLength: 1, maxLength: 3 }), { maxLength: 20 })
  .map((keys) => readTags(wire(...keys.filter((key) => !key.toLowerCase().startsWith('aws:')))));

test('tags are kept in the order of their keys, whatever order they came in', () => {
  expect(readTags(wire('b', 'a', 'B', '', 'é', 'aa'))).toEqual(tags('', 'B', 'a', 'aa', 'b', 'é'));
  expect(readTags([])).toEqual([]);
});

test('keys that differ in case are different keys', () => {
  expect(readTags(wire('Team', 'team'))).toEqual(tags('Team', 'team'));
});

test('a key given twice is refused', () => {
  expect(() => readTags(wire('a', 'b', 'a'))).toThrow(expect.objectContaining({ code: 'TagException' }));
});

test.each(['aws:team', 'AWS:team', 'aWs:', 'aws:'])('the key %s is AWS’s', (key) => {
  expect(() => readTags(wire(key))).toThrow(expect.objectContaining({ code: 'TagException' }));
});

test.each(['a&b', 'a#', 'a\tb', 'a\n', '(a)', '🍐'])('neither keys nor values can be %j', (text) => {
  const invalid = expect.objectContaining({ code: 'TagException', message: 'Invalid tag' });
  expect(() => readTags([{ TagKey: text, TagValue: '' }])).toThrow(invalid);
  expect(() => readTags([{ TagKey: 'a', TagValue: text }])).toThrow(invalid);
});

test('more than fifty in one request are too many, whatever the key has', () => {
  const tooMany = expect.objectContaining({ code: 'TagException', message: 'Too many tags' });
  expect(() => readTags(wire(...many(51)))).toThrow(tooMany);
});

test.each(['aws', 'awsteam', 'team:aws:', ' aws:'])('the key %s is anyone’s', (key) => {
  expect(readTags(wire(key))).toEqual(tags(key));
});

test('merging adds what is new and replaces what is there', () => {
  const existing = [
    { key: 'a', value: 'old' },
    { key: 'c', value: 'kept' },
  ];
  const added = [
    { key: 'a', value: 'new' },
    { key: 'b', value: 'added' },
  ];
  expect(mergeTags(existing, added)).toEqual([
    { key: 'a', value: 'new' },
    { key: 'b', value: 'added' },
    { key: 'c', value: 'kept' },
  ]);
  expect(existing[0]?.value, 'what was given is not changed').toBe('old');
});

test('merging is what one expects of maps', () => {
  fc.assert(
    fc.property(someTags, someTags, (existing, added) => {
      const expected = new Map([...existing, ...added].map(({ key, value }) => [key, value]));
      const merged = mergeTags(existing, added);
      expect(new Map(merged.map(({ key, value }) => [key, value]))).toEqual(expected);
      expect(merged.map(({ key }) => key)).toEqual([...expected.keys()].sort());
    }),
  );
});

test('a key has fifty tags and no more', () => {
  const full = readTags(wire(...many(50)));
  expect(mergeTags(full, tags('tag 007'))).toHaveLength(50);
  expect(() => mergeTags(full, tags('one more'))).toThrow(expect.objectContaining({ code: 'LimitExceededException' }));
  expect(() => mergeTags([], tags(...many(51)))).toThrow(expect.objectContaining({ code: 'LimitExceededException' }));
});

test('removing leaves the others in their order, and what is not there alone', () => {
  expect(withoutTags(tags('a', 'b', 'c'), ['b', 'x', 'A'])).toEqual(tags('a', 'c'));
  expect(withoutTags([], ['a'])).toEqual([]);
  fc.assert(
    fc.property(someTags, fc.array(fc.string({ maxLength: 3 })), (existing, removed) => {
      expect(withoutTags(existing, removed)).toEqual(existing.filter(({ key }) => !removed.includes(key)));
    }),
  );
});
