import { DecryptCommand, type KMSClient, ReEncryptCommand, type ReEncryptCommandInput } from '@aws-sdk/client-kms';
import { beforeAll, expect, test } from 'vitest';
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
} from '../support/kms.ts';
import { expectEveryDocumentedException, rootOf, testOperation } from '../support/operation-suite.ts';
import { OWNER, sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const send = (kms: KMSClient, input: ReEncryptCommandInput) => kms.send(new ReEncryptCommand(input));

testOperation(sandbox, {
  name: 'ReEncrypt',
  send,
  request: async ({ kms, caller, key }) => ({
    CiphertextBlob: await encryptedUnder(kms, key.id),
    DestinationKeyId: (await newKey(caller)).id,
  }),
  key: {
    as: 'from the key',
    namedBy: { member: 'SourceKeyId', accepts: 'key or alias' },
    optional: true,
    crossAccount: true,
    permission: 'kms:ReEncryptFrom',
    usage: 'ENCRYPT_DECRYPT',
    needsMaterial: true,
    arnIn: ({ SourceKeyId }) => SourceKeyId,
  },
});

testOperation(sandbox, {
  name: 'ReEncrypt',
  send,
  request: async ({ caller, key }) => ({
    CiphertextBlob: await encryptedUnder(caller, (await newKey(caller)).id),
    DestinationKeyId: key.id,
  }),
  key: {
    as: 'to the key',
    namedBy: { member: 'DestinationKeyId', accepts: 'key or alias' },
    crossAccount: true,
    permission: 'kms:ReEncryptTo',
    usage: 'ENCRYPT_DECRYPT',
    arnIn: ({ KeyId }) => KeyId,
  },
});

let key: NewKey;
let other: NewKey;
beforeAll(async () => {
  [key, other] = [await newKey(sandbox.kms), await newKey(sandbox.kms)];
});

const context = { tenant: 'a', purpose: 'orders' };
const reEncrypt = (CiphertextBlob: Uint8Array | undefined, input: Partial<ReEncryptCommandInput> = {}) =>
  send(sandbox.kms, { CiphertextBlob, DestinationKeyId: other.id, ...input });

test('answers with every member that AWS answers with', async () => {
  const blob = await encryptedUnder(sandbox.kms, key.id, context);
  const { $metadata: _, ...moved } = await reEncrypt(blob, {
    SourceKeyId: key.id,
    SourceEncryptionContext: context,
    SourceEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    DestinationEncryptionContext: { purpose: 'archive' },
    DestinationEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
  });
  expect(moved).toEqual({
    CiphertextBlob: expect.any(Uint8Array),
    SourceKeyId: key.arn,
    KeyId: other.arn,
    SourceEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    DestinationEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    SourceKeyMaterialId: key.materialId,
    DestinationKeyMaterialId: other.materialId,
  });
  const decrypt = (EncryptionContext: Record<string, string>) =>
    sandbox.kms.send(new DecryptCommand({ CiphertextBlob: moved.CiphertextBlob, EncryptionContext }));
  const decrypted = await decrypt({ purpose: 'archive' });
  expect(decrypted.KeyId).toBe(other.arn);
  expect(Buffer.from(decrypted.Plaintext ?? [])).toEqual(plaintext);
  await expectRefusal(decrypt(context), 'InvalidCiphertextException');
});

test('changes the context under the same key', async () => {
  const blob = await encryptedUnder(sandbox.kms, key.id, context);
  const moved = await reEncrypt(blob, { SourceEncryptionContext: context, DestinationKeyId: key.id });
  expect(moved).toMatchObject({ SourceKeyId: key.arn, KeyId: key.arn });
  await sandbox.kms.send(new DecryptCommand({ CiphertextBlob: moved.CiphertextBlob }));
});

test('refuses what Decrypt refuses', async () => {
  const blob = Buffer.from(await encryptedUnder(sandbox.kms, key.id, context));
  const SourceEncryptionContext = context;
  await expectRefusal(reEncrypt(blob), 'InvalidCiphertextException');
  await expectRefusal(
    reEncrypt(blob, { SourceEncryptionContext, SourceKeyId: other.id }),
    'IncorrectKeyException',
    'The key ID in the request does not identify a CMK that can perform this operation.',
  );
  await expectRefusal(reEncrypt(blob.subarray(1), { SourceEncryptionContext }), 'InvalidCiphertextException');
  await expectRefusal(reEncrypt(blob, { SourceEncryptionContext, DestinationKeyId: noSuchKeyId }), 'NotFoundException');
});

test('says that it is not allowed before it looks at the ciphertext', async () => {
  const { id, arn } = await newKey(sandbox.kms, {
    Policy: policyOf(statement('Allow', rootOf(OWNER), ['kms:PutKeyPolicy', 'kms:Encrypt'])),
  });
  const blob = await encryptedUnder(sandbox.kms, id);
  blob.fill(0, blob.length - 16);
  await expectRefusal(
    reEncrypt(blob),
    'AccessDeniedException',
    `User: ${rootOf(OWNER)} is not authorized to perform: kms:ReEncryptFrom on resource: ${arn} because no resource-based policy allows the kms:ReEncryptFrom action`,
  );
});

test('refuses algorithms of other keys, on either side', async () => {
  const blob = await encryptedUnder(sandbox.kms, key.id);
  for (const member of ['SourceEncryptionAlgorithm', 'DestinationEncryptionAlgorithm']) {
    await expectRefusal(reEncrypt(blob, { [member]: 'RSAES_OAEP_SHA_256' }), 'InvalidKeyUsageException');
  }
});

test('needs no ciphertext for a dry run that ignores it', async () => {
  const ask = (SourceKeyId: string) =>
    reEncrypt(undefined, { SourceKeyId, DryRun: true, DryRunModifiers: ['IGNORE_CIPHERTEXT'] });
  await expectRefusal(ask(key.id), 'DryRunOperationException');
  const [disabled, pending] = [await newKey(sandbox.kms), await newKey(sandbox.kms)];
  await putInState(sandbox.kms, disabled, 'Disabled');
  await putInState(sandbox.kms, pending, 'PendingDeletion');
  const denied = await newKey(sandbox.kms, {
    Policy: policyOf(statement('Allow', rootOf(OWNER), ['kms:PutKeyPolicy'])),
  });
  await expectRefusal(ask(disabled.id), 'DisabledException');
  await expectRefusal(ask(pending.id), 'KMSInvalidStateException');
  await expectRefusal(ask(denied.id), 'AccessDeniedException');
  await expectRefusal(ask(noSuchKeyId), 'NotFoundException');
  await expectRefusal(ask('alias/nowhere'), 'NotFoundException');
});

expectEveryDocumentedException(sandbox, 'ReEncrypt');
