import { describe, expect, test } from 'vitest';
import { sealedMemoryStore } from '../../../store/sealed-memory-store.test-helper.ts';
import { ACCOUNT, NOW, OTHER_ACCOUNT } from '../../scope.test-helper.ts';
import { identityName, type ManagedPolicyRecord, managedPoliciesTable } from '../records.ts';
import { attachablePolicy, findManagedPolicy, parsePolicyArn } from './managed-policy.ts';

const policy: ManagedPolicyRecord = {
  accountId: ACCOUNT,
  policyName: 'Encrypts',
  policyId: 'ANPAAAAAAAAAAAAAAAAAA',
  path: '/team/one/',
  createdAtMs: NOW,
  updatedAtMs: NOW,
  tags: [],
  defaultVersionId: 'v1',
  nextVersion: 2,
  versions: [{ versionId: 'v1', document: '{}', createdAtMs: NOW }],
};
const arn = `arn:aws:iam::${ACCOUNT}:policy/team/one/Encrypts`;

async function storeWithPolicy() {
  const store = sealedMemoryStore();
  await store.transact((transaction) =>
    transaction.create(managedPoliciesTable, identityName(ACCOUNT, policy.policyName), policy),
  );
  return store;
}

describe('the ARN of a managed policy', () => {
  test.each([
    [arn, { accountId: ACCOUNT, path: '/team/one/', policyName: 'Encrypts' }],
    [`arn:aws:iam::${ACCOUNT}:policy/p`, { accountId: ACCOUNT, path: '/', policyName: 'p' }],
    ['arn:aws:iam::aws:policy/service-role/p', { accountId: 'aws', path: '/service-role/', policyName: 'p' }],
  ])('%s is read', (written, expected) => {
    expect(parsePolicyArn(written)).toEqual(expected);
  });

  test.each([
    'policy/p',
    `arn:aws:iam::${ACCOUNT}:policy`,
    `arn:aws:iam::${ACCOUNT}:policy/`,
    `arn:aws:iam::${ACCOUNT}:policy/path/`,
    `arn:aws:iam::${ACCOUNT}:policyx/p`,
    `arn:aws:iam::${ACCOUNT}:user/p`,
    `arn:aws:iam::${ACCOUNT}:policy/p:q`,
    `arn:aws:iam::${ACCOUNT}0:policy/p`,
    `arn:aws:iam:us-east-1:${ACCOUNT}:policy/p`,
    `arn:aws:kms::${ACCOUNT}:policy/p`,
    `arn:aws-cn:iam::${ACCOUNT}:policy/p`,
    'arn:aws:iam:::policy/p',
    `${arn.slice(0, -8)}${'/'.repeat(100_000)}`,
  ])('%s is none', (written) => {
    expect(() => parsePolicyArn(written)).toThrow(`ARN ${written} is not valid.`);
  });
});

test('a policy is found by its own ARN and by no other', async () => {
  const store = await storeWithPolicy();
  expect((await findManagedPolicy(arn, store))?.record).toEqual(policy);
  for (const other of [arn.replace('one', 'two'), arn.toLowerCase(), arn.replace(ACCOUNT, OTHER_ACCOUNT)]) {
    expect(await findManagedPolicy(other, store), other).toBeUndefined();
  }
});

test('nobody is given a policy of another account, though it exists', async () => {
  const store = await storeWithPolicy();
  expect(await attachablePolicy(arn, ACCOUNT, store)).toEqual(policy);
  await expect(attachablePolicy(arn, OTHER_ACCOUNT, store)).rejects.toThrow(
    `Policy ${arn} does not exist or is not attachable.`,
  );
});
