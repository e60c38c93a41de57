import type { KeyRecord } from '../../keys/key.ts';
import { keyName, keyOwnerName, keyOwnersTable, keysTable, policiesTable } from '../../keys/tables.ts';
import type { Transaction } from '../../store/sealed-store.ts';

/** Writes a new key with its policy. `destroy-due-keys.ts` is the counterpart, and takes everything else of a key as well. */
export async function createKeyRows(transaction: Transaction, key: KeyRecord, policy: string): Promise<void> {
  const { accountId, region, keyId } = key;
  await transaction.create(policiesTable, keyName(key), { policy });
  await transaction.create(keyOwnersTable, keyOwnerName(region, keyId), { accountId });
  await transaction.create(keysTable, keyName(key), key);
}
