import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateKeyCommand,
  type CreateKeyCommandInput,
  DecryptCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  GetKeyPolicyCommand,
  KeyState,
  type KMSClient,
  ListAliasesCommand,
  ListKeyPoliciesCommand,
  ListKeysCommand,
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
import {
  encryptedUnder,
  expectRefusal,
  type NewKey,
  newKey,
  noSuchKeyId,
  plaintext,
  policyOf,
  putInState,
  statement,
} from './support/kms.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let kms: KMSClient;
let administrator: string;

beforeAll(async () => {
  server = await startServer();
  kms = server.kms();
  administrator = `arn:aws:iam::${server.accountId}:user/administrator`;
});

afterAll(() => cleanUp(server));

async function describeKey(KeyId: string) {
  return (await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata;
}

describe('CreateKey', () => {
  test('makes a symmetric key with what AWS makes of no input at all', async () => {
    const before = Date.now();
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    expect(KeyMetadata).toEqual({
      AWSAccountId: server.accountId,
      KeyId: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      Arn: `arn:aws:kms:us-east-1:${server.accountId}:key/${KeyMetadata?.KeyId}`,
      CreationDate: expect.any(Date),
      Enabled: true,
      Description: '',
      KeyUsage: 'ENCRYPT_DECRYPT',
      KeyState: 'Enabled',
      Origin: 'AWS_KMS',
      KeyManager: 'CUSTOMER',
      CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
      KeySpec: 'SYMMETRIC_DEFAULT',
      EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
      MultiRegion: false,
      CurrentKeyMaterialId: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const created = KeyMetadata?.CreationDate?.getTime();
    expect(created).toBeGreaterThanOrEqual(before);
    expect(created).toBeLessThanOrEqual(Date.now());
    expect(await describeKey(KeyMetadata?.KeyId ?? '')).toEqual(KeyMetadata);
  });

  test('takes every member that fits a symmetric key', async () => {
    const Policy = policyOf(statement('Allow', administrator, 'kms:*'));
    const key = await newKey(kms, {
      Policy,
      Description: 'Bestellungen, größtenteils 🍐',
      KeyUsage: 'ENCRYPT_DECRYPT',
      KeySpec: 'SYMMETRIC_DEFAULT',
      Origin: 'AWS_KMS',
      BypassPolicyLockoutSafetyCheck: true,
      MultiRegion: false,
      Tags: [{ TagKey: 'team', TagValue: 'orders' }],
    });
    expect((await describeKey(key.id))?.Description).toBe('Bestellungen, größtenteils 🍐');
    expect((await kms.send(new GetKeyPolicyCommand({ KeyId: key.id }))).Policy).toBe(Policy);
    expect((await kms.send(new ListResourceTagsCommand({ KeyId: key.id }))).Tags).toEqual([
      { TagKey: 'team', TagValue: 'orders' },
    ]);
    await newKey(kms, { CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT' });
  });

  const tag = { TagKey: 'team', TagValue: 'orders' };
  const refused: [string, CreateKeyCommandInput, string, RegExp][] = [
    [
      'two members for one thing',
      { KeySpec: 'SYMMETRIC_DEFAULT', CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT' },
      'ValidationException',
      /KeySpec and CustomerMasterKeySpec/,
    ],
    [
      'a usage that the key spec does not have',
      { KeyUsage: 'SIGN_VERIFY' },
      'ValidationException',
      /^KeyUsage SIGN_VERIFY is not compatible with KeySpec SYMMETRIC_DEFAULT/,
    ],
    [
      'a key spec of a later issue',
      { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' },
      'UnsupportedOperationException',
      /HMAC_256/,
    ],
    ['an origin of a later issue', { Origin: 'EXTERNAL' }, 'UnsupportedOperationException', /EXTERNAL/],
    ['a multi-Region key, of a later issue', { MultiRegion: true }, 'UnsupportedOperationException', /Multi-Region/],
    [
      'a custom key store that is not there',
      { CustomKeyStoreId: 'cks-1234567890abcdef0', Origin: 'AWS_CLOUDHSM' },
      'CustomKeyStoreNotFoundException',
      /cks-1234567890abcdef0/,
    ],
    ['a policy that is not JSON', { Policy: 'allow me' }, 'MalformedPolicyDocumentException', /./],
    [
      'a policy that would lock its author out',
      {
        Policy:
          '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"kms:Encrypt","Resource":"*"}]}',
      },
      'MalformedPolicyDocumentException',
      /^The new key policy will not allow you to update the key policy in the future\.$/,
    ],
    ['the same tag key twice', { Tags: [tag, { ...tag, TagValue: 'x' }] }, 'TagException', /Duplicate tag keys/],
    ['a tag of AWS', { Tags: [{ TagKey: 'aws:team', TagValue: 'x' }] }, 'TagException', /aws:/],
    [
      'more than fifty tags',
      { Tags: Array.from({ length: 51 }, (_, n) => ({ TagKey: `tag-${n}`, TagValue: '' })) },
      'LimitExceededException',
      /50/,
    ],
    [
      'values outside their limits, all named at once',
      {
        Description: 'x'.repeat(8193),
        KeyUsage: 'ENCRYPT' as 'ENCRYPT_DECRYPT',
        Tags: [{ TagKey: '', TagValue: 'x'.repeat(257) }],
      },
      'ValidationException',
      /^4 validation errors detected: Value '.*' at 'description' failed to satisfy constraint: Member must have length less than or equal to 8192; Value 'ENCRYPT' at 'keyUsage' failed to satisfy constraint: Member must satisfy enum value set: \[SIGN_VERIFY, ENCRYPT_DECRYPT, GENERATE_VERIFY_MAC, KEY_AGREEMENT, ENCAPSULATE_DECAPSULATE\]; Value '' at 'tags\.1\.member\.tagKey' failed to satisfy constraint: Member must have length greater than or equal to 1; Value 'x+' at 'tags\.1\.member\.tagValue' failed to satisfy constraint: Member must have length less than or equal to 256$/s,
    ],
  ];

  test.each(refused)('refuses %s, and makes nothing', async (_, input, name, message) => {
    const before = await kms.send(new ListKeysCommand({}));
    await expectRefusal(kms.send(new CreateKeyCommand(input)), name, message);
    expect((await kms.send(new ListKeysCommand({}))).Keys).toEqual(before.Keys);
  });
});

describe("a key's states", () => {
  test('follow EnableKey, DisableKey, ScheduleKeyDeletion and CancelKeyDeletion', async () => {
    const { id, arn } = await newKey(kms);
    const state = async () => {
      const { Enabled, KeyState, DeletionDate } = (await describeKey(id)) ?? {};
      return { Enabled, KeyState, DeletionDate };
    };
    await kms.send(new DisableKeyCommand({ KeyId: id }));
    expect(await state()).toEqual({ Enabled: false, KeyState: 'Disabled' });
    await kms.send(new EnableKeyCommand({ KeyId: id }));
    expect(await state()).toEqual({ Enabled: true, KeyState: 'Enabled' });

    const before = Date.now();
    const { $metadata, ...scheduled } = await kms.send(
      new ScheduleKeyDeletionCommand({ KeyId: id, PendingWindowInDays: 7 }),
    );
    expect(scheduled).toEqual({
      KeyId: arn,
      DeletionDate: expect.any(Date),
      KeyState: 'PendingDeletion',
      PendingWindowInDays: 7,
    });
    const scheduledAt = (scheduled.DeletionDate?.getTime() ?? 0) - 7 * 24 * 60 * 60 * 1000;
    expect(scheduledAt).toBeGreaterThanOrEqual(before);
    expect(scheduledAt).toBeLessThanOrEqual(Date.now());
    expect(await state()).toEqual({
      Enabled: false,
      KeyState: 'PendingDeletion',
      DeletionDate: scheduled.DeletionDate,
    });

    const cancelled = await kms.send(new CancelKeyDeletionCommand({ KeyId: id }));
    expect(cancelled.KeyId).toBe(arn);
    expect(await state()).toEqual({ Enabled: false, KeyState: 'Disabled' });
  });

  test('do not change what is as it should be already', async () => {
    const { id } = await newKey(kms);
    await kms.send(new EnableKeyCommand({ KeyId: id }));
    await kms.send(new DisableKeyCommand({ KeyId: id }));
    await kms.send(new DisableKeyCommand({ KeyId: id }));
    expect(await describeKey(id)).toMatchObject({ KeyState: 'Disabled' });
  });

  test('thirty days is how long AWS waits unless told otherwise', async () => {
    const { id } = await newKey(kms);
    const { PendingWindowInDays } = await kms.send(new ScheduleKeyDeletionCommand({ KeyId: id }));
    expect(PendingWindowInDays).toBe(30);
  });

  test.each([6, 31, 1, 365])('a window of %i days is refused', async (PendingWindowInDays) => {
    const { id } = await newKey(kms);
    await expectRefusal(
      kms.send(new ScheduleKeyDeletionCommand({ KeyId: id, PendingWindowInDays })),
      'ValidationException',
      /7 and 30/,
    );
    expect(await describeKey(id)).toMatchObject({ KeyState: 'Enabled' });
  });

  test('a window that no service would take breaks a constraint', async () => {
    await expectRefusal(
      kms.send(new ScheduleKeyDeletionCommand({ KeyId: noSuchKeyId, PendingWindowInDays: 0 })),
      'ValidationException',
      "1 validation error detected: Value '0' at 'pendingWindowInDays' failed to satisfy constraint: Member must have value greater than or equal to 1",
    );
  });
});

test('UpdateKeyDescription replaces the description, also by nothing', async () => {
  const { id, arn } = await newKey(kms, { Description: 'old' });
  await kms.send(new UpdateKeyDescriptionCommand({ KeyId: arn, Description: 'new' }));
  expect((await describeKey(id))?.Description).toBe('new');
  await kms.send(new UpdateKeyDescriptionCommand({ KeyId: id, Description: '' }));
  expect((await describeKey(id))?.Description).toBe('');
  await expectRefusal(
    kms.send(new UpdateKeyDescriptionCommand({ KeyId: id, Description: undefined as unknown as string })),
    'ValidationException',
    "1 validation error detected: Value null at 'description' failed to satisfy constraint: Member must not be null",
  );
});

describe('what each operation makes of each key state ("Key states of AWS KMS keys", developer guide)', () => {
  const OK = undefined;
  const DISABLED = 'DisabledException';
  const INVALID = 'KMSInvalidStateException';
  type Expected = typeof OK | typeof DISABLED | typeof INVALID;

  /** Everything an operation may need, made while the key was enabled; `other` stays enabled. */
  interface Fixture {
    readonly key: NewKey;
    readonly other: NewKey;
    readonly alias: string;
    readonly blob: Uint8Array;
    readonly otherBlob: Uint8Array;
  }

  type Row = [
    name: string,
    act: (f: Fixture) => Promise<unknown>,
    Enabled: Expected,
    Disabled: Expected,
    Pending: Expected,
  ];
  const rows: Row[] = [
    ['CancelKeyDeletion', ({ key }) => kms.send(new CancelKeyDeletionCommand({ KeyId: key.id })), INVALID, INVALID, OK],
    [
      'CreateAlias',
      ({ key, alias }) => kms.send(new CreateAliasCommand({ AliasName: `${alias}-2`, TargetKeyId: key.id })),
      OK,
      OK,
      INVALID,
    ],
    ['Decrypt', ({ blob }) => kms.send(new DecryptCommand({ CiphertextBlob: blob })), OK, DISABLED, INVALID],
    ['DeleteAlias', ({ alias }) => kms.send(new DeleteAliasCommand({ AliasName: alias })), OK, OK, OK],
    ['DescribeKey', ({ key }) => kms.send(new DescribeKeyCommand({ KeyId: key.id })), OK, OK, OK],
    ['DisableKey', ({ key }) => kms.send(new DisableKeyCommand({ KeyId: key.id })), OK, OK, INVALID],
    ['EnableKey', ({ key }) => kms.send(new EnableKeyCommand({ KeyId: key.id })), OK, OK, INVALID],
    [
      'Encrypt',
      ({ key }) => kms.send(new EncryptCommand({ KeyId: key.id, Plaintext: plaintext })),
      OK,
      DISABLED,
      INVALID,
    ],
    [
      'GenerateDataKey',
      ({ key }) => kms.send(new GenerateDataKeyCommand({ KeyId: key.id, KeySpec: 'AES_256' })),
      OK,
      DISABLED,
      INVALID,
    ],
    [
      'GenerateDataKeyWithoutPlaintext',
      ({ key }) => kms.send(new GenerateDataKeyWithoutPlaintextCommand({ KeyId: key.id, KeySpec: 'AES_256' })),
      OK,
      DISABLED,
      INVALID,
    ],
    ['GetKeyPolicy', ({ key }) => kms.send(new GetKeyPolicyCommand({ KeyId: key.id })), OK, OK, OK],
    ['ListAliases', ({ key }) => kms.send(new ListAliasesCommand({ KeyId: key.id })), OK, OK, OK],
    ['ListKeyPolicies', ({ key }) => kms.send(new ListKeyPoliciesCommand({ KeyId: key.id })), OK, OK, OK],
    ['ListResourceTags', ({ key }) => kms.send(new ListResourceTagsCommand({ KeyId: key.id })), OK, OK, OK],
    [
      'PutKeyPolicy',
      ({ key }) =>
        kms.send(
          new PutKeyPolicyCommand({ KeyId: key.id, Policy: policyOf(statement('Allow', administrator, 'kms:*')) }),
        ),
      OK,
      OK,
      OK,
    ],
    [
      'ReEncrypt, from the key',
      ({ blob, other }) => kms.send(new ReEncryptCommand({ CiphertextBlob: blob, DestinationKeyId: other.id })),
      OK,
      DISABLED,
      INVALID,
    ],
    [
      'ReEncrypt, to the key',
      ({ otherBlob, key }) => kms.send(new ReEncryptCommand({ CiphertextBlob: otherBlob, DestinationKeyId: key.id })),
      OK,
      DISABLED,
      INVALID,
    ],
    ['ScheduleKeyDeletion', ({ key }) => kms.send(new ScheduleKeyDeletionCommand({ KeyId: key.id })), OK, OK, INVALID],
    [
      'TagResource',
      ({ key }) => kms.send(new TagResourceCommand({ KeyId: key.id, Tags: [{ TagKey: 'a', TagValue: 'b' }] })),
      OK,
      OK,
      INVALID,
    ],
    [
      'UntagResource',
      ({ key }) => kms.send(new UntagResourceCommand({ KeyId: key.id, TagKeys: ['a'] })),
      OK,
      OK,
      INVALID,
    ],
    [
      'UpdateAlias, away from the key',
      ({ alias, other }) => kms.send(new UpdateAliasCommand({ AliasName: alias, TargetKeyId: other.id })),
      OK,
      OK,
      OK,
    ],
    [
      'UpdateAlias, to the key',
      async ({ alias, key, other }) => {
        await kms.send(new CreateAliasCommand({ AliasName: `${alias}-other`, TargetKeyId: other.id }));
        await kms.send(new UpdateAliasCommand({ AliasName: `${alias}-other`, TargetKeyId: key.id }));
      },
      OK,
      OK,
      INVALID,
    ],
    [
      'UpdateKeyDescription',
      ({ key }) => kms.send(new UpdateKeyDescriptionCommand({ KeyId: key.id, Description: 'x' })),
      OK,
      OK,
      INVALID,
    ],
  ];

  const messages = {
    [KeyState.Enabled]: (arn: string) => `${arn} is not pending deletion.`,
    [KeyState.Disabled]: (arn: string, name: string) =>
      name === DISABLED ? `${arn} is disabled.` : `${arn} is not pending deletion.`,
    [KeyState.PendingDeletion]: (arn: string) => `${arn} is pending deletion.`,
  };

  let fixtures = 0;

  test.each(rows)('%s', async (_, act, ...expected) => {
    for (const [index, state] of (['Enabled', 'Disabled', 'PendingDeletion'] as const).entries()) {
      const [key, other] = await Promise.all([newKey(kms), newKey(kms)]);
      const alias = `alias/state-${++fixtures}`;
      await kms.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: key.id }));
      const [blob, otherBlob] = await Promise.all([encryptedUnder(kms, key.id), encryptedUnder(kms, other.id)]);
      await putInState(kms, key, state);
      const acting = act({ key, other, alias, blob, otherBlob });
      const refusal = expected[index];
      if (refusal === undefined) await acting;
      else await expectRefusal(acting, refusal, messages[state](key.arn, refusal));
    }
  });
});
