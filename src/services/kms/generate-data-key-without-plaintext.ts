import type {
  GenerateDataKeyWithoutPlaintextRequest,
  GenerateDataKeyWithoutPlaintextResponse,
} from '@aws-sdk/client-kms';
import { dataKeySpec, dryRun, encryptionContext, grantTokens, keyId, numberOfBytes } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { cryptographicData, currentMaterial } from './audited.ts';
import { makeDataKey, requireSymmetricKey, sizedDataKeyTarget } from './data-key.ts';
import { checkContext } from './encryption.ts';
import type { KmsOperation } from './ports.ts';
import type { KeyResource } from './targets.ts';

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
  validate: (input) => checkContext(input.EncryptionContext),
  targets: { key: sizedDataKeyTarget('GenerateDataKeyWithoutPlaintext') },
  effect: 'read',
  audit: {
    readOnly: true,
    request: ['KeyId', 'KeySpec', 'NumberOfBytes', 'EncryptionContext', 'DryRun'],
    additional: ({ targets: { key } }) => cryptographicData(currentMaterial(key), key),
  },
  async handle({ input, targets, ports }) {
    const { key } = targets.key;
    requireSymmetricKey(key);
    const dataKey = await makeDataKey(ports, key, input);
    dataKey.plaintext.fill(0);
    return { CiphertextBlob: dataKey.ciphertext, KeyId: key.arn, KeyMaterialId: dataKey.materialId };
  },
};
