import type { CancelKeyDeletionRequest, CancelKeyDeletionResponse } from '@aws-sdk/client-kms';
import { cancelDeletion, isPendingDeletion } from '../../keys/lifecycle.ts';
import { keyId } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { changeKey } from './change-key.ts';
import { forgetDeletion } from './deletion-notes.ts';
import type { KmsOperation } from './ports.ts';
import { type KeyResource, keyTarget } from './targets.ts';

export const cancelKeyDeletion: KmsOperation<
  CancelKeyDeletionRequest,
  CancelKeyDeletionResponse,
  { key: KeyResource }
> = {
  name: 'CancelKeyDeletion',
  input: structure<CancelKeyDeletionRequest>({ KeyId: required(keyId) }),
  targets: {
    key: keyTarget({
      operation: 'CancelKeyDeletion',
      reference: (input) => input.KeyId,
      accepts: 'key',
      crossAccount: false,
    }),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['KeyId'], response: (output) => output },
  async handle({ targets, transaction }) {
    const { key } = targets.key;
    if (isPendingDeletion(key.record)) await forgetDeletion(transaction, key.record);
    await changeKey(transaction, key, cancelDeletion(key.record));
    return { KeyId: key.arn };
  },
};
