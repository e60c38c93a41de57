import type { GenerateDataKeyRequest, GenerateDataKeyResponse } from '@aws-sdk/client-kms';
import {
  dataKeySpec,
  dryRun,
  encryptionContext,
  grantTokens,
  keyId,
  numberOfBytes,
  recipient,
} from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { dataKeyTarget, makeDataKey, requireSymmetricKey, validateDataKey } from './data-key.ts';
import { refuseRecipient } from './not-yet.ts';
import type { KmsOperation } from './ports.ts';
import type { KeyResource } from './targets.ts';

export const generateDataKey: KmsOperation<GenerateDataKeyRequest, GenerateDataKeyResponse, { key: KeyResource }> = {
  name: 'GenerateDataKey',
  input: structure<GenerateDataKeyRequest>({
    KeyId: required(keyId),
    EncryptionContext: encryptionContext,
    NumberOfBytes: numberOfBytes,
    KeySpec: dataKeySpec,
    GrantTokens: grantTokens,
    Recipient: recipient,
    DryRun: dryRun,
  }),
  validate: (input) => {
    validateDataKey(input);
    refuseRecipient(input.Recipient);
  },
  targets: { key: dataKeyTarget('GenerateDataKey') },
  effect: 'read',
  audit: { readOnly: true, request: ['KeyId', 'KeySpec', 'NumberOfBytes', 'EncryptionContext', 'DryRun'] },
  async handle({ input, targets, ports }) {
    const { key } = targets.key;
    requireSymmetricKey(key, 'GenerateDataKey');
    const dataKey = await makeDataKey(ports, key, input);
    return {
      CiphertextBlob: dataKey.ciphertext,
      Plaintext: dataKey.plaintext,
      KeyId: key.arn,
      KeyMaterialId: dataKey.materialId,
    };
  },
};
