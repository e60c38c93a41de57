import type { Table, Transaction } from '../../store/sealed-store.ts';

/** Removes a record, whatever its version, if there is one. */
export async function removeIfPresent<T>(transaction: Transaction, table: Table<T>, name: string): Promise<void> {
  const record = await transaction.get(table, name);
  if (record !== undefined) await transaction.remove(table, name, record.version);
}
