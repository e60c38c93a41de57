import { expect, test } from 'vitest';
import { decide, parseManagedPolicy } from '../../authorization/index.ts';
import { ACCOUNT, user } from '../scope.test-helper.ts';
import { ADMINISTRATOR_ACCESS, awsManagedPolicies } from './aws-managed-policies.ts';

const policies = [...awsManagedPolicies];

test.each(policies)(
  '%s is a policy that an account could have',
  (arn, { document, policyId, versionId, description }) => {
    parseManagedPolicy(document);
    expect(policyId).toMatch(/^ANPA[A-Z2-7]{17}$/);
    expect(versionId).toMatch(/^v[1-9][0-9]*$/);
    expect(description).not.toBe('');
    expect(arn).toMatch(/^arn:aws:iam::aws:policy\/(?:[\w-]+\/)?\w+$/);
  },
);

test('no two of them have one id', () => {
  expect(new Set(policies.map(([, { policyId }]) => policyId)).size).toBe(policies.length);
});

test.each([
  { arn: ADMINISTRATOR_ACCESS, allows: ['kms:Decrypt', 'iam:CreateUser'], not: [] },
  { arn: 'arn:aws:iam::aws:policy/PowerUserAccess', allows: ['kms:Decrypt'], not: ['iam:CreateUser'] },
  { arn: 'arn:aws:iam::aws:policy/ReadOnlyAccess', allows: ['kms:DescribeKey', 'iam:GetUser'], not: ['kms:Decrypt'] },
  { arn: 'arn:aws:iam::aws:policy/job-function/ViewOnlyAccess', allows: ['kms:ListKeys'], not: ['kms:GetKeyPolicy'] },
  {
    arn: 'arn:aws:iam::aws:policy/SecurityAudit',
    allows: ['kms:GetKeyPolicy'],
    not: ['secretsmanager:GetSecretValue'],
  },
  {
    arn: 'arn:aws:iam::aws:policy/AWSKeyManagementServicePowerUser',
    allows: ['kms:CreateKey', 'kms:TagResource', 'iam:ListUsers'],
    not: ['kms:Decrypt', 'kms:ScheduleKeyDeletion'],
  },
])('$arn lets a user do what it is for', ({ arn, allows, not }) => {
  const policy = parseManagedPolicy(awsManagedPolicies.get(arn)?.document ?? '');
  const request = { principal: user('alice').principal, resource: '*', context: { get: () => undefined } };
  const policies = { resourceAccountId: ACCOUNT, identityPolicies: [policy] };
  expect([...allows, ...not].filter((action) => decide({ ...request, action }, policies).allowed)).toEqual(allows);
});
