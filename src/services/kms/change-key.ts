import type { KeyRecord } from '../../keys/key.ts';
import { keyName, keysTable } from '../../keys/tables.ts';
import type { Transaction } from '../../store/sealed-store.ts';
import type { LoadedKey } from './key-source.ts';

/** Replaces a key's record by what it has become, as long as it is still what was read. */
export async function changeKey(
  transaction: Transaction,
  key: Pick<LoadedKey, 'record' | 'version'>,
  changed: KeyRecord,
): Promise<void> {
  await transaction.replace(keysTable, keyName(key.record), changed, key.version);
}
