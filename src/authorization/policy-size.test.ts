import { expect, test } from 'vitest';
import { policySize } from './policy-size.ts';

const compact = '{"Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]}';

test('white space does not count, however a policy is indented', () => {
  expect(policySize(compact)).toBe(compact.length);
  for (const indent of ['\t', 2, 4, 8]) {
    expect(policySize(JSON.stringify(JSON.parse(compact), null, indent))).toBe(compact.length);
  }
});

test('white space counts where it is nearly all of a policy, or quotas would let any amount of text be kept', () => {
  expect(policySize(compact + ' '.repeat(131_072 - compact.length))).toBe(32_768);
});
