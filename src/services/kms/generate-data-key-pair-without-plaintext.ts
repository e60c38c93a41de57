import type {
  GenerateDataKeyPairWithoutPlaintextRequest,
  GenerateDataKeyPairWithoutPlaintextResponse,
} from '@aws-sdk/client-kms';
import { dataKeyPairSpec, dryRun, encryptionContext, grantTokens, keyId } from '../../wire/kms-shapes.ts';
import { type Input, required, structure } from '../../wire/shapes.ts';
import { cryptographicData, currentMaterial } from './audited.ts';
import { dataKeyTarget } from './data-key.ts';
import { dataKeyPairConditions, makeDataKeyPair } from './data-key-pair.ts';
import { checkContext } from './encryption.ts';
import type { KmsOperation } from './ports.ts';
import type { KeyResource } from './targets.ts';

export const generateDataKeyPairWithoutPlaintext: KmsOperation<
  GenerateDataKeyPairWithoutPlaintextRequest,
  GenerateDataKeyPairWithoutPlaintextResponse,
  { key: KeyResource }
> = {
  name: 'GenerateDataKeyPairWithoutPlaintext',
  input: structure<GenerateDataKeyPairWithoutPlaintextRequest>({
    EncryptionContext: encryptionContext,
    KeyId: required(keyId),
    KeyPairSpec: required(dataKeyPairSpec),
    GrantTokens: grantTokens,
    DryRun: dryRun,
  }),
  validate: (input) => checkContext(input.EncryptionContext),
  targets: {
    key: dataKeyTarget<Input<GenerateDataKeyPairWithoutPlaintextRequest>>('GenerateDataKeyPairWithoutPlaintext', {
      conditions: dataKeyPairConditions,
    }),
  },
  effect: 'read',
  audit: {
    readOnly: true,
    request: ['KeyId', 'KeyPairSpec', 'EncryptionContext', 'DryRun'],
    additional: ({ targets: { key } }) => cryptographicData(currentMaterial(key), key),
  },
  async handle({ input, targets, ports, scope }) {
    const { key } = targets.key;
    const made = await makeDataKeyPair(ports, key, input, scope);
    made.privateKey.fill(0);
    return {
      PrivateKeyCiphertextBlob: made.ciphertext,
      PublicKey: made.publicKey,
      KeyId: key.arn,
      KeyPairSpec: input.KeyPairSpec,
      KeyMaterialId: made.materialId,
    };
  },
};
