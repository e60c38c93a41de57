import { expect, test } from 'vitest';
import { conditionReader } from './condition-table.ts';

const reader = conditionReader<{ readonly value?: string }>(
  {
    'kms:Sample': ({ value }) => (value === undefined ? undefined : [value]),
    'kms:Open:${Name}': (_, name) => (name === 'none' ? undefined : [name]),
  },
  { 'kms:Sample': () => ['of the second table'], 'kms:Other': () => ['other'] },
);

test('a key is read by its name in lower case', () => {
  expect(reader.read('kms:sample', { value: 'a' })).toEqual(['a']);
  expect(reader.read('kms:other', {})).toEqual(['other']);
  for (const key of ['kms:Sample', 'kms:samples', 'kms:open', '', 'constructor', '__proto__']) {
    expect(reader.read(key, { value: 'a' }), key).toBeUndefined();
  }
});

test('what stands for a placeholder is passed on as it was written, also where it is empty', () => {
  expect(reader.read('kms:open:Tenant:a', {})).toEqual(['Tenant:a']);
  expect(reader.read('kms:open:', {})).toEqual(['']);
  expect(reader.read('kms:open:none', {})).toBeUndefined();
});

test('the first table that has a key counts, even where the request does not have it', () => {
  expect(reader.read('kms:sample', {})).toBeUndefined();
});

test('the names are AWS’s own, each once', () => {
  expect(reader.names.map((name) => name.split('{')[0])).toEqual(['kms:Sample', 'kms:Open:$', 'kms:Other']);
});
