import type { Custody } from '../../custody/contract.ts';
import type { KeyRecord } from '../../keys/key.ts';
import type { RotationType } from '../../keys/material.ts';
import { relatedKeys } from '../../keys/multi-region.ts';
import { materialName, materialsTable } from '../../keys/tables.ts';
import type { Transaction } from '../../store/sealed-store.ts';
import type { Consequence } from '../operation.ts';
import { changeRelatedKeys } from './change-related-keys.ts';
import { rotationEvent } from './key-events.ts';

/**
 * Gives a key new material to encrypt with; what it had goes on decrypting. Related keys get the same material in the same
 * transaction, so that what one of them encrypts next, all of them decrypt.
 *
 * @param more what else changes in the record of each related key
 */
export async function rotateKey(
  transaction: Transaction,
  custody: Custody,
  key: KeyRecord,
  rotationType: RotationType,
  nowMs: number,
  consequences: Consequence[],
  more: Partial<KeyRecord> = {},
): Promise<void> {
  const { accountId, region, keyId } = key;
  const identity = { accountId, region, keyId };
  const { materialId, material } = await custody.create(identity, key.keySpec);
  const facts = { createdAtMs: nowMs, currentSinceMs: nowMs, rotationType };
  for (const related of relatedKeys(key)) {
    const own = related.region === region;
    const wrapped = own ? material : custody.rewrap({ ...identity, materialId }, material, related);
    await transaction.create(materialsTable, materialName(related, materialId), { ...wrapped, ...facts });
  }
  consequences.push(rotationEvent(key, rotationType, key.currentMaterialId, materialId));
  const change = (record: KeyRecord) => ({ ...record, ...more, currentMaterialId: materialId });
  await changeRelatedKeys(transaction, key, change, consequences);
}
