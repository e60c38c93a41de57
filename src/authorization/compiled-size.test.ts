// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like template literals.
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { parsePolicy } from './parse-policy.ts';
import type { Policy } from './policy.ts';

/**
 * Bytes of memory for each character of a policy. JavaScript's objects are large beside `"*",`, but whoever keeps
 * compiled policies may count their text and know the memory within this factor.
 */
const MOST_BYTES_PER_CHARACTER = 80;
const LONGEST_POLICY = 32_768;
const COPIES = 8;

const sound = { Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' };
/** The distinct condition keys `a:`, `b:` … `ba:`, as short as can be. */
const shortKey = (i: number): string => `${i.toString(26)}:`;
const statementWith = (elements: object): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: { ...sound, ...elements } }).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** The longest policy that `make` makes within the limit. */
function longest(make: (count: number) => object): string {
  let [fits, tooMany] = [1, LONGEST_POLICY];
  while (tooMany - fits > 1) {
    const count = Math.floor((fits + tooMany) / 2);
    if (statementWith(make(count)).length <= LONGEST_POLICY) fits = count;
    else tooMany = count;
  }
  return statementWith(make(fits));
}

const many = (count: number, value: string): string[] => new Array<string>(count).fill(value);
const keys = (count: number, value: string) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [shortKey(i), value]));
const like = (value: (count: number) => string | string[]) => (count: number) => ({
  Condition: { StringLike: { 'x:k': value(count) } },
});

const collectGarbage = (() => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
})();

function memoryInUse(): number {
  collectGarbage();
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}

test.each<[what: string, make: (count: number) => object]>([
  ['*', like((count) => many(count, '*'))],
  ['*?x*', like((count) => many(count, '*?x*'))],
  ['${*}', like((count) => many(count, '${*}'))],
  ['${a}', like((count) => many(count, '${a}'))],
  ['a long run of ${*}', like((count) => '${*}'.repeat(count))],
  ['a long run of ${a}', like((count) => '${a}'.repeat(count))],
  [
    'distinct characters and many ?',
    like((count) => {
      const distinct = Array.from({ length: count / 7 }, (_, i) => String.fromCharCode(0x100 + i)).join('');
      return `*${distinct}${'?'.repeat(count)}*`;
    }),
  ],
  ['incomplete ARNs', (count) => ({ Resource: many(count, 'arn:aws:k') })],
  ['ARNs', (count) => ({ Condition: { ArnLike: { 'x:k': many(count, '?:?:?:?:?:?') } } })],
  ['actions', (count) => ({ Action: many(count, '*:*') })],
  ['address ranges', (count) => ({ Condition: { IpAddress: { 'x:k': many(count, '::') } } })],
  ['conditions on addresses', (count) => ({ Condition: { IpAddress: keys(count, '::') } })],
  ['conditions on text', (count) => ({ Condition: { StringEquals: keys(count, '') } })],
  ['conditions on patterns', (count) => ({ Condition: { 'ForAnyValue:StringNotLike': keys(count, '?') } })],
])('a compiled policy takes memory in proportion to its text: %s', (_, make) => {
  const text = longest(make);
  expect(text.length).toBeGreaterThan(LONGEST_POLICY - 100);
  const compiled: Policy[] = [parsePolicy(text, 'resource')];
  const before = memoryInUse();
  for (let i = 0; i < COPIES; i++) compiled.push(parsePolicy(text, 'resource'));
  const perCopy = (memoryInUse() - before) / COPIES;
  expect(compiled).toHaveLength(COPIES + 1);
  expect(perCopy / text.length).toBeLessThan(MOST_BYTES_PER_CHARACTER);
});
