import { createHash, createPublicKey, verify } from 'node:crypto';
import {
  GetPublicKeyCommand,
  type KeySpec,
  type KMSClient,
  SignCommand,
  type SignCommandInput,
  type SigningAlgorithmSpec,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal, newKey, plaintext } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const SigningAlgorithm = 'ECDSA_SHA_256';
const send = (kms: KMSClient, input: SignCommandInput) => kms.send(new SignCommand(input));

testOperation(sandbox, {
  name: 'Sign',
  send,
  request: ({ key }): SignCommandInput => ({ KeyId: key.id, Message: plaintext, SigningAlgorithm }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key or alias' },
    crossAccount: true,
    usage: 'SIGN_VERIFY',
    spec: { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' },
    arnIn: ({ KeyId }) => KeyId,
  },
});

const KeyUsage = 'SIGN_VERIFY';

test('answers with every member that AWS answers with, and a signature that OpenSSL verifies', async () => {
  const key = await newKey(sandbox.kms, { KeySpec: 'ECC_NIST_P256', KeyUsage });
  const Message = createHash('sha256').update(plaintext).digest();
  for (const input of [{ Message: plaintext }, { Message, MessageType: 'DIGEST' as const }]) {
    const { $metadata: _, ...signed } = await send(sandbox.kms, { KeyId: key.id, SigningAlgorithm, ...input });
    expect(signed).toEqual({ KeyId: key.arn, Signature: expect.any(Uint8Array), SigningAlgorithm });
    const { PublicKey = new Uint8Array() } = await sandbox.kms.send(new GetPublicKeyCommand({ KeyId: key.id }));
    const publicKey = createPublicKey({ key: Buffer.from(PublicKey), format: 'der', type: 'spki' });
    expect(verify('sha256', plaintext, publicKey, signed.Signature ?? new Uint8Array())).toBe(true);
  }
});

const others: [KeySpec, SigningAlgorithmSpec][] = [
  ['RSA_2048', 'ECDSA_SHA_256'],
  ['ECC_NIST_P256', 'ECDSA_SHA_384'],
  ['ECC_NIST_P256', 'RSASSA_PSS_SHA_256'],
  ['ML_DSA_44', 'ECDSA_SHA_256'],
];

test.each(others)('does not sign with a key of %s by %s', async (KeySpec, algorithm) => {
  const { id } = await newKey(sandbox.kms, { KeySpec, KeyUsage });
  await expectRefusal(
    send(sandbox.kms, { KeyId: id, Message: plaintext, SigningAlgorithm: algorithm }),
    'InvalidKeyUsageException',
    `Algorithm ${algorithm} is incompatible with key spec ${KeySpec}.`,
  );
});

test('takes messages of 1 to 4096 bytes, and digests of their one length', async () => {
  const { id: KeyId } = await newKey(sandbox.kms, { KeySpec: 'ECC_NIST_P256', KeyUsage });
  const sign = (bytes: number, MessageType: SignCommandInput['MessageType'] = 'RAW') =>
    send(sandbox.kms, { KeyId, SigningAlgorithm, Message: new Uint8Array(bytes).fill(1), MessageType });
  await sign(1);
  await sign(4096);
  for (const bytes of [0, 4097]) await expectRefusal(sign(bytes), 'ValidationException', /at 'message' failed/);
  for (const bytes of [31, 33, 64]) {
    await expectRefusal(
      sign(bytes, 'DIGEST'),
      'ValidationException',
      'Digest is invalid length for algorithm ECDSA_SHA_256.',
    );
  }
});

expectEveryDocumentedException(sandbox, 'Sign');
