import type { GenerateDataKeyPairRequest, GenerateDataKeyPairResponse } from '@aws-sdk/client-kms';
import {
  dataKeyPairSpec,
  dryRun,
  encryptionContext,
  grantTokens,
  keyId,
  recipientInfo,
} from '../../wire/kms-shapes.ts';
import { type Input, required, structure } from '../../wire/shapes.ts';
import { cryptographicData, currentMaterial } from './audited.ts';
import { dataKeyTarget } from './data-key.ts';
import { dataKeyPairConditions, makeDataKeyPair } from './data-key-pair.ts';
import { checkContext } from './encryption.ts';
import type { KmsOperation } from './ports.ts';
import { plaintextFor } from './recipient.ts';
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
    Recipient: recipientInfo,
    DryRun: dryRun,
  }),
  validate: (input) => checkContext(input.EncryptionContext),
  targets: {
    key: dataKeyTarget<Input<GenerateDataKeyPairRequest>>('GenerateDataKeyPair', {
      conditions: dataKeyPairConditions,
      recipient: (input) => input,
    }),
  },
  effect: 'read',
  audit: {
    readOnly: true,
    request: ['KeyId', 'KeyPairSpec', 'EncryptionContext', 'DryRun'],
    additional: ({ targets: { key } }) => cryptographicData(currentMaterial(key), key),
  },
  async handle({ input, targets, ports, scope }) {
    const { key, recipient } = targets.key;
    const made = await makeDataKeyPair(ports, key, input, scope);
    return {
      PrivateKeyCiphertextBlob: made.ciphertext,
      ...(await plaintextFor(recipient, 'PrivateKeyPlaintext', made.privateKey, ports)),
      PublicKey: made.publicKey,
      KeyId: key.arn,
      KeyPairSpec: input.KeyPairSpec,
      KeyMaterialId: made.materialId,
    };
  },
};
