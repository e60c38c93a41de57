import { isImported } from '../../keys/imported-materials.ts';
import type { KeyRecord } from '../../keys/key.ts';
import { type MaterialRecord, summariseImported } from '../../keys/material.ts';
import { relatedKeys } from '../../keys/multi-region.ts';
import { materialName, materialsTable } from '../../keys/tables.ts';
import type { Reader, Transaction } from '../../store/sealed-store.ts';
import type { Consequence } from '../operation.ts';
import { changeRelatedKeys } from './change-related-keys.ts';
import { noMaterialPending } from './errors.ts';
import { rotationEvent } from './key-events.ts';
import type { LoadedKey } from './key-source.ts';
import { materialsOfKey } from './materials-of-key.ts';

/** Makes the imported material that is pending rotation the current one; a key has one such at most. */
export async function rotateToImported(
  transaction: Transaction,
  key: LoadedKey,
  nowMs: number,
  consequences: Consequence[],
): Promise<void> {
  const pending = (await materialsOfKey(transaction, key.record)).find(({ record }) => isPending(record, nowMs));
  if (pending === undefined || !(await isPendingEverywhere(transaction, key.record, pending.materialId, nowMs))) {
    throw noMaterialPending(key.arn);
  }
  const { materialId } = pending;
  consequences.push(rotationEvent(key.record, 'ON_DEMAND', key.record.currentMaterialId, materialId));
  const change = async (record: KeyRecord) => {
    const materials: MaterialRecord[] = [];
    for (const material of await materialsOfKey(transaction, record)) {
      if (material.materialId !== materialId) {
        materials.push(material.record);
        continue;
      }
      const rotated: MaterialRecord = { ...material.record, currentSinceMs: nowMs, rotationType: 'ON_DEMAND' };
      await transaction.replace(materialsTable, materialName(record, materialId), rotated, material.version);
      materials.push(rotated);
    }
    return { ...record, currentMaterialId: materialId, imported: summariseImported(materials) };
  };
  await changeRelatedKeys(transaction, key.record, change, consequences);
}

/**
 * Whether material that is pending rotation in this key is in all related ones. Only then can they be rotated to it: each
 * has to be given it by its owner ("RotateKeyOnDemand", API reference).
 */
export async function isPendingEverywhere(
  reader: Reader,
  key: KeyRecord,
  materialId: string,
  nowMs: number,
): Promise<boolean> {
  for (const related of relatedKeys(key)) {
    if (related.region === key.region) continue;
    const row = await reader.get(materialsTable, materialName(related, materialId));
    if (row === undefined || !isPending(row.value, nowMs)) return false;
  }
  return true;
}

function isPending(material: MaterialRecord, nowMs: number): boolean {
  return material.currentSinceMs === undefined && isImported(material, nowMs);
}
