import type { EncryptRequest, EncryptResponse } from '@aws-sdk/client-kms';
import {
  dryRun,
  encryptionAlgorithm,
  encryptionContext,
  grantTokens,
  keyId,
  plaintext,
} from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { refuseGrantTokens } from './not-yet.ts';
import type { KmsOperation } from './ports.ts';
import { currentHandle, limitContext, requireSymmetricDefault, SYMMETRIC_DEFAULT } from './symmetric.ts';
import { type KeyResource, keyTarget } from './targets.ts';

export const encrypt: KmsOperation<EncryptRequest, EncryptResponse, { key: KeyResource }> = {
  name: 'Encrypt',
  input: structure<EncryptRequest>({
    KeyId: required(keyId),
    Plaintext: required(plaintext),
    EncryptionContext: encryptionContext,
    GrantTokens: grantTokens,
    EncryptionAlgorithm: encryptionAlgorithm,
    DryRun: dryRun,
  }),
  validate: (input) => {
    limitContext(input.EncryptionContext);
    refuseGrantTokens(input.GrantTokens);
  },
  targets: {
    key: keyTarget({
      operation: 'Encrypt',
      reference: (input) => input.KeyId,
      accepts: 'key or alias',
      crossAccount: true,
      usage: 'ENCRYPT_DECRYPT',
      encryptionContext: (input) => input.EncryptionContext,
      encryptionAlgorithm: (input) => input.EncryptionAlgorithm ?? SYMMETRIC_DEFAULT,
    }),
  },
  effect: 'read',
  audit: { readOnly: true, request: ['KeyId', 'EncryptionAlgorithm', 'EncryptionContext', 'DryRun'] },
  async handle({ input, targets, ports }) {
    const { key } = targets.key;
    requireSymmetricDefault(input.EncryptionAlgorithm);
    const handle = await currentHandle(ports, key);
    return {
      CiphertextBlob: ports.custody.encrypt(handle, input.Plaintext, input.EncryptionContext),
      KeyId: key.arn,
      EncryptionAlgorithm: SYMMETRIC_DEFAULT,
    };
  },
};
