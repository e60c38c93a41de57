import type { UpdatePrimaryRegionRequest } from '@aws-sdk/client-kms';
import { keyArn } from '../../keys/key.ts';
import { withPrimary } from '../../keys/multi-region.ts';
import { invariant } from '../../runtime/errors.ts';
import { keyId, region } from '../../wire/kms-shapes.ts';
import { type Input, required, structure } from '../../wire/shapes.ts';
import { shownKey } from './audited.ts';
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
  audit: {
    readOnly: false,
    request: ['KeyId', 'PrimaryRegion'],
    response: (_, { primary }) => shownKey(_, { key: primary }),
  },
  async handle({ input, targets, transaction, consequences }) {
    const { record } = targets.primary.key;
    invariant(record.multiRegion !== undefined, 'the target is a primary key');
    if (input.PrimaryRegion === record.region) throw notReplica(targets.primary.key.arn);
    const multiRegion = withPrimary(record.multiRegion, input.PrimaryRegion);
    // The schedule is shared, and goes on as it is; who is to be rotated changes.
    await forgetRotation(transaction, record);
    const { accountId, keyId: id } = record;
    const newPrimary = { accountId, region: input.PrimaryRegion, keyId: id };
    // In CloudTrail, the Region that has the primary key from now on is asked as well: by KMS, for the caller.
    consequences.push({
      ...{ eventName: 'UpdatePrimaryRegion', accountId, region: newPrimary.region, resources: [] },
      forCaller: {
        requestParameters: { keyId: keyArn(newPrimary), primaryRegion: newPrimary.region },
        responseElements: { keyId: keyArn(newPrimary) },
      },
    });
    await changeRelatedKeys(transaction, record, (related) => ({ ...related, multiRegion }), consequences);
    await noteRotation(transaction, { ...targets.replica.key.record, multiRegion });
    return undefined;
  },
};
