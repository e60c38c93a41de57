import {
  CreateKeyCommand,
  type CreateKeyCommandInput,
  DescribeKeyCommand,
  GetKeyPolicyCommand,
  type KMSClient,
  ListKeysCommand,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal, newKey, policyOf, statement, tagsOf } from '../support/kms.ts';
import { expectEveryDocumentedException, rootOf, testOperation } from '../support/operation-suite.ts';
import { OWNER, REGION, sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();

testOperation(sandbox, {
  name: 'CreateKey',
  send: (kms: KMSClient, input: CreateKeyCommandInput) => kms.send(new CreateKeyCommand(input)),
  request: () => ({}),
});

const described = async (KeyId: string) => (await sandbox.kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata;

test('makes a symmetric key with what AWS makes of no input at all', async () => {
  const before = Date.now();
  const { KeyMetadata } = await sandbox.kms.send(new CreateKeyCommand({}));
  expect(KeyMetadata).toEqual({
    AWSAccountId: OWNER,
    KeyId: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
    Arn: `arn:aws:kms:${REGION}:${OWNER}:key/${KeyMetadata?.KeyId}`,
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
  expect(await described(KeyMetadata?.KeyId ?? '')).toEqual(KeyMetadata);
});

test('takes every member that fits a symmetric key', async () => {
  const Policy = policyOf(statement('Allow', rootOf(OWNER), 'kms:*'));
  const key = await newKey(sandbox.kms, {
    Policy,
    Description: 'Bestellungen, größtenteils 🍐',
    KeyUsage: 'ENCRYPT_DECRYPT',
    KeySpec: 'SYMMETRIC_DEFAULT',
    Origin: 'AWS_KMS',
    BypassPolicyLockoutSafetyCheck: true,
    MultiRegion: false,
    Tags: [{ TagKey: 'team', TagValue: 'orders' }],
  });
  expect((await described(key.id))?.Description).toBe('Bestellungen, größtenteils 🍐');
  expect((await sandbox.kms.send(new GetKeyPolicyCommand({ KeyId: key.id }))).Policy).toBe(Policy);
  expect(await tagsOf(sandbox.kms, key.id)).toEqual({ team: 'orders' });
  await newKey(sandbox.kms, { CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT' });
});

test('makes a key for imported material without any', async () => {
  const { KeyMetadata } = await sandbox.kms.send(new CreateKeyCommand({ Origin: 'EXTERNAL' }));
  expect(KeyMetadata).toMatchObject({ Origin: 'EXTERNAL', KeyState: 'PendingImport', Enabled: false });
  expect(KeyMetadata?.CurrentKeyMaterialId).toBeUndefined();
});

test('makes a multi-Region primary key, whose id says so', async () => {
  const { KeyMetadata } = await sandbox.kms.send(new CreateKeyCommand({ MultiRegion: true }));
  expect(KeyMetadata).toMatchObject({
    KeyId: expect.stringMatching(/^mrk-[0-9a-f]{32}$/),
    MultiRegion: true,
    MultiRegionConfiguration: {
      MultiRegionKeyType: 'PRIMARY',
      PrimaryKey: { Arn: KeyMetadata?.Arn, Region: REGION },
      ReplicaKeys: [],
    },
  });
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
    'a key spec that leaves the usage open',
    { KeySpec: 'HMAC_256' },
    'ValidationException',
    /^You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys\.$/,
  ],
  [
    "a key spec of China's Regions",
    { KeySpec: 'SM2', KeyUsage: 'SIGN_VERIFY' },
    'UnsupportedOperationException',
    /SM2/,
  ],
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
    'TagException',
    /^Too many tags$/,
  ],
  [
    'a policy of more than 32 KiB',
    { Policy: policyOf({ ...statement('Allow', rootOf(OWNER), 'kms:*'), Sid: 'x'.repeat(33 * 1024) }) },
    'LimitExceededException',
    /32768/,
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
  const before = await sandbox.kms.send(new ListKeysCommand({}));
  await expectRefusal(sandbox.kms.send(new CreateKeyCommand(input)), name, message);
  expect((await sandbox.kms.send(new ListKeysCommand({}))).Keys).toEqual(before.Keys);
});

const NO_CUSTOM_KEY_STORES = 'no custom key store can be connected yet';

expectEveryDocumentedException(sandbox, 'CreateKey', {
  CloudHsmClusterInvalidConfigurationException: NO_CUSTOM_KEY_STORES,
  CustomKeyStoreInvalidStateException: NO_CUSTOM_KEY_STORES,
  InvalidArnException: 'no member of the request is an ARN',
  XksKeyAlreadyInUseException: NO_CUSTOM_KEY_STORES,
  XksKeyInvalidConfigurationException: NO_CUSTOM_KEY_STORES,
  XksKeyNotFoundException: NO_CUSTOM_KEY_STORES,
});
