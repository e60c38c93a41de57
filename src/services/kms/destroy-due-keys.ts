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
import type { Transaction } from '../../store/sealed-store.ts';
import type { DueWork } from './due-work.ts';
import { removeIfPresent } from './remove.ts';

const MOST_ROWS = 1000;

/** Destroys keys whose deletion is due: their material, and everything that belongs to them. */
export const destroyDueKeys: DueWork = {
  done: 'destroyed a key whose deletion was due',
  table: deletionsTable,
  async perform(transaction, identity, nowMs) {
    const key = (await transaction.get(keysTable, keyName(identity)))?.value;
    if (key === undefined || !isDeleted(key, nowMs)) return false;
    await destroyKey(transaction, identity);
    return true;
  },
};

async function destroyKey(transaction: Transaction, identity: KeyIdentity): Promise<void> {
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
}
