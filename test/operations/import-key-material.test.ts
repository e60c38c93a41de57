import { randomBytes } from 'node:crypto';
import { ImportKeyMaterialCommand, type ImportKeyMaterialCommandInput, type KMSClient } from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { FOR_GOOD, importMaterial, importRequest } from '../support/import-material.ts';
import { expectRefusal, newKey, stateOf } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';
import { advanceClock, DAY_SECONDS } from '../support/sandbox-clock.ts';

const sandbox = sandboxOfThisFile();
const send = (kms: KMSClient, input: ImportKeyMaterialCommandInput) => kms.send(new ImportKeyMaterialCommand(input));
const material = Buffer.alloc(32, 1);
const externalKey = () => newKey(sandbox.kms, { Origin: 'EXTERNAL' });

testOperation(sandbox, {
  name: 'ImportKeyMaterial',
  send,
  request: async ({ kms, key }) => ({ ...(await importRequest(kms, key.id, material)), ...FOR_GOOD }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key' },
    crossAccount: false,
    spec: { Origin: 'EXTERNAL' },
    prepare: async (kms, { id }) => {
      await importMaterial(kms, id, material);
    },
    arnIn: ({ KeyId }) => KeyId,
  },
});

test('enables the key, and tells the id of the material', async () => {
  const key = await externalKey();
  const { $metadata: _, ...imported } = await importMaterial(sandbox.kms, key.id, material);
  expect(imported).toEqual({ KeyId: key.arn, KeyMaterialId: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(await stateOf(sandbox.kms, key)).toEqual({ Enabled: true, KeyState: 'Enabled' });
});

test.each([
  [{}, 'A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES'],
  [{ ...FOR_GOOD, ValidTo: new Date() }, /validTo date cannot be set/],
  [{ ValidTo: new Date(0) }, 'ValidTo must be in the future'],
  [{ ValidTo: new Date(Date.now() + 400 * 24 * 60 * 60 * 1000) }, /within 365 days/],
  [
    { ...FOR_GOOD, ImportType: 'NEW_KEY_MATERIAL', KeyMaterialId: 'ab'.repeat(32) },
    /KeyMaterialId cannot be specified/,
  ],
  [{ ...FOR_GOOD, KeyMaterialDescription: 'ä' }, /Member must satisfy regular expression pattern/],
] as const)('refuses %j', async (more, message) => {
  await expectRefusal(
    importMaterial(sandbox.kms, (await externalKey()).id, material, more),
    'ValidationException',
    message,
  );
});

test('takes the same material again, and no other in its place', async () => {
  const key = await externalKey();
  await importMaterial(sandbox.kms, key.id, material);
  await importMaterial(sandbox.kms, key.id, material);
  await expectRefusal(importMaterial(sandbox.kms, key.id, randomBytes(32)), 'IncorrectKeyMaterialException');
});

test('refuses what is spoilt or comes with the wrong token, and changes nothing then', async () => {
  const [key, another] = [await externalKey(), await externalKey()];
  const good = { ...(await importRequest(sandbox.kms, key.id, material)), ...FOR_GOOD };
  const { ImportToken, EncryptedKeyMaterial } = await importRequest(sandbox.kms, another.id, material);
  const attempt = (more: object) => send(sandbox.kms, { ...good, ...more });
  for (const token of [ImportToken, randomBytes(1000), good.ImportToken?.subarray(1)]) {
    await expectRefusal(attempt({ ImportToken: token }), 'InvalidImportTokenException');
  }
  for (const ciphertext of [EncryptedKeyMaterial, randomBytes(256), good.EncryptedKeyMaterial?.subarray(1)]) {
    await expectRefusal(attempt({ EncryptedKeyMaterial: ciphertext }), 'InvalidCiphertextException');
  }
  for (const bytes of [16, 31, 33]) {
    await expectRefusal(importMaterial(sandbox.kms, key.id, randomBytes(bytes)), 'IncorrectKeyMaterialException');
  }
  await expectRefusal(attempt({ ExpirationModel: undefined }), 'ValidationException', /^A validTo date must be set/);
  expect(await stateOf(sandbox.kms, key)).toEqual({ Enabled: false, KeyState: 'PendingImport' });
  await attempt({});
  expect(await stateOf(sandbox.kms, key)).toEqual({ Enabled: true, KeyState: 'Enabled' });
});

test('takes tokens and ciphertexts of 1 to 6144 bytes', async () => {
  const good = { ...(await importRequest(sandbox.kms, (await externalKey()).id, material)), ...FOR_GOOD };
  for (const [member, refusal] of [
    ['ImportToken', 'InvalidImportTokenException'],
    ['EncryptedKeyMaterial', 'InvalidCiphertextException'],
  ] as const) {
    const attempt = (bytes: number) => send(sandbox.kms, { ...good, [member]: new Uint8Array(bytes) });
    for (const bytes of [0, 6145]) await expectRefusal(attempt(bytes), 'ValidationException', /failed to satisfy/);
    for (const bytes of [1, 6144]) await expectRefusal(attempt(bytes), refusal);
  }
});

test('takes a token for 24 hours', async () => {
  const key = await externalKey();
  const request = { ...(await importRequest(sandbox.kms, key.id, material)), ...FOR_GOOD };
  await advanceClock(sandbox.server, DAY_SECONDS - 10 * 60);
  await send(sandbox.kms, request);
  await advanceClock(sandbox.server, 10 * 60 + 1);
  await expectRefusal(send(sandbox.kms, request), 'ExpiredImportTokenException', 'The import token has expired.');
});

test('is not for keys whose material was made here', async () => {
  const { id, arn } = await newKey(sandbox.kms);
  const request = { KeyId: id, ImportToken: material, EncryptedKeyMaterial: material, ...FOR_GOOD };
  const message = `${arn} origin is AWS_KMS which is not valid for this operation.`;
  await expectRefusal(send(sandbox.kms, request), 'UnsupportedOperationException', message);
});

expectEveryDocumentedException(sandbox, 'ImportKeyMaterial');
