import type { ScheduleKeyDeletionRequest, ScheduleKeyDeletionResponse } from '@aws-sdk/client-kms';
import {
  LONGEST_PENDING_WINDOW_DAYS,
  SHORTEST_PENDING_WINDOW_DAYS,
  scheduleDeletion,
  scheduleDeletionAfterReplicas,
} from '../../keys/lifecycle.ts';
import { hasReplicas } from '../../keys/multi-region.ts';
import { keyId, pendingWindowInDays } from '../../wire/kms-shapes.ts';
import { type Input, required, structure } from '../../wire/shapes.ts';
import { changeKey } from './change-key.ts';
import { noteDeletion } from './deletion-notes.ts';
import { validationFailure } from './errors.ts';
import type { KmsOperation } from './ports.ts';
import { type KeyResource, keyTarget } from './targets.ts';

export const scheduleKeyDeletion: KmsOperation<
  ScheduleKeyDeletionRequest,
  ScheduleKeyDeletionResponse,
  { key: KeyResource }
> = {
  name: 'ScheduleKeyDeletion',
  input: structure<ScheduleKeyDeletionRequest>({ KeyId: required(keyId), PendingWindowInDays: pendingWindowInDays }),
  validate: (input) => {
    const days = pendingWindowOf(input);
    if (days < SHORTEST_PENDING_WINDOW_DAYS || days > LONGEST_PENDING_WINDOW_DAYS) {
      throw validationFailure(
        `PendingWindowInDays must be between ${SHORTEST_PENDING_WINDOW_DAYS} and ${LONGEST_PENDING_WINDOW_DAYS}`,
      );
    }
  },
  targets: {
    key: keyTarget({
      operation: 'ScheduleKeyDeletion',
      reference: (input) => input.KeyId,
      accepts: 'key',
      crossAccount: false,
      conditions: {
        'kms:ScheduleKeyDeletionPendingWindowInDays': ({ input }) => [String(pendingWindowOf(input))],
      },
    }),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['KeyId', 'PendingWindowInDays'], response: (output) => output },
  async handle({ input, targets, scope, transaction }) {
    const { key } = targets.key;
    const days = pendingWindowOf(input);
    if (hasReplicas(key.record)) {
      const waiting = scheduleDeletionAfterReplicas(key.record, days);
      await changeKey(transaction, key, waiting);
      return { KeyId: key.arn, KeyState: waiting.lifecycle.status, PendingWindowInDays: days };
    }
    const changed = scheduleDeletion(key.record, scope.nowMs, days);
    await changeKey(transaction, key, changed);
    await noteDeletion(transaction, changed);
    return {
      KeyId: key.arn,
      DeletionDate: new Date(changed.lifecycle.deletionAtMs),
      KeyState: changed.lifecycle.status,
      PendingWindowInDays: days,
    };
  },
};

/** AWS waits thirty days unless told otherwise. */
function pendingWindowOf(input: Input<ScheduleKeyDeletionRequest>): number {
  return input.PendingWindowInDays ?? LONGEST_PENDING_WINDOW_DAYS;
}
