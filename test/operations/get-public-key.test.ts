import { createPublicKey } from 'node:crypto';
import {
  type CreateKeyCommandInput,
  GetPublicKeyCommand,
  type GetPublicKeyCommandInput,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal, newKey } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const send = (kms: KMSClient, input: GetPublicKeyCommandInput) => kms.send(new GetPublicKeyCommand(input));

testOperation(sandbox, {
  name: 'GetPublicKey',
  send,
  request: ({ key }) => ({ KeyId: key.id }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key or alias' },
    crossAccount: true,
    spec: { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' },
    arnIn: ({ KeyId }) => KeyId,
  },
});

const kinds: [CreateKeyCommandInput, keyType: string, algorithms: object][] = [
  [{ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' }, 'ec', { SigningAlgorithms: ['ECDSA_SHA_256'] }],
  [{ KeySpec: 'ECC_NIST_P384', KeyUsage: 'KEY_AGREEMENT' }, 'ec', { KeyAgreementAlgorithms: ['ECDH'] }],
  [
    { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' },
    'rsa',
    { EncryptionAlgorithms: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'] },
  ],
  [{ KeySpec: 'ML_DSA_65', KeyUsage: 'SIGN_VERIFY' }, 'ml-dsa-65', { SigningAlgorithms: ['ML_DSA_SHAKE_256'] }],
];

test.each(kinds)('answers with every member that AWS answers with: %j', async (input, keyType, algorithms) => {
  const key = await newKey(sandbox.kms, input);
  const { $metadata: _, ...found } = await send(sandbox.kms, { KeyId: key.id });
  expect(found).toEqual({
    KeyId: key.arn,
    PublicKey: expect.any(Uint8Array),
    KeySpec: input.KeySpec,
    CustomerMasterKeySpec: input.KeySpec,
    KeyUsage: input.KeyUsage,
    ...algorithms,
  });
  const { PublicKey = new Uint8Array() } = found;
  expect(createPublicKey({ key: Buffer.from(PublicKey), format: 'der', type: 'spki' }).asymmetricKeyType).toBe(keyType);
});

test.each([{}, { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' } as const])(
  'has nothing to give of a key that has no public part: %j',
  async (input) => {
    const { id } = await newKey(sandbox.kms, input);
    // What the SDK makes of an exception without a message.
    await expectRefusal(send(sandbox.kms, { KeyId: id }), 'UnsupportedOperationException', 'UnknownError');
  },
);

expectEveryDocumentedException(sandbox, 'GetPublicKey', {
  InvalidArnException: 'an ARN that cannot be one is told in the same words as a key id that cannot be one',
  InvalidKeyUsageException: 'a key of any usage may show its public key',
});
