import { type KeyRecord, MOST_ALIASES_PER_KEY } from '../../keys/key.ts';
import { scheduleDeletion } from '../../keys/lifecycle.ts';
import { isReplica, withoutReplica } from '../../keys/multi-region.ts';
import {
  aliasesOfKeyPrefix,
  aliasesOfKeyTable,
  aliasesTable,
  aliasRecordName,
  keyName,
  keyOwnerName,
  keyOwnersTable,
  keysTable,
  lastUsagesTable,
  materialName,
  materialsTable,
  policiesTable,
} from '../../keys/tables.ts';
import type { Transaction } from '../../store/sealed-store.ts';
import type { Consequence } from '../operation.ts';
import { changeRelatedKeys } from './change-related-keys.ts';
import { countDestroyedKey } from './count-keys.ts';
import { noteDeletion } from './deletion-notes.ts';
import { removeSomeGrants } from './grant-rows.ts';
import { deletionEvent } from './key-events.ts';
import { materialsOfKey } from './materials-of-key.ts';
import { removeIfPresent } from './remove.ts';
import { forgetRotation } from './rotation-notes.ts';

/** Of up to 50,000, with up to four rows each. All who write wait for one such batch, which takes some 30 ms. */
const GRANTS_PER_TRANSACTION = 250;

/**
 * Destroys a key whose deletion is due: its material first, everything that belongs to it, and its own record last. False
 * if it has more grants than one transaction should remove: then the rest is for another. The first is the one that is
 * recorded, for from then on the key is lost.
 */
export async function destroyKey(
  transaction: Transaction,
  key: KeyRecord,
  nowMs: number,
  consequences: Consequence[],
): Promise<boolean> {
  // Every key has this row, so that it tells the first transaction from those that follow.
  const owner = await transaction.get(keyOwnersTable, keyOwnerName(key.region, key.keyId));
  if (owner !== undefined) consequences.push(deletionEvent(key));
  await removeIfPresent(transaction, keyOwnersTable, keyOwnerName(key.region, key.keyId));
  for (const { materialId, version } of await materialsOfKey(transaction, key)) {
    await transaction.remove(materialsTable, materialName(key, materialId), version);
  }
  for (const row of await transaction.list(aliasesOfKeyTable, {
    prefix: aliasesOfKeyPrefix(key),
    limit: MOST_ALIASES_PER_KEY,
  })) {
    await removeIfPresent(transaction, aliasesTable, aliasRecordName(key, row.value.aliasName));
    await transaction.remove(aliasesOfKeyTable, row.key, row.version);
  }
  if ((await removeSomeGrants(transaction, key, GRANTS_PER_TRANSACTION)) === GRANTS_PER_TRANSACTION) return false;
  await forgetRotation(transaction, key);
  await removeIfPresent(transaction, policiesTable, keyName(key));
  await removeIfPresent(transaction, lastUsagesTable, keyName(key));
  await removeIfPresent(transaction, keysTable, keyName(key));
  await countDestroyedKey(transaction, key);
  await leaveRelatedKeys(transaction, key, nowMs, consequences);
  return true;
}

/**
 * Strikes a replica off its related keys. With the last replica gone, the waiting period of a primary key that has been
 * waiting for that begins ("Deleting multi-Region keys", developer guide). A primary key is never due before.
 */
async function leaveRelatedKeys(
  transaction: Transaction,
  key: KeyRecord,
  nowMs: number,
  consequences: Consequence[],
): Promise<void> {
  if (key.multiRegion === undefined || !isReplica(key)) return;
  const multiRegion = withoutReplica(key.multiRegion, key.region);
  const leave = async (record: KeyRecord) => {
    const left = { ...record, multiRegion };
    const { lifecycle } = left;
    if (lifecycle.status !== 'PendingReplicaDeletion' || multiRegion.replicaRegions.length > 0) return left;
    const scheduled = scheduleDeletion(left, nowMs, lifecycle.pendingWindowDays);
    await noteDeletion(transaction, scheduled);
    return scheduled;
  };
  await changeRelatedKeys(transaction, { ...key, multiRegion }, leave, consequences);
}
