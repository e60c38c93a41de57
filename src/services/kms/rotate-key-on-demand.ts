import type { RotateKeyOnDemandRequest, RotateKeyOnDemandResponse } from '@aws-sdk/client-kms';
import { isRotationNear, MOST_ON_DEMAND_ROTATIONS, onDemandRotations } from '../../keys/rotation.ts';
import { keyId } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { onDemandRotationsSpent, rotationIsNear } from './errors.ts';
import { materialsOfKey } from './materials-of-key.ts';
import type { KmsOperation } from './ports.ts';
import { rotateKey } from './rotate-key.ts';
import { rotateToImported } from './rotate-to-imported.ts';
import { requireRotatable } from './rotation-rules.ts';
import { type KeyResource, keyTarget } from './targets.ts';

/** Leaves the schedule of automatic rotations as it is ("RotateKeyOnDemand", API reference). */
export const rotateKeyOnDemand: KmsOperation<
  RotateKeyOnDemandRequest,
  RotateKeyOnDemandResponse,
  { key: KeyResource }
> = {
  name: 'RotateKeyOnDemand',
  input: structure<RotateKeyOnDemandRequest>({ KeyId: required(keyId) }),
  targets: {
    key: keyTarget({
      operation: 'RotateKeyOnDemand',
      reference: (input) => input.KeyId,
      accepts: 'key',
      crossAccount: false,
    }),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['KeyId'], response: (output) => output },
  async handle({ targets, scope, ports, transaction, consequences }) {
    const { key } = targets.key;
    requireRotatable(key);
    if (isRotationNear(key.record, scope.nowMs)) throw rotationIsNear(key.arn);
    const materials = await materialsOfKey(transaction, key.record);
    if (onDemandRotations(materials.map(({ record }) => record)) >= MOST_ON_DEMAND_ROTATIONS) {
      throw onDemandRotationsSpent(key.arn);
    }
    const { nowMs } = scope;
    if (key.record.origin === 'EXTERNAL') await rotateToImported(transaction, key, nowMs, consequences);
    else await rotateKey(transaction, ports.custody, key.record, 'ON_DEMAND', nowMs, consequences);
    return { KeyId: key.record.keyId };
  },
};
