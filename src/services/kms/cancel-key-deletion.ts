import type { CancelKeyDeletionRequest, CancelKeyDeletionResponse } from '@aws-sdk/client-kms';
import { cancelDeletion } from '../../keys/lifecycle.ts';
import { deletionsTable, dueName } from '../../keys/tables.ts';
import { invariant } from '../../runtime/errors.ts';
import { keyId } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { changeKey } from './change-key.ts';
import type { KmsOperation } from './ports.ts';
import { removeIfPresent } from './remove.ts';
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
    const { lifecycle } = key.record;
    invariant(lifecycle.status === 'PendingDeletion', 'the state was checked');
    await removeIfPresent(transaction, deletionsTable, dueName(lifecycle.deletionAtMs, key.record));
    await changeKey(transaction, key, cancelDeletion(key.record));
    return { KeyId: key.arn };
  },
};
