import {
  CreateAliasCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  type KMSClient,
  PutKeyPolicyCommand,
  ReEncryptCommand,
  ScheduleKeyDeletionCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { newUser } from './support/iam.ts';
import { encryptedUnder, expectRefusal, type NewKey, newKey, plaintext, policyOf, statement } from './support/kms.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let kms: KMSClient;
let administrator: string;
let somebodyElse: string;
let account: string;

beforeAll(async () => {
  server = await startServer();
  kms = server.kms();
  account = `arn:aws:iam::${server.accountId}:root`;
  administrator = `arn:aws:iam::${server.accountId}:user/administrator`;
  somebodyElse = await newUser(server, 'administrator2');
});

afterAll(() => cleanUp(server));

function notAuthorized(permission: string, key: NewKey): string {
  return `User: ${administrator} is not authorized to perform: ${permission} on resource: ${key.arn}`;
}

const putPolicy = (KeyId: string, Policy: string, BypassPolicyLockoutSafetyCheck = false) =>
  kms.send(new PutKeyPolicyCommand({ KeyId, Policy, BypassPolicyLockoutSafetyCheck }));
const encrypt = (KeyId: string) => kms.send(new EncryptCommand({ KeyId, Plaintext: plaintext }));

describe('who and what a statement is about', () => {
  const elements: [string, () => object, allowed: boolean][] = [
    ['the account by its ARN', () => statement('Allow', account, 'kms:Encrypt'), true],
    ['the account by its id', () => statement('Allow', server.accountId, 'kms:Encrypt'), true],
    ['the user', () => statement('Allow', administrator, 'kms:Encrypt'), true],
    ['everyone', () => ({ ...statement('Allow', '', 'kms:Encrypt'), Principal: '*' }), true],
    ['everyone of AWS', () => statement('Allow', '*', 'kms:Encrypt'), true],
    ['another user', () => statement('Allow', somebodyElse, 'kms:Encrypt'), false],
    ['a prefix of actions', () => statement('Allow', administrator, 'kms:En*'), true],
    ['an action in other letters', () => statement('Allow', administrator, 'KMS:ENCRYPT'), true],
    ['another action', () => statement('Allow', administrator, 'kms:Decrypt'), false],
    [
      'all actions but others',
      () => ({ ...statement('Allow', administrator, ''), Action: undefined, NotAction: 'kms:Decrypt' }),
      true,
    ],
    [
      'all actions but this',
      () => ({ ...statement('Allow', administrator, ''), Action: undefined, NotAction: 'kms:Encrypt' }),
      false,
    ],
    [
      'keys of the Region',
      () =>
        statement('Allow', administrator, 'kms:Encrypt', {
          Resource: `arn:aws:kms:us-east-1:${server.accountId}:key/*`,
        }),
      true,
    ],
    [
      'keys of another Region',
      () =>
        statement('Allow', administrator, 'kms:Encrypt', {
          Resource: `arn:aws:kms:eu-west-1:${server.accountId}:key/*`,
        }),
      false,
    ],
  ];

  test('nobody whom there is not: neither an account nor a user', async () => {
    for (const unknown of ['123456789012', `${administrator}3`]) {
      await expectRefusal(
        newKey(kms, {
          Policy: policyOf(statement('Allow', account, 'kms:*'), statement('Allow', unknown, 'kms:Encrypt')),
        }),
        'MalformedPolicyDocumentException',
        'Policy contains a statement with one or more invalid principals.',
      );
    }
  });

  test.each(elements)('%s', async (_, allow, allowed) => {
    const key = await newKey(kms, { Policy: policyOf(allow()), BypassPolicyLockoutSafetyCheck: true });
    if (allowed) await encrypt(key.id);
    else {
      await expectRefusal(
        encrypt(key.id),
        'AccessDeniedException',
        `${notAuthorized('kms:Encrypt', key)} because no resource-based policy allows the kms:Encrypt action`,
      );
    }
  });
});

describe('conditions', () => {
  interface Conditional {
    readonly action: string;
    readonly condition: object;
    readonly refused: (key: NewKey) => Promise<unknown>;
    readonly allowed: (key: NewKey) => Promise<unknown>;
  }
  const dataKey = (key: NewKey, EncryptionContext: Record<string, string>) =>
    kms.send(new GenerateDataKeyCommand({ KeyId: key.id, KeySpec: 'AES_256', EncryptionContext }));
  const tag = (key: NewKey, ...tagKeys: string[]) =>
    kms.send(
      new TagResourceCommand({ KeyId: key.id, Tags: tagKeys.map((TagKey) => ({ TagKey, TagValue: 'orders' })) }),
    );
  const schedule = (key: NewKey, PendingWindowInDays: number) =>
    kms.send(new ScheduleKeyDeletionCommand({ KeyId: key.id, PendingWindowInDays }));
  const reEncrypt = async (from: NewKey, to: NewKey) => {
    const CiphertextBlob = await encryptedUnder(kms, from.id);
    return kms.send(new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: to.id }));
  };

  const cases: [string, Conditional][] = [
    [
      'kms:EncryptionContext:…',
      {
        action: 'kms:GenerateDataKey',
        condition: { StringEquals: { 'kms:EncryptionContext:tenant': 'a' } },
        refused: (key) => dataKey(key, { tenant: 'b', Tenant: 'a' }),
        allowed: (key) => dataKey(key, { tenant: 'a', more: 'c' }),
      },
    ],
    [
      'kms:EncryptionContextKeys',
      {
        action: 'kms:GenerateDataKey',
        condition: { 'ForAnyValue:StringEquals': { 'kms:EncryptionContextKeys': 'tenant' } },
        refused: (key) => dataKey(key, { team: 'tenant' }),
        allowed: (key) => dataKey(key, { tenant: 'a', team: 'b' }),
      },
    ],
    [
      'kms:EncryptionAlgorithm',
      {
        action: 'kms:Encrypt',
        condition: { StringEquals: { 'kms:EncryptionAlgorithm': 'SYMMETRIC_DEFAULT' } },
        refused: (key) =>
          kms.send(
            new EncryptCommand({ KeyId: key.id, Plaintext: plaintext, EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' }),
          ),
        allowed: (key) => encrypt(key.id),
      },
    ],
    [
      'kms:RequestAlias',
      {
        action: 'kms:DescribeKey',
        condition: { StringEquals: { 'kms:RequestAlias': 'alias/by-this-name' } },
        refused: async (key) => {
          await kms.send(new CreateAliasCommand({ AliasName: 'alias/by-this-name', TargetKeyId: key.id }));
          await kms.send(new DescribeKeyCommand({ KeyId: key.id }));
        },
        allowed: () => kms.send(new DescribeKeyCommand({ KeyId: 'alias/by-this-name' })),
      },
    ],
    [
      'kms:ResourceAliases',
      {
        action: 'kms:Encrypt',
        condition: { 'ForAnyValue:StringLike': { 'kms:ResourceAliases': 'alias/prod*' } },
        refused: (key) => encrypt(key.id),
        allowed: async (key) => {
          await kms.send(new CreateAliasCommand({ AliasName: 'alias/production', TargetKeyId: key.id }));
          await encrypt(key.id);
        },
      },
    ],
    [
      'aws:ResourceTag/…',
      {
        action: 'kms:Encrypt',
        condition: { StringEquals: { 'aws:ResourceTag/team': 'orders' } },
        refused: (key) => encrypt(key.id),
        allowed: async (key) => {
          await tag(key, 'team');
          await encrypt(key.id);
        },
      },
    ],
    [
      'aws:RequestTag/…',
      {
        action: 'kms:TagResource',
        condition: { StringEquals: { 'aws:RequestTag/team': 'orders' } },
        refused: (key) => tag(key, 'Team-2'),
        allowed: (key) => tag(key, 'team'),
      },
    ],
    [
      'aws:TagKeys',
      {
        action: 'kms:UntagResource',
        condition: { 'ForAllValues:StringEquals': { 'aws:TagKeys': ['team'] } },
        refused: (key) => kms.send(new UntagResourceCommand({ KeyId: key.id, TagKeys: ['team', 'cost'] })),
        allowed: (key) => kms.send(new UntagResourceCommand({ KeyId: key.id, TagKeys: ['team'] })),
      },
    ],
    [
      'kms:ScheduleKeyDeletionPendingWindowInDays',
      {
        action: 'kms:ScheduleKeyDeletion',
        condition: { NumericGreaterThanEquals: { 'kms:ScheduleKeyDeletionPendingWindowInDays': '14' } },
        refused: (key) => schedule(key, 13),
        allowed: (key) => schedule(key, 14),
      },
    ],
    [
      'kms:ReEncryptOnSameKey',
      {
        action: 'kms:ReEncrypt*',
        condition: { Bool: { 'kms:ReEncryptOnSameKey': true } },
        refused: async (key) => reEncrypt(await newKey(kms), key),
        allowed: (key) => reEncrypt(key, key),
      },
    ],
    [
      'kms:BypassPolicyLockoutSafetyCheck',
      {
        action: 'kms:PutKeyPolicy',
        condition: { Bool: { 'kms:BypassPolicyLockoutSafetyCheck': false } },
        refused: (key) => putPolicy(key.id, policyOf(statement('Allow', account, 'kms:*')), true),
        allowed: (key) => putPolicy(key.id, policyOf(statement('Allow', account, 'kms:*'))),
      },
    ],
  ];

  test.each(cases)('%s', async (_, { action, condition, refused, allowed }) => {
    const key = await newKey(kms, {
      Policy: policyOf(
        { ...statement('Allow', administrator, ''), Action: undefined, NotAction: action },
        statement('Allow', administrator, action, { Condition: condition }),
      ),
      BypassPolicyLockoutSafetyCheck: true,
    });
    await expectRefusal(refused(key), 'AccessDeniedException', /because no resource-based policy allows the kms:/);
    await allowed(key);
  });

  const facts: [key: string, operator: string, holds: () => string, not: string][] = [
    ['aws:PrincipalArn', 'ArnEquals', () => administrator, 'arn:aws:iam::123456789012:user/administrator'],
    ['aws:PrincipalAccount', 'StringEquals', () => server.accountId, '123456789012'],
    ['aws:PrincipalType', 'StringEquals', () => 'User', 'Account'],
    ['aws:username', 'StringEquals', () => 'administrator', 'other'],
    ['aws:RequestedRegion', 'StringEquals', () => 'us-east-1', 'eu-west-1'],
    ['aws:SourceIp', 'IpAddress', () => '127.0.0.0/8', '10.0.0.0/8'],
    ['aws:SecureTransport', 'Bool', () => 'false', 'true'],
    ['aws:CurrentTime', 'DateGreaterThan', () => '2020-01-01T00:00:00Z', '2100-01-01T00:00:00Z'],
    ['kms:CallerAccount', 'StringEquals', () => server.accountId, '123456789012'],
    ['kms:KeySpec', 'StringEquals', () => 'SYMMETRIC_DEFAULT', 'RSA_2048'],
    ['kms:KeyUsage', 'StringEquals', () => 'ENCRYPT_DECRYPT', 'SIGN_VERIFY'],
    ['kms:KeyOrigin', 'StringEquals', () => 'AWS_KMS', 'EXTERNAL'],
    ['kms:MultiRegion', 'Bool', () => 'false', 'true'],
  ];

  test.each(facts)('%s is what it is', async (name, operator, holds, not) => {
    const makeKey = (value: string) =>
      newKey(kms, {
        Policy: policyOf(
          statement('Allow', administrator, 'kms:Encrypt', { Condition: { [operator]: { [name]: value } } }),
        ),
        BypassPolicyLockoutSafetyCheck: true,
      });
    await encrypt((await makeKey(holds())).id);
    await expectRefusal(encrypt((await makeKey(not)).id), 'AccessDeniedException');
  });
});
