import type { DeriveSharedSecretRequest, DeriveSharedSecretResponse } from '@aws-sdk/client-kms';
import { dryRun, grantTokens, keyAgreementAlgorithm, keyId, publicKey, recipientInfo } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { cryptographicData } from './audited.ts';
import { validationFailure } from './errors.ts';
import { currentHandle } from './key-handle.ts';
import type { KmsOperation } from './ports.ts';
import { plaintextFor } from './recipient.ts';
import { cryptographicKeyTarget, type KeyResource } from './targets.ts';

export const deriveSharedSecret: KmsOperation<
  DeriveSharedSecretRequest,
  DeriveSharedSecretResponse,
  { key: KeyResource }
> = {
  name: 'DeriveSharedSecret',
  input: structure<DeriveSharedSecretRequest>({
    KeyId: required(keyId),
    KeyAgreementAlgorithm: required(keyAgreementAlgorithm),
    PublicKey: required(publicKey),
    GrantTokens: grantTokens,
    DryRun: dryRun,
    Recipient: recipientInfo,
  }),
  targets: {
    key: cryptographicKeyTarget({
      operation: 'DeriveSharedSecret',
      usage: 'KEY_AGREEMENT',
      recipient: (input) => input,
      conditions: { 'kms:KeyAgreementAlgorithm': ({ input }) => [input.KeyAgreementAlgorithm] },
    }),
  },
  effect: 'read',
  audit: {
    readOnly: true,
    request: ['KeyId', 'KeyAgreementAlgorithm', 'DryRun'],
    additional: ({ targets: { key } }) => cryptographicData(undefined, key),
  },
  async handle({ input, targets, ports }) {
    const { key, recipient } = targets.key;
    const { KeyAgreementAlgorithm, PublicKey } = input;
    const secret = await ports.custody.deriveSharedSecret(await currentHandle(ports, key), PublicKey);
    // Another curve's key, and a point that is on no curve, are refused alike (SP 800-56A section 5.6.2.3.3).
    if (secret === undefined) {
      throw validationFailure(`The public key is not a valid public key of the key spec ${key.record.keySpec}.`);
    }
    return {
      KeyId: key.arn,
      ...(await plaintextFor(recipient, 'SharedSecret', secret, ports)),
      KeyAgreementAlgorithm,
      KeyOrigin: key.record.origin,
    };
  },
};
