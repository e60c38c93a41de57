import type { EncryptRequest, EncryptResponse } from '@aws-sdk/client-kms';
import {
  dryRun,
  encryptionAlgorithm,
  encryptionContext,
  grantTokens,
  keyId,
  plaintext,
} from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { cryptographicData, currentMaterial } from './audited.ts';
import {
  checkContext,
  encryptionAlgorithmOf,
  encryptUnder,
  requireEncryptionAlgorithm,
  SYMMETRIC_DEFAULT,
} from './encryption.ts';
import type { KmsOperation } from './ports.ts';
import { cryptographicKeyTarget, type KeyResource } from './targets.ts';

export const encrypt: KmsOperation<EncryptRequest, EncryptResponse, { key: KeyResource }> = {
  name: 'Encrypt',
  input: structure<EncryptRequest>({
    KeyId: required(keyId),
    Plaintext: required(plaintext),
    EncryptionContext: encryptionContext,
    GrantTokens: grantTokens,
    EncryptionAlgorithm: encryptionAlgorithm,
    DryRun: dryRun,
  }),
  validate: (input) => checkContext(input.EncryptionContext),
  targets: {
    key: cryptographicKeyTarget({
      operation: 'Encrypt',
      usage: 'ENCRYPT_DECRYPT',
      encryptionContext: (input) => input.EncryptionContext,
      encryptionAlgorithm: (input) => encryptionAlgorithmOf(input.EncryptionAlgorithm),
    }),
  },
  effect: 'read',
  audit: {
    readOnly: true,
    request: ['KeyId', 'EncryptionAlgorithm', 'EncryptionContext', 'DryRun'],
    implied: { EncryptionAlgorithm: SYMMETRIC_DEFAULT },
    additional: ({ targets: { key } }) => cryptographicData(currentMaterial(key), key),
  },
  async handle({ input, targets, ports }) {
    const { key } = targets.key;
    const algorithm = encryptionAlgorithmOf(input.EncryptionAlgorithm);
    requireEncryptionAlgorithm(key, algorithm, input.EncryptionContext);
    const { ciphertext } = await encryptUnder(ports, key, algorithm, input.Plaintext, input.EncryptionContext);
    return { CiphertextBlob: ciphertext, KeyId: key.arn, EncryptionAlgorithm: algorithm };
  },
};
