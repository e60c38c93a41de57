import type { DecryptRequest, DecryptResponse } from '@aws-sdk/client-kms';
import {
  ciphertextBlob,
  dryRun,
  dryRunModifiers,
  encryptionAlgorithm,
  encryptionContext,
  grantTokens,
  keyId,
  recipient,
} from '../../wire/kms-shapes.ts';
import { structure } from '../../wire/shapes.ts';
import { refuseGrantTokens, refuseRecipient } from './not-yet.ts';
import type { KmsOperation } from './ports.ts';
import {
  decryptBlob,
  ignoresCiphertext,
  limitContext,
  requireCiphertext,
  requireSymmetricDefault,
  SYMMETRIC_DEFAULT,
} from './symmetric.ts';
import { ciphertextKeyTarget, type KeyResource } from './targets.ts';

export const decrypt: KmsOperation<DecryptRequest, DecryptResponse, { key: KeyResource }> = {
  name: 'Decrypt',
  input: structure<DecryptRequest>({
    CiphertextBlob: ciphertextBlob,
    EncryptionContext: encryptionContext,
    GrantTokens: grantTokens,
    KeyId: keyId,
    EncryptionAlgorithm: encryptionAlgorithm,
    Recipient: recipient,
    DryRun: dryRun,
    DryRunModifiers: dryRunModifiers,
  }),
  validate: (input) => {
    requireCiphertext(input, input.KeyId);
    limitContext(input.EncryptionContext);
    refuseGrantTokens(input.GrantTokens);
    refuseRecipient(input.Recipient);
  },
  targets: {
    key: ciphertextKeyTarget({
      operation: 'Decrypt',
      ciphertext: (input) => input.CiphertextBlob,
      reference: (input) => input.KeyId,
      usage: 'ENCRYPT_DECRYPT',
      encryptionContext: (input) => input.EncryptionContext,
      encryptionAlgorithm: (input) => input.EncryptionAlgorithm ?? SYMMETRIC_DEFAULT,
    }),
  },
  effect: 'read',
  audit: {
    readOnly: true,
    request: ['KeyId', 'EncryptionAlgorithm', 'EncryptionContext', 'DryRun', 'DryRunModifiers'],
  },
  async handle({ input, targets, ports }) {
    const { key } = targets.key;
    requireSymmetricDefault(input.EncryptionAlgorithm);
    if (ignoresCiphertext(input)) return {};
    const { plaintext, materialId } = await decryptBlob(ports, key, input.CiphertextBlob, input.EncryptionContext);
    return {
      KeyId: key.arn,
      Plaintext: plaintext,
      EncryptionAlgorithm: SYMMETRIC_DEFAULT,
      KeyMaterialId: materialId,
    };
  },
};
