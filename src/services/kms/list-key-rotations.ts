import type { ListKeyRotationsRequest, ListKeyRotationsResponse, RotationsListEntry } from '@aws-sdk/client-kms';
import { isImported, isKnown } from '../../keys/imported-materials.ts';
import type { KeyRecord } from '../../keys/key.ts';
import { type MaterialRecord, materialOrder, materialState } from '../../keys/material.ts';
import type { Reader } from '../../store/sealed-store.ts';
import { includeKeyMaterial, keyId, limit, marker } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { pageOfList } from '../pagination.ts';
import { unsupportedBySpec } from './errors.ts';
import { expiryMembers } from './key-metadata.ts';
import { materialsOfKey, type StoredMaterial } from './materials-of-key.ts';
import type { KmsOperation } from './ports.ts';
import { isPendingEverywhere } from './rotate-to-imported.ts';
import { isRotatable } from './rotation-rules.ts';
import { type KeyResource, keyTarget } from './targets.ts';

export const listKeyRotations: KmsOperation<ListKeyRotationsRequest, ListKeyRotationsResponse, { key: KeyResource }> = {
  name: 'ListKeyRotations',
  input: structure<ListKeyRotationsRequest>({
    KeyId: required(keyId),
    IncludeKeyMaterial: includeKeyMaterial,
    Limit: limit,
    Marker: marker,
  }),
  targets: {
    key: keyTarget({
      operation: 'ListKeyRotations',
      reference: (input) => input.KeyId,
      accepts: 'key',
      crossAccount: false,
    }),
  },
  effect: 'read',
  audit: { readOnly: true, request: ['KeyId', 'IncludeKeyMaterial', 'Limit', 'Marker'] },
  async handle({ input, targets, scope, ports }) {
    const { record } = targets.key.key;
    // "This parameter can only be used with KMS keys that support automatic or on-demand key rotation."
    if (input.IncludeKeyMaterial !== undefined && !isRotatable(record)) throw unsupportedBySpec();
    const stored = await materialsOfKey(ports.store, record);
    const materials =
      record.origin === 'EXTERNAL' ? stored.filter((each) => isKnown(each.record, scope.nowMs)) : stored;
    const listed =
      input.IncludeKeyMaterial === 'ALL_KEY_MATERIAL'
        ? materials
        : materials.filter((material) => material.record.rotationType !== undefined);
    const { items, ...rest } = pageOfList(listed.sort(byOrder), 'ListKeyRotations', input, 100, orderOf);
    const Rotations: RotationsListEntry[] = [];
    for (const material of items) Rotations.push(await entry(ports.store, record, material, scope.nowMs));
    return { Rotations, ...rest };
  },
};

function byOrder(a: StoredMaterial, b: StoredMaterial): number {
  return orderOf(a) < orderOf(b) ? -1 : 1;
}

function orderOf({ materialId, record }: StoredMaterial): string {
  return materialOrder(materialId, record);
}

/** The first material of a key, and what is pending rotation, have no rotation to tell of. */
async function entry(
  reader: Reader,
  key: KeyRecord,
  { materialId, record }: StoredMaterial,
  nowMs: number,
): Promise<RotationsListEntry> {
  const { currentSinceMs, rotationType } = record;
  const state = materialState(record, materialId === key.currentMaterialId);
  const awaited = state === 'PENDING_ROTATION' && !(await isPendingEverywhere(reader, key, materialId, nowMs));
  return {
    KeyId: key.keyId,
    KeyMaterialId: materialId,
    KeyMaterialState: awaited ? 'PENDING_MULTI_REGION_IMPORT_AND_ROTATION' : state,
    ...(rotationType === undefined || currentSinceMs === undefined
      ? {}
      : { RotationDate: new Date(currentSinceMs), RotationType: rotationType }),
    ...importFacts(key, record, nowMs),
  };
}

/** When material expires is told while it is there, as in DescribeKey. */
function importFacts({ origin }: KeyRecord, material: MaterialRecord, nowMs: number): RotationsListEntry {
  const { imported } = material;
  if (origin !== 'EXTERNAL') return {};
  const description = imported?.description === undefined ? {} : { KeyMaterialDescription: imported.description };
  if (!isImported(material, nowMs)) return { ...description, ImportState: 'PENDING_IMPORT' };
  return { ...description, ImportState: 'IMPORTED', ...expiryMembers(imported?.expiresAtMs) };
}
