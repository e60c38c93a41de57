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
import type { KmsOperation } from './ports.ts';
import {
  dataKeyBytes,
  limitContext,
  makeDataKey,
  refuseGrantTokens,
  refuseRecipient,
  SYMMETRIC_DEFAULT,
} from './symmetric.ts';
import { type KeyResource, keyTarget, USABLE } from './targets.ts';

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
    dataKeyBytes(input);
    limitContext(input.EncryptionContext);
    refuseGrantTokens(input.GrantTokens);
    refuseRecipient(input.Recipient);
  },
  targets: {
    key: keyTarget({
      permission: 'kms:GenerateDataKey',
      reference: (input) => input.KeyId,
      accepts: 'key or alias',
      crossAccount: true,
      usage: { required: 'ENCRYPT_DECRYPT', operation: 'GenerateDataKey' },
      states: USABLE,
      encryptionContext: (input) => input.EncryptionContext,
      encryptionAlgorithm: () => SYMMETRIC_DEFAULT,
    }),
  },
  effect: 'read',
  audit: { readOnly: true, request: ['KeyId', 'KeySpec', 'NumberOfBytes', 'EncryptionContext', 'DryRun'] },
  async handle({ input, targets, ports }) {
    const { key } = targets.key;
    const dataKey = await makeDataKey(ports, key, dataKeyBytes(input), input.EncryptionContext);
    return {
      CiphertextBlob: dataKey.ciphertext,
      Plaintext: dataKey.plaintext,
      KeyId: key.arn,
      KeyMaterialId: dataKey.materialId,
    };
  },
};
