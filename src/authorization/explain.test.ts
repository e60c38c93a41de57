import { expect, test } from 'vitest';
import type { DenyReason } from './decide.ts';
import { denialMessage } from './explain.ts';
import { contextOf, KEY_ARN, user } from './fixtures.test-helper.ts';

const alice = 'User: arn:aws:iam::111122223333:user/alice is not authorized to perform:';

test.each<[DenyReason, string]>([
  ['no-resource-based-policy-allows', 'because no resource-based policy allows the kms:Encrypt action'],
  ['no-identity-based-policy-allows', 'because no identity-based policy allows the kms:Encrypt action'],
  ['no-permissions-boundary-allows', 'because no permissions boundary allows the kms:Encrypt action'],
  ['no-session-policy-allows', 'because no session policy allows the kms:Encrypt action'],
  ['explicit-deny-in-resource-based-policy', 'with an explicit deny in a resource-based policy'],
  ['explicit-deny-in-identity-based-policy', 'with an explicit deny in an identity-based policy'],
  ['explicit-deny-in-permissions-boundary', 'with an explicit deny in a permissions boundary'],
  ['explicit-deny-in-session-policy', 'with an explicit deny in a session policy'],
])('%s in AWS’s words', (reason, why) => {
  const request = { principal: user('alice'), action: 'kms:Encrypt', resource: KEY_ARN, context: contextOf() };
  const message = denialMessage(request, { allowed: false, reason });
  expect(message).toBe(`${alice} kms:Encrypt on resource: ${KEY_ARN} ${why}`);
});

test('an action about no resource', () => {
  const request = { principal: user('alice'), action: 'kms:CreateKey', resource: '*', context: contextOf() };
  expect(denialMessage(request, { allowed: false, reason: 'no-identity-based-policy-allows' })).toBe(
    `${alice} kms:CreateKey on resource: * because no identity-based policy allows the kms:CreateKey action`,
  );
});

test('an action whose refusals name no resource', () => {
  const request = { principal: user('alice'), action: 'cloudtrail:LookupEvents', resource: '', context: contextOf() };
  expect(denialMessage(request, { allowed: false, reason: 'no-identity-based-policy-allows' })).toBe(
    `${alice} cloudtrail:LookupEvents because no identity-based policy allows the cloudtrail:LookupEvents action`,
  );
});
