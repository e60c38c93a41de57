import type { EnableKeyRotationRequest } from '@aws-sdk/client-kms';
import { reschedule, USUAL_ROTATION_PERIOD_DAYS } from '../../keys/rotation.ts';
import { keyId, rotationPeriodInDays } from '../../wire/kms-shapes.ts';
import { type Input, required, structure } from '../../wire/shapes.ts';
import { shownKey } from './audited.ts';
import { changeRelatedKeys } from './change-related-keys.ts';
import type { KmsOperation } from './ports.ts';
import { forgetRotation, noteRotation } from './rotation-notes.ts';
import { requireOwnMaterial, requireRotatable } from './rotation-rules.ts';
import { type KeyResource, keyTarget } from './targets.ts';

export const enableKeyRotation: KmsOperation<EnableKeyRotationRequest, undefined, { key: KeyResource }> = {
  name: 'EnableKeyRotation',
  input: structure<EnableKeyRotationRequest>({ KeyId: required(keyId), RotationPeriodInDays: rotationPeriodInDays }),
  targets: {
    key: keyTarget({
      operation: 'EnableKeyRotation',
      reference: (input) => input.KeyId,
      accepts: 'key',
      crossAccount: false,
      conditions: { 'kms:RotationPeriodInDays': ({ input }) => [String(periodOf(input))] },
    }),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['KeyId', 'RotationPeriodInDays'], response: shownKey },
  async handle({ input, targets, scope, transaction, consequences }) {
    const { key } = targets.key;
    requireOwnMaterial(key);
    requireRotatable(key);
    const rotation = reschedule(key.record.rotation, scope.nowMs, periodOf(input));
    await forgetRotation(transaction, key.record);
    await changeRelatedKeys(transaction, key.record, (record) => ({ ...record, rotation }), consequences);
    await noteRotation(transaction, { ...key.record, rotation });
    return undefined;
  },
};

function periodOf(input: Input<EnableKeyRotationRequest>): number {
  return input.RotationPeriodInDays ?? USUAL_ROTATION_PERIOD_DAYS;
}
