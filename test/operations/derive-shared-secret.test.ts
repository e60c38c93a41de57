import { createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto';
import {
  DeriveSharedSecretCommand,
  type DeriveSharedSecretCommandInput,
  GetPublicKeyCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal, newKey } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const spec = { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' } as const;
const KeyAgreementAlgorithm = 'ECDH';
const peer = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const PublicKey = peer.publicKey.export({ format: 'der', type: 'spki' });
const send = (kms: KMSClient, input: DeriveSharedSecretCommandInput) => kms.send(new DeriveSharedSecretCommand(input));

testOperation(sandbox, {
  name: 'DeriveSharedSecret',
  send,
  request: ({ key }): DeriveSharedSecretCommandInput => ({ KeyId: key.id, KeyAgreementAlgorithm, PublicKey }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key or alias' },
    crossAccount: true,
    usage: 'KEY_AGREEMENT',
    spec,
    arnIn: ({ KeyId }) => KeyId,
  },
});

test('derives the secret that the peer derives from the public key', async () => {
  const key = await newKey(sandbox.kms, spec);
  const { $metadata: _, ...derived } = await send(sandbox.kms, { KeyId: key.id, KeyAgreementAlgorithm, PublicKey });
  const found = await sandbox.kms.send(new GetPublicKeyCommand({ KeyId: key.id }));
  const publicKey = createPublicKey({ key: Buffer.from(found.PublicKey ?? []), format: 'der', type: 'spki' });
  const secret = diffieHellman({ privateKey: peer.privateKey, publicKey });
  expect({ ...derived, SharedSecret: Buffer.from(derived.SharedSecret ?? []) }).toEqual({
    KeyId: key.arn,
    KeyAgreementAlgorithm,
    KeyOrigin: 'AWS_KMS',
    SharedSecret: secret,
  });
});

test('refuses a public key of another curve, of no curve, and what is no public key', async () => {
  const { id: KeyId } = await newKey(sandbox.kms, spec);
  const offCurve = Buffer.from(PublicKey);
  offCurve[offCurve.length - 1] = (offCurve.at(-1) as number) ^ 0x01;
  const { publicKey: other } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  for (const wrong of [other.export({ format: 'der', type: 'spki' }), offCurve, Buffer.from('public key')]) {
    await expectRefusal(
      send(sandbox.kms, { KeyId, KeyAgreementAlgorithm, PublicKey: wrong }),
      'ValidationException',
      'The public key is not a valid public key of the key spec ECC_NIST_P256.',
    );
  }
});

expectEveryDocumentedException(sandbox, 'DeriveSharedSecret');
