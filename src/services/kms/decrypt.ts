import type { DecryptRequest, DecryptResponse } from '@aws-sdk/client-kms';
import {
  ciphertextBlob,
  dryRun,
  dryRunModifiers,
  encryptionAlgorithm,
  encryptionContext,
  grantTokens,
  keyId,
  recipientInfo,
} from '../../wire/kms-shapes.ts';
import { structure } from '../../wire/shapes.ts';
import { cryptographicData } from './audited.ts';
import {
  checkContext,
  ciphertextOf,
  decryptUnder,
  encryptionAlgorithmOf,
  ignoresCiphertext,
  materialOfCiphertext,
  requireCiphertext,
  requireEncryptionAlgorithm,
  SYMMETRIC_DEFAULT,
} from './encryption.ts';
import type { KmsOperation } from './ports.ts';
import { plaintextFor } from './recipient.ts';
import { ciphertextKeyTarget, type KeyResource } from './targets.ts';

export const decrypt: KmsOperation<DecryptRequest, DecryptResponse, { key: KeyResource }> = {
  name: 'Decrypt',
  input: structure<DecryptRequest>({
    CiphertextBlob: ciphertextBlob,
    EncryptionContext: encryptionContext,
    GrantTokens: grantTokens,
    KeyId: keyId,
    EncryptionAlgorithm: encryptionAlgorithm,
    Recipient: recipientInfo,
    DryRun: dryRun,
    DryRunModifiers: dryRunModifiers,
  }),
  validate: (input) => {
    requireCiphertext(input, input.KeyId);
    checkContext(input.EncryptionContext);
  },
  targets: {
    key: ciphertextKeyTarget({
      operation: 'Decrypt',
      ciphertext: (input) => ciphertextOf(input),
      reference: (input) => input.KeyId,
      usage: 'ENCRYPT_DECRYPT',
      encryptionContext: (input) => input.EncryptionContext,
      recipient: (input) => input,
      encryptionAlgorithm: (input) => encryptionAlgorithmOf(input.EncryptionAlgorithm),
    }),
  },
  effect: 'read',
  audit: {
    readOnly: true,
    request: ['KeyId', 'EncryptionAlgorithm', 'EncryptionContext', 'DryRun', 'DryRunModifiers'],
    implied: { EncryptionAlgorithm: SYMMETRIC_DEFAULT },
    additional: ({ input, output, targets: { key } }) =>
      cryptographicData(output.KeyMaterialId ?? materialOfCiphertext(input), key),
  },
  async handle({ input, targets, ports }) {
    const { key, recipient } = targets.key;
    const algorithm = encryptionAlgorithmOf(input.EncryptionAlgorithm);
    requireEncryptionAlgorithm(key, algorithm, input.EncryptionContext);
    if (ignoresCiphertext(input)) return {};
    const { CiphertextBlob, EncryptionContext } = input;
    const { plaintext, materialId } = await decryptUnder(ports, key, algorithm, CiphertextBlob, EncryptionContext);
    return {
      KeyId: key.arn,
      ...(await plaintextFor(recipient, 'Plaintext', plaintext, ports)),
      EncryptionAlgorithm: algorithm,
      // AWS leaves it out where the answer is for a recipient, and so in GenerateDataKey.
      KeyMaterialId: recipient === undefined ? materialId : undefined,
    };
  },
};
