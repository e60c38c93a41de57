import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  DecryptCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  GetKeyPolicyCommand,
  type KMSClient,
  ListKeyPoliciesCommand,
  ListResourceTagsCommand,
  PutKeyPolicyCommand,
  ReEncryptCommand,
  ScheduleKeyDeletionCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAliasCommand,
  UpdateKeyDescriptionCommand,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encryptedUnder, expectRefusal, type NewKey, newKey, plaintext, policyOf, statement } from './support/kms.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let kms: KMSClient;
let administrator: string;
let account: string;

beforeAll(async () => {
  server = await startServer();
  kms = server.kms();
  account = `arn:aws:iam::${server.accountId}:root`;
  administrator = `arn:aws:iam::${server.accountId}:user/administrator`;
});

afterAll(() => cleanUp(server));

function notAuthorized(permission: string, key: NewKey): string {
  return `User: ${administrator} is not authorized to perform: ${permission} on resource: ${key.arn}`;
}

const putPolicy = (KeyId: string, Policy: string, BypassPolicyLockoutSafetyCheck = false) =>
  kms.send(new PutKeyPolicyCommand({ KeyId, Policy, BypassPolicyLockoutSafetyCheck }));
const encrypt = (KeyId: string) => kms.send(new EncryptCommand({ KeyId, Plaintext: plaintext }));

describe('GetKeyPolicy, PutKeyPolicy and ListKeyPolicies', () => {
  test("a key made without a policy has AWS's default one, which leaves all to the account", async () => {
    const key = await newKey(kms);
    const { Policy, PolicyName } = await kms.send(new GetKeyPolicyCommand({ KeyId: key.arn }));
    expect(PolicyName).toBe('default');
    expect(JSON.parse(Policy ?? '')).toEqual({
      Version: '2012-10-17',
      Id: 'key-default-1',
      Statement: [
        {
          Sid: 'Enable IAM User Permissions',
          Effect: 'Allow',
          Principal: { AWS: account },
          Action: 'kms:*',
          Resource: '*',
        },
      ],
    });
  });

  test('keep the text as its author wrote it', async () => {
    const key = await newKey(kms);
    const text = `\n{ "Version":\t"2012-10-17", "Id": "für äöü",\r\n  "Statement": ${JSON.stringify(statement('Allow', account, 'KMS:*'))} }  `;
    await kms.send(new PutKeyPolicyCommand({ KeyId: key.id, PolicyName: 'default', Policy: text }));
    expect(await kms.send(new GetKeyPolicyCommand({ KeyId: key.id, PolicyName: 'default' }))).toMatchObject({
      Policy: text,
      PolicyName: 'default',
    });
  });

  test('know one policy, named default', async () => {
    const key = await newKey(kms);
    const { $metadata, ...names } = await kms.send(new ListKeyPoliciesCommand({ KeyId: key.id }));
    expect(names).toEqual({ PolicyNames: ['default'], Truncated: false });
    const Policy = policyOf(statement('Allow', account, 'kms:*'));
    await expectRefusal(
      kms.send(new GetKeyPolicyCommand({ KeyId: key.id, PolicyName: 'other' })),
      'NotFoundException',
      'No such policy exists',
    );
    await expectRefusal(
      kms.send(new PutKeyPolicyCommand({ KeyId: key.id, PolicyName: 'other', Policy })),
      'UnsupportedOperationException',
    );
    await expectRefusal(
      kms.send(new PutKeyPolicyCommand({ KeyId: key.id, PolicyName: 'a b', Policy })),
      'ValidationException',
      "1 validation error detected: Value 'a b' at 'policyName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w]+",
    );
  });

  const owner = () => statement('Allow', account, 'kms:*');
  const malformed: [string, () => string][] = [
    ['no JSON', () => '{'],
    ['no statement', () => '{"Version":"2012-10-17"}'],
    ['an unknown version', () => JSON.stringify({ Version: '2020-01-01', Statement: owner() })],
    ['no principal', () => policyOf({ Effect: 'Allow', Action: 'kms:*', Resource: '*' })],
    ['no action', () => policyOf({ Effect: 'Allow', Principal: '*', Resource: '*' })],
    ['no resource', () => policyOf({ Effect: 'Allow', Principal: '*', Action: 'kms:*' })],
    ['a misspelt element', () => policyOf({ ...owner(), Conditions: {} })],
    ['an unknown condition operator', () => policyOf({ ...owner(), Condition: { StringIs: { 'aws:username': 'x' } } })],
    ['the same Sid twice', () => policyOf({ ...owner(), Sid: 'a' }, { ...owner(), Sid: 'a' })],
    ['a principal that cannot be one', () => policyOf(statement('Allow', 'administrator', 'kms:*'))],
  ];

  test.each(malformed)('a policy with %s is malformed, and changes nothing', async (_, text) => {
    const key = await newKey(kms);
    const before = await kms.send(new GetKeyPolicyCommand({ KeyId: key.id }));
    await expectRefusal(putPolicy(key.id, text(), true), 'MalformedPolicyDocumentException', /./);
    expect((await kms.send(new GetKeyPolicyCommand({ KeyId: key.id }))).Policy).toBe(before.Policy);
  });

  test('a policy has at most 32 KiB', async () => {
    const key = await newKey(kms);
    const text = policyOf(owner());
    const largest = text + ' '.repeat(32 * 1024 - text.length);
    await putPolicy(key.id, largest);
    await expectRefusal(putPolicy(key.id, `${largest} `), 'LimitExceededException', /32768/);
    // The limit is of bytes: this text has fewer characters.
    await expectRefusal(
      putPolicy(key.id, `{"Id":"${'é'.repeat(16_380)}",${text.slice(1)}`),
      'LimitExceededException',
      /32768/,
    );
    await expectRefusal(
      putPolicy(key.id, text + ' '.repeat(131_073 - text.length)),
      'ValidationException',
      /at 'policy' failed to satisfy constraint: Member must have length less than or equal to 131072$/,
    );
    await expectRefusal(putPolicy(key.id, text.replace('kms', '€')), 'ValidationException', /at 'policy' failed/);
    expect((await kms.send(new GetKeyPolicyCommand({ KeyId: key.id }))).Policy).toBe(largest);
  });

  test('a policy that would lock its author out is refused, unless the author insists', async () => {
    const key = await newKey(kms);
    const sealed = policyOf(statement('Allow', administrator, ['kms:GetKeyPolicy', 'kms:Encrypt']));
    await expectRefusal(
      putPolicy(key.id, sealed),
      'MalformedPolicyDocumentException',
      'The new key policy will not allow you to update the key policy in the future.',
    );
    await expectRefusal(
      putPolicy(key.id, policyOf(owner(), statement('Deny', administrator, 'kms:Put*'))),
      'MalformedPolicyDocumentException',
    );
    await putPolicy(key.id, sealed, true);
    await encrypt(key.id);
    await expectRefusal(
      putPolicy(key.id, policyOf(owner())),
      'AccessDeniedException',
      `${notAuthorized('kms:PutKeyPolicy', key)} because no resource-based policy allows the kms:PutKeyPolicy action`,
    );
  });
});

describe('every operation on a key asks for its permission', () => {
  interface Fixture {
    readonly key: NewKey;
    readonly other: NewKey;
    readonly alias: string;
    readonly blob: Uint8Array;
  }
  const tags = [{ TagKey: 'a', TagValue: 'b' }];
  const KeySpec = 'AES_256';
  const operations: [permission: string, act: (fixture: Fixture) => Promise<unknown>][] = [
    ['kms:CancelKeyDeletion', ({ key }) => kms.send(new CancelKeyDeletionCommand({ KeyId: key.id }))],
    ['kms:CreateAlias', ({ key }) => kms.send(new CreateAliasCommand({ AliasName: 'alias/x', TargetKeyId: key.id }))],
    ['kms:Decrypt', ({ blob }) => kms.send(new DecryptCommand({ CiphertextBlob: blob }))],
    ['kms:Decrypt', ({ blob, key }) => kms.send(new DecryptCommand({ CiphertextBlob: blob, KeyId: key.id }))],
    ['kms:DeleteAlias', ({ alias }) => kms.send(new DeleteAliasCommand({ AliasName: alias }))],
    ['kms:DescribeKey', ({ key }) => kms.send(new DescribeKeyCommand({ KeyId: key.id }))],
    ['kms:DisableKey', ({ key }) => kms.send(new DisableKeyCommand({ KeyId: key.id }))],
    ['kms:EnableKey', ({ key }) => kms.send(new EnableKeyCommand({ KeyId: key.id }))],
    ['kms:Encrypt', ({ alias }) => encrypt(alias)],
    ['kms:GenerateDataKey', ({ key }) => kms.send(new GenerateDataKeyCommand({ KeyId: key.id, KeySpec }))],
    [
      'kms:GenerateDataKeyWithoutPlaintext',
      ({ key }) => kms.send(new GenerateDataKeyWithoutPlaintextCommand({ KeyId: key.id, KeySpec })),
    ],
    ['kms:GetKeyPolicy', ({ key }) => kms.send(new GetKeyPolicyCommand({ KeyId: key.id }))],
    ['kms:ListKeyPolicies', ({ key }) => kms.send(new ListKeyPoliciesCommand({ KeyId: key.id }))],
    ['kms:ListResourceTags', ({ key }) => kms.send(new ListResourceTagsCommand({ KeyId: key.id }))],
    ['kms:PutKeyPolicy', ({ key }) => putPolicy(key.id, policyOf(statement('Allow', account, 'kms:*')))],
    [
      'kms:ReEncryptFrom',
      ({ blob, other }) => kms.send(new ReEncryptCommand({ CiphertextBlob: blob, DestinationKeyId: other.id })),
    ],
    [
      'kms:ReEncryptTo',
      async ({ other, key }) => {
        const CiphertextBlob = await encryptedUnder(kms, other.id);
        await kms.send(new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: key.id }));
      },
    ],
    ['kms:ScheduleKeyDeletion', ({ key }) => kms.send(new ScheduleKeyDeletionCommand({ KeyId: key.id }))],
    ['kms:TagResource', ({ key }) => kms.send(new TagResourceCommand({ KeyId: key.id, Tags: tags }))],
    ['kms:UntagResource', ({ key }) => kms.send(new UntagResourceCommand({ KeyId: key.id, TagKeys: ['a'] }))],
    [
      'kms:UpdateAlias',
      ({ alias, other }) => kms.send(new UpdateAliasCommand({ AliasName: alias, TargetKeyId: other.id })),
    ],
    [
      'kms:UpdateAlias',
      async ({ key, other, alias }) => {
        await kms.send(new CreateAliasCommand({ AliasName: `${alias}-other`, TargetKeyId: other.id }));
        await kms.send(new UpdateAliasCommand({ AliasName: `${alias}-other`, TargetKeyId: key.id }));
      },
    ],
    [
      'kms:UpdateKeyDescription',
      ({ key }) => kms.send(new UpdateKeyDescriptionCommand({ KeyId: key.id, Description: 'x' })),
    ],
  ];
  let fixtures = 0;
  async function makeFixture(): Promise<Fixture> {
    const [key, other] = await Promise.all([newKey(kms), newKey(kms)]);
    const alias = `alias/policies-${++fixtures}`;
    await kms.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: key.id }));
    return { key, other, alias, blob: await encryptedUnder(kms, key.id) };
  }

  test.each(operations)('%s, and is refused where it is denied', async (permission, act) => {
    const fixture = await makeFixture();
    const { key } = fixture;
    const denied = policyOf(statement('Allow', account, 'kms:*'), statement('Deny', administrator, permission));
    await putPolicy(key.id, denied, true);
    await expectRefusal(
      act(fixture),
      'AccessDeniedException',
      `${notAuthorized(permission, key)} with an explicit deny in a resource-based policy`,
    );
  });

  test.each(operations)("%s, before the key's state and the ciphertext are looked at", async (permission, act) => {
    const { blob, ...fixture } = await makeFixture();
    const { key } = fixture;
    blob.fill(0, blob.length - 16);
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: key.id }));
    await putPolicy(key.id, policyOf(statement('Allow', account, 'kms:CreateGrant')), true);
    await expectRefusal(
      act({ ...fixture, blob }),
      'AccessDeniedException',
      `${notAuthorized(permission, key)} because no resource-based policy allows the ${permission} action`,
    );
  });
});

describe('who and what a statement is about', () => {
  const elements: [string, () => object, allowed: boolean][] = [
    ['the account by its ARN', () => statement('Allow', account, 'kms:Encrypt'), true],
    ['the account by its id', () => statement('Allow', server.accountId, 'kms:Encrypt'), true],
    ['the user', () => statement('Allow', administrator, 'kms:Encrypt'), true],
    ['everyone', () => ({ ...statement('Allow', '', 'kms:Encrypt'), Principal: '*' }), true],
    ['everyone of AWS', () => statement('Allow', '*', 'kms:Encrypt'), true],
    ['another user', () => statement('Allow', `${administrator}2`, 'kms:Encrypt'), false],
    ['another account', () => statement('Allow', '123456789012', 'kms:Encrypt'), false],
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
