import type { KeyIdentity } from '../../keys/key.ts';
import { isDeleted } from '../../keys/lifecycle.ts';
import {
  aliasesOfKeyPrefix,
  aliasesOfKeyTable,
  aliasesTable,
  aliasRecordName,
  deletionsTable,
  keyName,
  keyOwnerName,
  keyOwnersTable,
  keysTable,
  materialsTable,
  policiesTable,
} from '../../keys/tables.ts';
import type { Store, Transaction } from '../../store/sealed-store.ts';
import { removeIfPresent } from './remove.ts';

/** Keys destroyed in one go; the next go comes a second later. */
const BATCH = 100;
const MOST_ROWS = 1000;

/**
 * Destroys the keys whose deletion is due: their material, and everything that belongs to them. Each key in a transaction
 * of its own that looks again, so that it happens once, whoever else is at it, and never to a key whose deletion has been
 * cancelled meanwhile.
 *
 * @returns the keys that were destroyed
 */
export async function destroyDueKeys(store: Store, nowMs: number): Promise<KeyIdentity[]> {
  const scheduled = await store.list(deletionsTable, { prefix: '', limit: BATCH });
  const destroyed: KeyIdentity[] = [];
  for (const { key: name, value: identity } of scheduled) {
    // Names begin with the moment the deletion is due and are in that order.
    if (Number(name.slice(0, name.indexOf('/'))) > nowMs) break;
    const done = await store.transact((transaction) => destroyIfDue(transaction, name, identity, nowMs));
    if (done) destroyed.push(identity);
  }
  return destroyed;
}

async function destroyIfDue(
  transaction: Transaction,
  scheduledName: string,
  identity: KeyIdentity,
  nowMs: number,
): Promise<boolean> {
  await removeIfPresent(transaction, deletionsTable, scheduledName);
  const key = (await transaction.get(keysTable, keyName(identity)))?.value;
  if (key === undefined || !isDeleted(key, nowMs)) return false;
  for (const row of await transaction.list(materialsTable, { prefix: `${keyName(identity)}/`, limit: MOST_ROWS })) {
    await transaction.remove(materialsTable, row.key, row.version);
  }
  for (const row of await transaction.list(aliasesOfKeyTable, {
    prefix: aliasesOfKeyPrefix(identity),
    limit: MOST_ROWS,
  })) {
    await removeIfPresent(transaction, aliasesTable, aliasRecordName(identity, row.value.aliasName));
    await transaction.remove(aliasesOfKeyTable, row.key, row.version);
  }
  await removeIfPresent(transaction, policiesTable, keyName(identity));
  await removeIfPresent(transaction, keyOwnersTable, keyOwnerName(identity.region, identity.keyId));
  await removeIfPresent(transaction, keysTable, keyName(identity));
  return true;
}
