import { describe, expect, test } from 'vitest';
import { parsePolicy } from '../../authorization/index.ts';
import type { Caller } from '../caller.ts';
import {
  ACCOUNT,
  administrator,
  keyPolicy,
  OTHER_ACCOUNT,
  policy,
  REGION,
  scopeOf,
  user,
} from '../scope.test-helper.ts';
import { checkKeyPolicy, defaultKeyPolicy } from './key-policy.ts';

const ARN = `arn:aws:kms:${REGION}:${ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab`;
const ROOT = `arn:aws:iam::${ACCOUNT}:root`;
const plain = user('plain');

function check(text: string, caller: Caller = plain, bypass?: boolean): void {
  checkKeyPolicy(text, ARN, scopeOf(caller), bypass);
}

const allow = (principal: unknown, action: unknown = 'kms:*', more: object = {}) => ({
  Effect: 'Allow',
  Principal: principal,
  Action: action,
  Resource: '*',
  ...more,
});

const lockedOut = expect.objectContaining({
  code: 'MalformedPolicyDocumentException',
  message: 'The new key policy will not allow you to update the key policy in the future.',
});

describe('the lockout safety check lets through a policy under which the caller can change it again', () => {
  test.each([
    ['by name', keyPolicy(allow({ AWS: plain.principal.arn }))],
    ['by the very action', keyPolicy(allow({ AWS: plain.principal.arn }, 'kms:PutKeyPolicy'))],
    ['by a wildcard in the action', keyPolicy(allow({ AWS: plain.principal.arn }, ['kms:Create*', 'kms:Put*']))],
    ['as everybody', keyPolicy(allow('*'))],
    ['by the key’s own ARN', keyPolicy(allow({ AWS: plain.principal.arn }, 'kms:*', { Resource: ARN }))],
    [
      'under a condition that this very request meets',
      keyPolicy(
        allow({ AWS: '*' }, 'kms:*', {
          Condition: { StringEquals: { 'kms:CallerAccount': ACCOUNT, 'aws:username': 'plain' } },
        }),
      ),
    ],
    [
      'beside a denial of something else',
      keyPolicy(allow({ AWS: plain.principal.arn }), { ...allow('*', 'kms:Decrypt'), Effect: 'Deny' }),
    ],
  ])('%s', (_, text) => {
    expect(() => check(text)).not.toThrow();
  });

  test('by way of the account, for who has the permission there', () => {
    expect(() => check(keyPolicy(allow({ AWS: ROOT })), administrator)).not.toThrow();
    const may = user('may', {
      identityPolicies: [policy({ Effect: 'Allow', Action: 'kms:PutKeyPolicy', Resource: ARN })],
    });
    expect(() => check(keyPolicy(allow({ AWS: ACCOUNT })), may)).not.toThrow();
  });
});

describe('and refuses one that locks the caller out', () => {
  test.each([
    ['it is about somebody else', keyPolicy(allow({ AWS: user('other').principal.arn }))],
    ['it is about another account', keyPolicy(allow({ AWS: `arn:aws:iam::${OTHER_ACCOUNT}:root` }))],
    ['it is about other actions', keyPolicy(allow({ AWS: plain.principal.arn }, ['kms:Encrypt', 'kms:Get*']))],
    ['it is about another key', keyPolicy(allow({ AWS: plain.principal.arn }, 'kms:*', { Resource: `${ARN}0` }))],
    [
      'it denies what it allows',
      keyPolicy(allow({ AWS: plain.principal.arn }), { ...allow('*', 'kms:PutKeyPolicy'), Effect: 'Deny' }),
    ],
    [
      'its condition is not met by this request',
      keyPolicy(allow('*', 'kms:*', { Condition: { IpAddress: { 'aws:SourceIp': '198.51.100.0/24' } } })),
    ],
    [
      'its condition is about what no request has',
      keyPolicy(allow('*', 'kms:*', { Condition: { StringEquals: { 'aws:PrincipalTag/team': 'orders' } } })),
    ],
    ['it leaves all to the account, where the caller may not', keyPolicy(allow({ AWS: ROOT }))],
  ])('when %s', (_, text) => {
    expect(() => check(text)).toThrow(lockedOut);
    expect(() => check(text, plain, false)).toThrow(lockedOut);
    expect(() => check(text, plain, true), 'unless the caller bypasses the check').not.toThrow();
  });
});

describe('whatever is bypassed', () => {
  test.each([false, true])('a text that is no policy is refused (bypass: %s)', (bypass) => {
    for (const text of [
      '',
      '{',
      '[]',
      '{"Statement":[{"Effect":"Maybe"}]}',
      '{"Version":"1999-01-01","Statement":[]}',
    ]) {
      expect(() => check(text, administrator, bypass), text).toThrow(
        expect.objectContaining({ code: 'MalformedPolicyDocumentException' }),
      );
    }
  });

  test.each([false, true])('a policy has at most 32 KiB, counted in bytes (bypass: %s)', (bypass) => {
    const padded = (bytes: number) => {
      const text = keyPolicy({ Sid: 'é', ...allow({ AWS: ROOT }) });
      return text + ' '.repeat(bytes - Buffer.byteLength(text));
    };
    expect(() => check(padded(32_768), administrator, bypass)).not.toThrow();
    expect(() => check(padded(32_769), administrator, bypass)).toThrow(
      expect.objectContaining({ code: 'LimitExceededException' }),
    );
  });
});

test('the default policy leaves a key to its account', () => {
  const text = defaultKeyPolicy(ACCOUNT);
  expect(JSON.parse(text)).toEqual({
    Version: '2012-10-17',
    Id: 'key-default-1',
    Statement: [
      {
        Sid: 'Enable IAM User Permissions',
        Effect: 'Allow',
        Principal: { AWS: ROOT },
        Action: 'kms:*',
        Resource: '*',
      },
    ],
  });
  expect(() => parsePolicy(text, 'resource')).not.toThrow();
  expect(() => check(text, administrator)).not.toThrow();
  expect(() => check(text, plain)).toThrow(lockedOut);
});
