import type { GetKeyRotationStatusRequest, GetKeyRotationStatusResponse } from '@aws-sdk/client-kms';
import { shownRotation } from '../../keys/rotation.ts';
import { keyId } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import type { KmsOperation } from './ports.ts';
import { requireOwnMaterial } from './rotation-rules.ts';
import { type KeyResource, keyTarget } from './targets.ts';

/**
 * Keys that are never rotated answer `false`, but for those of imported material, which AWS refuses. There is no
 * OnDemandRotationStartDate: AWS shows it while a rotation is in progress, and here RotateKeyOnDemand has rotated the key
 * when it answers.
 */
export const getKeyRotationStatus: KmsOperation<
  GetKeyRotationStatusRequest,
  GetKeyRotationStatusResponse,
  { key: KeyResource }
> = {
  name: 'GetKeyRotationStatus',
  input: structure<GetKeyRotationStatusRequest>({ KeyId: required(keyId) }),
  targets: {
    key: keyTarget({
      operation: 'GetKeyRotationStatus',
      reference: (input) => input.KeyId,
      accepts: 'key',
      crossAccount: true,
    }),
  },
  effect: 'read',
  audit: { readOnly: true, request: ['KeyId'] },
  handle({ targets }) {
    const { key } = targets.key;
    requireOwnMaterial(key);
    const rotation = shownRotation(key.record);
    return {
      KeyId: key.record.keyId,
      KeyRotationEnabled: rotation !== undefined,
      ...(rotation === undefined
        ? {}
        : { RotationPeriodInDays: rotation.periodDays, NextRotationDate: new Date(rotation.nextAtMs) }),
    };
  },
};
