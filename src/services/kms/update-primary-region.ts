import type { UpdatePrimaryRegionRequest } from '@aws-sdk/client-kms';
import { withPrimary } from '../../keys/multi-region.ts';
import { invariant } from '../../runtime/errors.ts';
import { keyId, region } from '../../wire/kms-shapes.ts';
import { type Input, required, structure } from '../../wire/shapes.ts';
import { changeRelatedKeys } from './change-related-keys.ts';
import { notReplica } from './errors.ts';
import { primaryKeyTarget, relatedKeyTarget } from './multi-region-targets.ts';
import type { KmsOperation } from './ports.ts';
import { forgetRotation, noteRotation } from './rotation-notes.ts';
import type { KeyResource, KeyTargetDeclaration } from './targets.ts';

const declaration: KeyTargetDeclaration<Input<UpdatePrimaryRegionRequest>> = {
  operation: 'UpdatePrimaryRegion',
  reference: (input) => input.KeyId,
  accepts: 'key',
  crossAccount: false,
  conditions: { 'kms:PrimaryRegion': ({ input }) => [input.PrimaryRegion] },
};

/** Both keys must be enabled ("Change the primary key in a set of multi-Region keys", developer guide). */
export const updatePrimaryRegion: KmsOperation<
  UpdatePrimaryRegionRequest,
  undefined,
  { primary: KeyResource; replica: KeyResource }
> = {
  name: 'UpdatePrimaryRegion',
  input: structure<UpdatePrimaryRegionRequest>({ KeyId: required(keyId), PrimaryRegion: required(region) }),
  targets: {
    primary: primaryKeyTarget(declaration),
    replica: relatedKeyTarget(declaration, (input) => input.PrimaryRegion),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['KeyId', 'PrimaryRegion'] },
  async handle({ input, targets, transaction }) {
    const { record } = targets.primary.key;
    invariant(record.multiRegion !== undefined, 'the target is a primary key');
    if (input.PrimaryRegion === record.region) throw notReplica(targets.primary.key.arn);
    const multiRegion = withPrimary(record.multiRegion, input.PrimaryRegion);
    // The schedule is shared, and goes on as it is; who is to be rotated changes.
    await forgetRotation(transaction, record);
    await changeRelatedKeys(transaction, record, (related) => ({ ...related, multiRegion }));
    await noteRotation(transaction, { ...targets.replica.key.record, multiRegion });
    return undefined;
  },
};
