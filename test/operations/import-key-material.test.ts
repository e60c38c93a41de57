import { randomBytes } from 'node:crypto';
import { ImportKeyMaterialCommand, type ImportKeyMaterialCommandInput, type KMSClient } from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { FOR_GOOD, importMaterial, importRequest } from '../support/import-material.ts';
import { expectRefusal, newKey, stateOf } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

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

test('refuses spoilt tokens and ciphertexts', async () => {
  const key = await externalKey();
  const good = { ...(await importRequest(sandbox.kms, key.id, material)), ...FOR_GOOD };
  const other = await importRequest(sandbox.kms, (await externalKey()).id, material);
  const { ImportToken, EncryptedKeyMaterial } = other;
  await expectRefusal(send(sandbox.kms, { ...good, ImportToken }), 'InvalidImportTokenException');
  await expectRefusal(send(sandbox.kms, { ...good, EncryptedKeyMaterial }), 'InvalidCiphertextException');
});

test('is not for keys whose material was made here', async () => {
  const { id, arn } = await newKey(sandbox.kms);
  const request = { KeyId: id, ImportToken: material, EncryptedKeyMaterial: material, ...FOR_GOOD };
  const message = `${arn} origin is AWS_KMS which is not valid for this operation.`;
  await expectRefusal(send(sandbox.kms, request), 'UnsupportedOperationException', message);
});

expectEveryDocumentedException(sandbox, 'ImportKeyMaterial', {
  ExpiredImportTokenException: 'it takes a day, which operations-import.sdk.test.ts lets pass',
});
