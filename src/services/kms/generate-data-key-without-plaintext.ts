import type {
  GenerateDataKeyWithoutPlaintextRequest,
  GenerateDataKeyWithoutPlaintextResponse,
} from '@aws-sdk/client-kms';
import { dataKeySpec, dryRun, encryptionContext, grantTokens, keyId, numberOfBytes } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import type { KmsOperation } from './ports.ts';
import { dataKeyBytes, limitContext, makeDataKey, refuseGrantTokens, SYMMETRIC_DEFAULT } from './symmetric.ts';
import { type KeyResource, keyTarget, USABLE } from './targets.ts';

export const generateDataKeyWithoutPlaintext: KmsOperation<
  GenerateDataKeyWithoutPlaintextRequest,
  GenerateDataKeyWithoutPlaintextResponse,
  { key: KeyResource }
> = {
  name: 'GenerateDataKeyWithoutPlaintext',
  input: structure<GenerateDataKeyWithoutPlaintextRequest>({
    KeyId: required(keyId),
    EncryptionContext: encryptionContext,
    KeySpec: dataKeySpec,
    NumberOfBytes: numberOfBytes,
    GrantTokens: grantTokens,
    DryRun: dryRun,
  }),
  validate: (input) => {
    dataKeyBytes(input);
    limitContext(input.EncryptionContext);
    refuseGrantTokens(input.GrantTokens);
  },
  targets: {
    key: keyTarget({
      permission: 'kms:GenerateDataKeyWithoutPlaintext',
      reference: (input) => input.KeyId,
      accepts: 'key or alias',
      crossAccount: true,
      usage: { required: 'ENCRYPT_DECRYPT', operation: 'GenerateDataKeyWithoutPlaintext' },
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
    dataKey.plaintext.fill(0);
    return { CiphertextBlob: dataKey.ciphertext, KeyId: key.arn, KeyMaterialId: dataKey.materialId };
  },
};
