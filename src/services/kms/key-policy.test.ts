import { describe, expect, test } from 'vitest';
import { parsePolicy } from '../../authorization/index.ts';
import type { KeyPolicyRecord } from '../../keys/tables.ts';
import { sealedMemoryStore } from '../../store/sealed-memory-store.test-helper.ts';
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
import { defaultKeyPolicy, judgedKeyPolicy, policyOfNewKey } from './key-policy.ts';

const ARN = `arn:aws:kms:${REGION}:${ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab`;
const ROOT = `arn:aws:iam::${ACCOUNT}:root`;
const plain = user('plain');

function check(text: string, caller: Caller = plain, bypass?: boolean): Promise<KeyPolicyRecord> {
  const policy = { text, keyArn: ARN, bypassLockoutCheck: bypass };
  return judgedKeyPolicy(policy, scopeOf(caller), ports());
}

function ports() {
  return { store: sealedMemoryStore(), unknownPrincipals: 'believed' } as const;
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
  ])('%s', async (_, text) => {
    await expect(check(text)).resolves.toBeDefined();
  });

  test('by way of the account, for who has the permission there', async () => {
    await expect(check(keyPolicy(allow({ AWS: ROOT })), administrator)).resolves.toBeDefined();
    const may = user('may', {
      identityPolicies: [policy({ Effect: 'Allow', Action: 'kms:PutKeyPolicy', Resource: ARN })],
    });
    await expect(check(keyPolicy(allow({ AWS: ACCOUNT })), may)).resolves.toBeDefined();
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
  ])('when %s', async (_, text) => {
    await expect(check(text)).rejects.toThrow(lockedOut);
    await expect(check(text, plain, false)).rejects.toThrow(lockedOut);
    await expect(check(text, plain, true), 'unless the caller bypasses the check').resolves.toBeDefined();
  });
});

describe('whatever is bypassed', () => {
  test.each([false, true])('a text that is no policy is refused (bypass: %s)', async (bypass) => {
    for (const text of [
      '',
      '{',
      '[]',
      '{"Statement":[{"Effect":"Maybe"}]}',
      '{"Version":"1999-01-01","Statement":[]}',
    ]) {
      await expect(check(text, administrator, bypass), text).rejects.toThrow(
        expect.objectContaining({ code: 'MalformedPolicyDocumentException' }),
      );
    }
  });

  test.each([false, true])('a policy has at most 32 KiB, counted in bytes (bypass: %s)', async (bypass) => {
    const padded = (bytes: number) => {
      const text = keyPolicy({ Sid: 'é', ...allow({ AWS: ROOT }) });
      return text + ' '.repeat(bytes - Buffer.byteLength(text));
    };
    await expect(check(padded(32_768), administrator, bypass)).resolves.toBeDefined();
    await expect(check(padded(32_769), administrator, bypass)).rejects.toThrow(
      expect.objectContaining({ code: 'LimitExceededException' }),
    );
  });
});

test('the default policy leaves a key to its account', async () => {
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
  await expect(check(text, administrator)).resolves.toBeDefined();
  await expect(check(text, plain)).rejects.toThrow(lockedOut);
});

test('a new key has the default policy also for who may make keys and not give them other policies', async () => {
  const identity = { accountId: ACCOUNT, region: REGION, keyId: '1234abcd-12ab-34cd-56ef-1234567890ab' };
  const made = (given: Parameters<typeof policyOfNewKey>[0]) =>
    policyOfNewKey(given, identity, scopeOf(plain), ports());
  const Policy = defaultKeyPolicy(ACCOUNT);
  await expect(made({})).resolves.toEqual({ policy: Policy });
  // The same text, given: then AWS asks for the permission to give another.
  await expect(made({ Policy })).rejects.toThrow(lockedOut);
  await expect(made({ Policy, BypassPolicyLockoutSafetyCheck: true })).resolves.toEqual({ policy: Policy });
});
