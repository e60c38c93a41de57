import { createPublicKey } from 'node:crypto';
import {
  GetParametersForImportCommand,
  type GetParametersForImportCommandInput,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { importMaterial } from '../support/import-material.ts';
import { expectRefusal, newKey } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const send = (kms: KMSClient, input: GetParametersForImportCommandInput) =>
  kms.send(new GetParametersForImportCommand(input));
const usual = { WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' } as const;

testOperation(sandbox, {
  name: 'GetParametersForImport',
  send,
  request: ({ key }) => ({ KeyId: key.id, ...usual }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key' },
    crossAccount: false,
    spec: { Origin: 'EXTERNAL' },
    prepare: async (kms, { id }) => {
      await importMaterial(kms, id, Buffer.alloc(32, 1));
    },
    arnIn: ({ KeyId }) => KeyId,
  },
});

test.each(['RSA_2048', 'RSA_3072', 'RSA_4096'] as const)(
  'gives a wrapping key of %s, good for 24 hours',
  async (spec) => {
    const { id } = await newKey(sandbox.kms, { Origin: 'EXTERNAL' });
    const before = Date.now();
    const given = await send(sandbox.kms, { KeyId: id, ...usual, WrappingKeySpec: spec });
    const publicKey = createPublicKey({ key: Buffer.from(given.PublicKey ?? []), format: 'der', type: 'spki' });
    expect(publicKey.asymmetricKeyDetails).toEqual({ modulusLength: Number(spec.slice(4)), publicExponent: 65537n });
    expect(given.ImportToken?.length).toBeLessThanOrEqual(6144);
    const madeAt = (given.ParametersValidTo?.getTime() ?? 0) - 24 * 60 * 60 * 1000;
    expect(madeAt).toBeGreaterThanOrEqual(before);
    expect(madeAt).toBeLessThanOrEqual(Date.now());
  },
);

test.each([
  ['RSAES_PKCS1_V1_5', 'RSA_2048', 'SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT'],
  ['RSA_AES_KEY_WRAP_SHA_256', 'RSA_4096', 'SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT'],
  ['SM2PKE', 'SM2', 'SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT'],
  ['RSAES_OAEP_SHA_256', 'SM2', 'SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT'],
  ['RSAES_OAEP_SHA_256', 'RSA_4096', 'RSA_2048', 'SIGN_VERIFY'],
  ['RSAES_OAEP_SHA_1', 'RSA_2048', 'ECC_NIST_P521', 'SIGN_VERIFY'],
] as const)('does not wrap by %s under %s for %s', async (WrappingAlgorithm, WrappingKeySpec, KeySpec, KeyUsage) => {
  const { id } = await newKey(sandbox.kms, { Origin: 'EXTERNAL', KeySpec, KeyUsage });
  const refused = send(sandbox.kms, { KeyId: id, WrappingAlgorithm, WrappingKeySpec });
  await expectRefusal(refused, 'UnsupportedOperationException', /^Wrapping algorithm .* is not supported/);
});

test('is not for keys whose material was made here', async () => {
  const { id, arn } = await newKey(sandbox.kms);
  const message = `${arn} origin is AWS_KMS which is not valid for this operation.`;
  await expectRefusal(send(sandbox.kms, { KeyId: id, ...usual }), 'UnsupportedOperationException', message);
});

expectEveryDocumentedException(sandbox, 'GetParametersForImport');
