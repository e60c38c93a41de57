import type { GenerateDataKeyRequest, GenerateDataKeyResponse } from '@aws-sdk/client-kms';
import {
  dataKeySpec,
  dryRun,
  encryptionContext,
  grantTokens,
  keyId,
  numberOfBytes,
  recipientInfo,
} from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { cryptographicData, currentMaterial } from './audited.ts';
import { makeDataKey, requireSymmetricKey, sizedDataKeyTarget } from './data-key.ts';
import { checkContext } from './encryption.ts';
import type { KmsOperation } from './ports.ts';
import { plaintextFor } from './recipient.ts';
import type { KeyResource } from './targets.ts';

export const generateDataKey: KmsOperation<GenerateDataKeyRequest, GenerateDataKeyResponse, { key: KeyResource }> = {
  name: 'GenerateDataKey',
  input: structure<GenerateDataKeyRequest>({
    KeyId: required(keyId),
    EncryptionContext: encryptionContext,
    NumberOfBytes: numberOfBytes,
    KeySpec: dataKeySpec,
    GrantTokens: grantTokens,
    Recipient: recipientInfo,
    DryRun: dryRun,
  }),
  validate: (input) => checkContext(input.EncryptionContext),
  targets: { key: sizedDataKeyTarget('GenerateDataKey', { recipient: (input) => input }) },
  effect: 'read',
  audit: {
    readOnly: true,
    request: ['KeyId', 'KeySpec', 'NumberOfBytes', 'EncryptionContext', 'DryRun'],
    additional: ({ targets: { key } }) => cryptographicData(currentMaterial(key), key),
  },
  async handle({ input, targets, ports }) {
    const { key, recipient } = targets.key;
    requireSymmetricKey(key);
    const dataKey = await makeDataKey(ports, key, input);
    return {
      CiphertextBlob: dataKey.ciphertext,
      ...(await plaintextFor(recipient, 'Plaintext', dataKey.plaintext, ports)),
      KeyId: key.arn,
      KeyMaterialId: recipient === undefined ? dataKey.materialId : undefined,
    };
  },
};
