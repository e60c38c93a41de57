import type { KeyRecord } from './key.ts';
import { enable, keyState } from './lifecycle.ts';
import { type MaterialRecord, summariseImported } from './material.ts';

/**
 * All material that a key with imported material knows, by id. What became current once belongs to the key for good, with
 * or without its bytes. What waits for its rotation does not yet: once it is deleted or has expired, the key no longer
 * knows it, and other material can be imported in its place ("RotationsListEntry", API reference).
 */
export type ImportedMaterialsById = ReadonlyMap<string, MaterialRecord>;

/** Whether the bytes are there. Expired material is gone from the very moment, whether or not it has been destroyed yet. */
export function isImported(material: MaterialRecord, nowMs: number): boolean {
  return material.wrapped !== undefined && (material.imported?.expiresAtMs ?? Number.POSITIVE_INFINITY) > nowMs;
}

/** Whether the key still knows the material: what waits for its rotation is forgotten from the moment of its expiry on. */
export function isKnown(material: MaterialRecord, nowMs: number): boolean {
  return material.currentSinceMs !== undefined || isImported(material, nowMs);
}

/** What is left when everything that has expired is destroyed: the same map if nothing has. */
export function withoutExpired(materials: ImportedMaterialsById, nowMs: number): ImportedMaterialsById {
  let left = materials;
  for (const [id, material] of materials) {
    if (material.wrapped !== undefined && !isImported(material, nowMs)) left = withoutMaterial(left, id);
  }
  return left;
}

/** What is left when the bytes of one are destroyed. */
export function withoutMaterial(materials: ImportedMaterialsById, materialId: string): ImportedMaterialsById {
  const left = new Map(materials);
  const kept = withoutBytes(materials.get(materialId));
  if (kept === undefined) left.delete(materialId);
  else left.set(materialId, kept);
  return left;
}

function withoutBytes(material: MaterialRecord | undefined): MaterialRecord | undefined {
  if (material?.currentSinceMs === undefined) return undefined;
  const { wrapped: _, imported: { expiresAtMs: __, ...imported } = {}, ...facts } = material;
  return { ...facts, imported };
}

/** The material that waits for RotateKeyOnDemand. There is at most one. */
export function pendingMaterialId(materials: ImportedMaterialsById): string | undefined {
  for (const [id, { currentSinceMs }] of materials) {
    if (currentSinceMs === undefined) return id;
  }
  return undefined;
}

/**
 * What a replica key knows: all that its primary knows, each with its own bytes, if they have been imported into the
 * replica as well. Replicas of keys with imported material get none by replication ("Importing key material into
 * multi-Region keys", developer guide).
 */
export function asReplica(primary: ImportedMaterialsById, own: ImportedMaterialsById): ImportedMaterialsById {
  const known = new Map(own);
  for (const [id, { wrapped: _, imported: __, ...facts }] of primary) {
    if (!known.has(id)) known.set(id, { ...facts, imported: {} });
  }
  return known;
}

/** The key with these materials. One that waited for nothing else than the last of them is enabled by it. */
export function withMaterials(key: KeyRecord, materials: ImportedMaterialsById, nowMs: number): KeyRecord {
  const changed = { ...key, imported: summariseImported([...materials.values()]) };
  const completed = keyState(key, nowMs) === 'PendingImport' && keyState(changed, nowMs) !== 'PendingImport';
  return completed ? enable(changed) : changed;
}
