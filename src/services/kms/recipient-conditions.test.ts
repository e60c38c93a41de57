import { expect, test } from 'vitest';
import { attest, now } from '../../crypto/attestation/refusal.test-helper.ts';
import { type Attestation, verifyAttestation } from '../../crypto/attestation/verify-attestation.ts';
import { conditionReader } from '../condition-table.ts';
import { recipientConditions } from './condition-keys.ts';

const reader = conditionReader(recipientConditions);

function recipientCondition(key: string, recipient: Attestation | undefined): readonly string[] | undefined {
  return reader.read(key, { resolved: recipient === undefined ? {} : { recipient } });
}

const pcrs = new Map([
  [0, 'AB'.repeat(48)],
  [8, '08'.repeat(48)],
  [31, '1f'.repeat(32)],
]);
const attestation = verifyAttestation(attest({ pcrs }), now);

test.each([
  ['kms:recipientattestation:imagesha384', 'ab'.repeat(48)],
  ['kms:recipientattestation:pcr0', 'ab'.repeat(48)],
  ['kms:recipientattestation:pcr8', '08'.repeat(48)],
  ['kms:recipientattestation:pcr31', '1f'.repeat(32)],
])('%s is the register’s value in lower-case hex', (key, value) => {
  expect(recipientCondition(key, attestation)).toEqual([value]);
});

test.each([
  'kms:recipientattestation:pcr1',
  'kms:recipientattestation:pcr32',
  'kms:recipientattestation:pcr00',
  'kms:recipientattestation:pcr08',
  'kms:recipientattestation:pcr8 ',
  'kms:recipientattestation:pcr',
  'kms:recipientattestation:pcr-1',
  'kms:recipientattestation:pcr8e0',
  'kms:recipientattestation:pcr+8',
  'kms:recipientattestation:nitrotpmpcr8',
  'kms:recipientattestation:',
  'kms:calleraccount',
])('the request does not have %j', (key) => {
  expect(recipientCondition(key, attestation)).toBeUndefined();
});

test('a request without an attestation document has none of them', () => {
  expect(recipientCondition('kms:recipientattestation:imagesha384', undefined)).toBeUndefined();
  expect(recipientCondition('kms:recipientattestation:pcr0', undefined)).toBeUndefined();
});

test('without PCR0 there is no image digest', () => {
  const other = verifyAttestation(attest({ pcrs: new Map([[1, '11'.repeat(48)]]) }), now);
  expect(recipientCondition('kms:recipientattestation:imagesha384', other)).toBeUndefined();
});
