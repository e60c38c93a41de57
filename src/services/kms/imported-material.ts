import { type ImportedMaterialsById, isImported, withMaterials } from '../../keys/imported-materials.ts';
import type { KeyIdentity, KeyRecord } from '../../keys/key.ts';
import { isPrimary, relatedKeys } from '../../keys/multi-region.ts';
import {
  dueName,
  expiriesTable,
  keyName,
  keysTable,
  materialDeletionsTable,
  materialName,
  materialsTable,
} from '../../keys/tables.ts';
import type { Reader, Transaction } from '../../store/sealed-store.ts';
import type { Consequence } from '../operation.ts';
import { changeKey } from './change-key.ts';
import { noteDue } from './due-work.ts';
import { unsupported } from './errors.ts';
import { expiryEvent } from './key-events.ts';
import type { LoadedKey } from './key-source.ts';
import { materialsOfKey } from './materials-of-key.ts';
import { removeIfPresent } from './remove.ts';

/** What importing, deleting and expiring share: the rows of a key's material, and all that follows from them. */

export interface StoredMaterials {
  readonly materials: ImportedMaterialsById;
  readonly versions: ReadonlyMap<string, number>;
}

type StoredKey = Pick<LoadedKey, 'record' | 'version'>;

export async function loadMaterials(reader: Reader, key: KeyIdentity): Promise<StoredMaterials> {
  const rows = await materialsOfKey(reader, key);
  return {
    materials: new Map(rows.map(({ materialId, record }) => [materialId, record])),
    versions: new Map(rows.map(({ materialId, version }) => [materialId, version])),
  };
}

/**
 * Writes what has become of a key's material, and with it the key's own record, the notes of what expires when, and, if
 * bytes are gone, the note by which the write-ahead log is emptied of them.
 *
 * @param consequences gets what has expired and is destroyed with that, by whatever occasion
 * @param currentMaterialId where it may have changed
 */
export async function saveMaterials(
  transaction: Transaction,
  key: StoredKey,
  stored: StoredMaterials,
  materials: ImportedMaterialsById,
  nowMs: number,
  consequences: Consequence[],
  currentMaterialId = key.record.currentMaterialId,
): Promise<void> {
  const { record } = key;
  for (const [id, version] of stored.versions) {
    if (materials.has(id)) continue;
    await transaction.remove(materialsTable, materialName(record, id), version);
    await removeFromReplicas(transaction, record, id, nowMs, consequences);
  }
  for (const [id, material] of materials) {
    if (material === stored.materials.get(id)) continue;
    const name = materialName(record, id);
    const version = stored.versions.get(id);
    if (version === undefined) await transaction.create(materialsTable, name, material);
    else await transaction.replace(materialsTable, name, material, version);
  }
  for (const [id, before] of stored.materials) {
    const isDestroyed = before.wrapped !== undefined && materials.get(id) !== before;
    if (isDestroyed && !isImported(before, nowMs)) consequences.push(expiryEvent(record, id));
  }
  await noteExpiries(transaction, record, momentsOf(stored.materials), momentsOf(materials));
  if (losesBytes(stored.materials, materials)) await noteDue(transaction, materialDeletionsTable, nowMs, record);
  await changeKey(transaction, key, {
    ...withMaterials(record, materials, nowMs),
    ...(currentMaterialId === undefined ? {} : { currentMaterialId }),
  });
}

/** AWS takes some members for symmetric encryption keys only, which alone can have several materials. */
export function requireSymmetric({ keySpec }: KeyRecord, members: Readonly<Record<string, unknown>>): void {
  if (keySpec === 'SYMMETRIC_DEFAULT') return;
  for (const [name, value] of Object.entries(members)) {
    if (value !== undefined) throw unsupported(`${name} can only be specified for symmetric encryption KMS keys.`);
  }
}

/**
 * Material that a primary key no longer waits to rotate to is of no use to its replicas ("DeleteImportedKeyMaterial", API
 * reference).
 */
async function removeFromReplicas(
  transaction: Transaction,
  key: KeyRecord,
  materialId: string,
  nowMs: number,
  consequences: Consequence[],
): Promise<void> {
  for (const replica of replicasOf(key)) {
    const found = await transaction.get(keysTable, keyName(replica));
    if (found === undefined) continue;
    const stored = await loadMaterials(transaction, replica);
    if (!stored.materials.has(materialId)) continue;
    const left = new Map(stored.materials);
    left.delete(materialId);
    const { value, version } = found;
    await saveMaterials(transaction, { record: value, version }, stored, left, nowMs, consequences);
  }
}

function replicasOf(key: KeyRecord): KeyIdentity[] {
  return isPrimary(key) ? relatedKeys(key).filter(({ region }) => region !== key.region) : [];
}

async function noteExpiries(
  transaction: Transaction,
  key: KeyIdentity,
  before: ReadonlySet<number>,
  after: ReadonlySet<number>,
): Promise<void> {
  for (const atMs of before) {
    if (!after.has(atMs)) await removeIfPresent(transaction, expiriesTable, dueName(atMs, key));
  }
  for (const atMs of after) {
    if (!before.has(atMs)) await noteDue(transaction, expiriesTable, atMs, key);
  }
}

/** When the bytes that there are expire. */
function momentsOf(materials: ImportedMaterialsById): ReadonlySet<number> {
  const moments = new Set<number>();
  for (const { wrapped, imported } of materials.values()) {
    if (wrapped !== undefined && imported?.expiresAtMs !== undefined) moments.add(imported.expiresAtMs);
  }
  return moments;
}

function losesBytes(before: ImportedMaterialsById, after: ImportedMaterialsById): boolean {
  for (const [id, { wrapped }] of before) {
    if (wrapped !== undefined && after.get(id)?.wrapped === undefined) return true;
  }
  return false;
}
