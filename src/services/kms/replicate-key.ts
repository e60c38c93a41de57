import type { ReplicateKeyRequest, ReplicateKeyResponse } from '@aws-sdk/client-kms';
import type { Custody, MaterialIdentity, WrappedMaterial } from '../../custody/contract.ts';
import { type KeyIdentity, type KeyRecord, keyArn, MOST_REPLICAS_PER_KEY, partitionOf } from '../../keys/key.ts';
import { isDeleted } from '../../keys/lifecycle.ts';
import { type MaterialRecord, summariseImported } from '../../keys/material.ts';
import { withReplica } from '../../keys/multi-region.ts';
import { keyName, keysTable, materialName, materialsTable } from '../../keys/tables.ts';
import { invariant, KeyholdError } from '../../runtime/errors.ts';
import type { Transaction } from '../../store/sealed-store.ts';
import { description, keyId, policy, region, tags } from '../../wire/kms-shapes.ts';
import { boolean, type Input, required, structure } from '../../wire/shapes.ts';
import { lowerNames } from '../audit-record.ts';
import type { ConditionTable } from '../condition-table.ts';
import type { Consequence } from '../operation.ts';
import { changeRelatedKeys } from './change-related-keys.ts';
import { kindConditions, requestTagConditions } from './condition-keys.ts';
import { createKeyRows } from './create-key-rows.ts';
import { destroyKey } from './destroy-key.ts';
import { invalidState, replicaExists, tooManyReplicas, unsupported } from './errors.ts';
import { keyResource } from './key-events.ts';
import { keyMetadata } from './key-metadata.ts';
import { policyOfNewKey } from './key-policy.ts';
import { materialsOfKey } from './materials-of-key.ts';
import { primaryKeyTarget } from './multi-region-targets.ts';
import type { KmsOperation } from './ports.ts';
import { mergeTags, readTags } from './tag-rules.ts';
import { accountTarget, type KeyResource } from './targets.ts';

interface Asked {
  readonly input: Input<ReplicateKeyRequest>;
  readonly all: Readonly<Record<string, unknown>>;
}

/** What happens in the replica's Region is asked for there. */
const taggingConditions: ConditionTable<Asked> = {
  'aws:RequestedRegion': ({ input }) => [input.ReplicaRegion],
  ...requestTagConditions(({ input }: Asked) => input.Tags),
};
const creationConditions: ConditionTable<Asked> = {
  'kms:BypassPolicyLockoutSafetyCheck': ({ input }) => [String(input.BypassPolicyLockoutSafetyCheck ?? false)],
  ...kindConditions(({ all }: Asked) => {
    const { primary } = all as { primary: KeyResource };
    return { ...primary.key.record, multiRegionKeyType: 'REPLICA' };
  }),
  ...taggingConditions,
};

export const replicateKey: KmsOperation<
  ReplicateKeyRequest,
  ReplicateKeyResponse,
  { primary: KeyResource; replica: undefined; tagging: undefined }
> = {
  name: 'ReplicateKey',
  input: structure<ReplicateKeyRequest>({
    KeyId: required(keyId),
    ReplicaRegion: required(region),
    Policy: policy,
    BypassPolicyLockoutSafetyCheck: boolean(),
    Description: description,
    Tags: tags,
  }),
  targets: {
    primary: primaryKeyTarget({
      operation: 'ReplicateKey',
      reference: (input) => input.KeyId,
      accepts: 'key',
      crossAccount: false,
      conditions: { 'kms:ReplicaRegion': ({ input }) => [input.ReplicaRegion] },
    }),
    replica: accountTarget('kms:CreateKey', creationConditions),
    tagging: {
      ...accountTarget<Input<ReplicateKeyRequest>>('kms:TagResource', taggingConditions),
      applies: (input) => input.Tags !== undefined && input.Tags.length > 0,
    },
  },
  effect: 'change',
  audit: {
    readOnly: false,
    request: ['KeyId', 'ReplicaRegion', 'Policy', 'BypassPolicyLockoutSafetyCheck', 'Description', 'Tags'],
    implied: { BypassPolicyLockoutSafetyCheck: false, Description: '' },
    response: (output) => output,
  },
  async handle({ input, targets, scope, ports, transaction, consequences }) {
    const primary = targets.primary.key.record;
    const { accountId, keyId: id } = primary;
    const identity = { accountId, region: input.ReplicaRegion, keyId: id };
    if (partitionOf(identity.region) !== partitionOf(primary.region)) {
      throw unsupported(`A key in ${primary.region} cannot be replicated to ${identity.region}, in another partition.`);
    }
    await makeRoom(transaction, identity, scope.nowMs, consequences);
    const policy = await policyOfNewKey(input, identity, { ...scope, region: identity.region }, ports);
    const replicaTags = mergeTags([], readTags(input.Tags ?? []));

    // Looked up again, because a replica may have been destroyed to make room.
    const current = (await transaction.get(keysTable, keyName(primary)))?.value;
    invariant(current?.multiRegion !== undefined, 'the target is a primary key');
    if (current.multiRegion.replicaRegions.length >= MOST_REPLICAS_PER_KEY) throw tooManyReplicas(keyArn(primary));
    const multiRegion = withReplica(current.multiRegion, identity.region);
    await changeRelatedKeys(transaction, current, (related) => ({ ...related, multiRegion }), consequences);
    const materials = await copyMaterials(transaction, ports.custody, primary, identity);
    const replica: KeyRecord = {
      ...primary,
      ...identity,
      createdAtMs: scope.nowMs,
      description: input.Description ?? '',
      lifecycle: { status: 'Enabled' },
      tags: replicaTags,
      multiRegion,
      ...(primary.origin === 'EXTERNAL' ? { imported: summariseImported(materials) } : {}),
    };
    await createKeyRows(transaction, replica, policy);
    consequences.push(creationInReplicaRegion(input, replica, policy.policy, scope.nowMs));
    return {
      // AWS answers while the key is still being made; here it is ready as soon as this answer is.
      ReplicaKeyMetadata: { ...keyMetadata(replica, scope.nowMs), Enabled: false, KeyState: 'Creating' },
      ReplicaPolicy: policy.policy,
      // AWS leaves it out where there are none, though its example shows an empty list.
      ...(replicaTags.length === 0
        ? {}
        : { ReplicaTags: replicaTags.map(({ key, value }) => ({ TagKey: key, TagValue: value })) }),
    };
  },
};

/** In CloudTrail, a ReplicateKey results in a CreateKey in the replica's Region, which KMS asks for in the caller's name. */
function creationInReplicaRegion(
  { Tags, BypassPolicyLockoutSafetyCheck = false }: Input<ReplicateKeyRequest>,
  replica: KeyRecord,
  policyText: string,
  nowMs: number,
): Consequence {
  const { accountId, region: replicaRegion, description: described, keyUsage, keySpec, origin } = replica;
  const requestParameters = {
    ...{ policy: policyText, description: described, keyUsage, customerMasterKeySpec: keySpec, keySpec, origin },
    ...{ bypassPolicyLockoutSafetyCheck: BypassPolicyLockoutSafetyCheck, multiRegion: true },
    ...(Tags === undefined ? {} : { tags: lowerNames(Tags, '') }),
  };
  const responseElements = { keyMetadata: lowerNames(keyMetadata(replica, nowMs), '') };
  return {
    ...{ eventName: 'CreateKey', accountId, region: replicaRegion, resources: [keyResource(replica)] },
    forCaller: { requestParameters, responseElements },
  };
}

/** A replica whose deletion is due does not exist for anyone, and is not in the way of its successor. */
async function makeRoom(
  transaction: Transaction,
  identity: KeyIdentity,
  nowMs: number,
  consequences: Consequence[],
): Promise<void> {
  const existing = (await transaction.get(keysTable, keyName(identity)))?.value;
  if (existing === undefined) return;
  if (!isDeleted(existing, nowMs)) throw replicaExists(keyArn(identity));
  // With more grants than one transaction should remove, it is in the way until the sweep has taken them.
  if (!(await destroyKey(transaction, existing, nowMs, consequences))) {
    throw invalidState(keyArn(identity), 'PendingDeletion');
  }
}

/**
 * All versions of the material, wrapped for the replica. Of imported material only the facts are copied: its owner imports
 * the same into each related key ("Importing key material into multi-Region keys", developer guide), and until then the
 * replica stands as one whose material was deleted.
 */
async function copyMaterials(
  transaction: Transaction,
  custody: Custody,
  primary: KeyRecord,
  replica: KeyIdentity,
): Promise<MaterialRecord[]> {
  const { accountId, region: primaryRegion, keyId: id } = primary;
  const copies: MaterialRecord[] = [];
  for (const { materialId, record } of await materialsOfKey(transaction, primary)) {
    const { wrapped, imported: _, ...facts } = record;
    if (facts.currentSinceMs === undefined) continue;
    const identity = { accountId, region: primaryRegion, keyId: id, materialId };
    const copy = primary.origin === 'EXTERNAL' ? facts : { ...facts, ...rewrap(custody, identity, wrapped, replica) };
    await transaction.create(materialsTable, materialName(replica, materialId), copy);
    copies.push(copy);
  }
  return copies;
}

function rewrap(
  custody: Custody,
  identity: MaterialIdentity,
  wrapped: string | undefined,
  replica: KeyIdentity,
): WrappedMaterial {
  if (wrapped === undefined) throw new KeyholdError('TamperedRecord', `${keyArn(identity)} has lost its key material`);
  return custody.rewrap(identity, { wrapped }, replica);
}
