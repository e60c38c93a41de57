import {
  type CreateKeyCommandInput,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateMacCommand,
  GetKeyLastUsageCommand,
  type GetKeyLastUsageCommandInput,
  GetPublicKeyCommand,
  type KMSClient,
  ReEncryptCommand,
  ReplicateKeyCommand,
  SignCommand,
  VerifyCommand,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { auditRecordsOf } from '../support/audit.ts';
import { encryptedUnder, expectRefusal, type NewKey, newKey, plaintext } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { OTHER_REGION, OWNER, sandboxOfThisFile } from '../support/sandbox.ts';

// The sandbox has one worker, which tells of a usage at once. When others do is for `test/last-usage.test.ts`.
const sandbox = sandboxOfThisFile();
const send = (kms: KMSClient, input: GetKeyLastUsageCommandInput) => kms.send(new GetKeyLastUsageCommand(input));

testOperation(sandbox, {
  name: 'GetKeyLastUsage',
  send,
  request: ({ key }) => ({ KeyId: key.id }),
  key: { namedBy: { member: 'KeyId', accepts: 'key' }, crossAccount: false },
});

const lastUsage = async ({ id }: NewKey, kms = sandbox.kms) => (await send(kms, { KeyId: id })).KeyLastUsage;

test('tells of a key that was never used that it has been tracked since it was made', async () => {
  const { id, arn } = await newKey(sandbox.kms);
  const { KeyMetadata } = await sandbox.kms.send(new DescribeKeyCommand({ KeyId: id }));
  for (const KeyId of [id, arn]) {
    const { $metadata: _, ...answer } = await send(sandbox.kms, { KeyId });
    expect(answer).toEqual({
      KeyId: id,
      KeyLastUsage: {},
      KeyCreationDate: KeyMetadata?.CreationDate,
      TrackingStartDate: KeyMetadata?.CreationDate,
    });
  }
});

test('tells of the last usage with the ids of its request and of its audit record', async () => {
  const key = await newKey(sandbox.kms);
  const CiphertextBlob = await encryptedUnder(sandbox.kms, key.id);
  const { $metadata } = await sandbox.kms.send(new DecryptCommand({ CiphertextBlob }));
  const record = (await auditRecordsOf(sandbox.server)).find(({ requestID }) => requestID === $metadata.requestId);
  const usage = await lastUsage(key);
  expect(usage).toEqual({
    Operation: 'Decrypt',
    KmsRequestId: $metadata.requestId,
    CloudTrailEventId: record?.eventID,
    Timestamp: expect.any(Date),
  });
  const toTheSecond = Math.floor((usage?.Timestamp?.getTime() ?? 0) / 1000) * 1000;
  expect(toTheSecond).toBe(Date.parse(record?.eventTime ?? ''));
});

test('follows keys of every kind from one operation to the next', async () => {
  const { kms } = sandbox;
  const create = (input: CreateKeyCommandInput) => newKey(kms, input);
  const signing = await create({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
  const SigningAlgorithm = 'ECDSA_SHA_256';
  const { Signature } = await kms.send(new SignCommand({ KeyId: signing.id, Message: plaintext, SigningAlgorithm }));
  expect(await lastUsage(signing)).toMatchObject({ Operation: 'Sign' });
  const mac = await create({ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' });
  await kms.send(new GenerateMacCommand({ KeyId: mac.id, Message: plaintext, MacAlgorithm: 'HMAC_SHA_256' }));
  expect(await lastUsage(mac)).toMatchObject({ Operation: 'GenerateMac' });
  await kms.send(new VerifyCommand({ KeyId: signing.id, Message: plaintext, Signature, SigningAlgorithm }));
  expect(await lastUsage(signing)).toMatchObject({ Operation: 'Verify' });
  // A public key may be looked at without being used.
  await kms.send(new GetPublicKeyCommand({ KeyId: signing.id }));
  expect(await lastUsage(signing)).toMatchObject({ Operation: 'Verify' });
});

test('counts no use that was refused, or was only a dry run', async () => {
  const { kms } = sandbox;
  const key = await newKey(kms);
  await expectRefusal(
    kms.send(new EncryptCommand({ KeyId: key.id, Plaintext: plaintext, DryRun: true })),
    'DryRunOperationException',
  );
  await expectRefusal(
    kms.send(new DecryptCommand({ KeyId: key.id, CiphertextBlob: plaintext })),
    'InvalidCiphertextException',
  );
  expect(await lastUsage(key)).toEqual({});
});

test('counts ReEncrypt for both of its keys', async () => {
  const [from, to] = [await newKey(sandbox.kms), await newKey(sandbox.kms)];
  const CiphertextBlob = await encryptedUnder(sandbox.kms, from.id);
  await sandbox.kms.send(new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: to.id }));
  for (const key of [from, to]) expect(await lastUsage(key)).toMatchObject({ Operation: 'ReEncrypt' });
});

test('tells related keys of several Regions apart', async () => {
  const key = await newKey(sandbox.kms, { MultiRegion: true });
  await sandbox.kms.send(new ReplicateKeyCommand({ KeyId: key.id, ReplicaRegion: OTHER_REGION }));
  await encryptedUnder(sandbox.kms, key.id);
  expect(await lastUsage(key)).toMatchObject({ Operation: 'Encrypt' });
  expect(await lastUsage(key, sandbox.as(OWNER, OTHER_REGION))).toEqual({});
});

expectEveryDocumentedException(sandbox, 'GetKeyLastUsage');
