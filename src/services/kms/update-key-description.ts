import type { UpdateKeyDescriptionRequest } from '@aws-sdk/client-kms';
import { description, keyId } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { changeKey } from './change-key.ts';
import type { KmsOperation } from './ports.ts';
import { type KeyResource, keyTarget } from './targets.ts';

export const updateKeyDescription: KmsOperation<UpdateKeyDescriptionRequest, undefined, { key: KeyResource }> = {
  name: 'UpdateKeyDescription',
  input: structure<UpdateKeyDescriptionRequest>({ KeyId: required(keyId), Description: required(description) }),
  targets: {
    key: keyTarget({
      operation: 'UpdateKeyDescription',
      reference: (input) => input.KeyId,
      accepts: 'key',
      crossAccount: false,
    }),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['KeyId', 'Description'] },
  async handle({ input, targets, transaction }) {
    const { key } = targets.key;
    await changeKey(transaction, key, { ...key.record, description: input.Description });
    return undefined;
  },
};
