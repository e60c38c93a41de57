import type { GenerateDataKeyPairRequest, GenerateDataKeyPairResponse } from '@aws-sdk/client-kms';
import { dataKeyPairSpec, dryRun, encryptionContext, grantTokens, keyId, recipient } from '../../wire/kms-shapes.ts';
import { type Input, required, structure } from '../../wire/shapes.ts';
import { dataKeyTarget } from './data-key.ts';
import { dataKeyPairCondition, makeDataKeyPair, validateDataKeyPair } from './data-key-pair.ts';
import { refuseRecipient } from './not-yet.ts';
import type { KmsOperation } from './ports.ts';
import type { KeyResource } from './targets.ts';

export const generateDataKeyPair: KmsOperation<
  GenerateDataKeyPairRequest,
  GenerateDataKeyPairResponse,
  { key: KeyResource }
> = {
  name: 'GenerateDataKeyPair',
  input: structure<GenerateDataKeyPairRequest>({
    EncryptionContext: encryptionContext,
    KeyId: required(keyId),
    KeyPairSpec: required(dataKeyPairSpec),
    GrantTokens: grantTokens,
    Recipient: recipient,
    DryRun: dryRun,
  }),
  validate: (input) => {
    validateDataKeyPair(input);
    refuseRecipient(input.Recipient);
  },
  targets: { key: dataKeyTarget<Input<GenerateDataKeyPairRequest>>('GenerateDataKeyPair', dataKeyPairCondition) },
  effect: 'read',
  audit: { readOnly: true, request: ['KeyId', 'KeyPairSpec', 'EncryptionContext', 'DryRun'] },
  async handle({ input, targets, ports, scope }) {
    const { key } = targets.key;
    const made = await makeDataKeyPair('GenerateDataKeyPair', ports, key, input, scope);
    return {
      PrivateKeyCiphertextBlob: made.ciphertext,
      PrivateKeyPlaintext: made.privateKey,
      PublicKey: made.publicKey,
      KeyId: key.arn,
      KeyPairSpec: input.KeyPairSpec,
      KeyMaterialId: made.materialId,
    };
  },
};
