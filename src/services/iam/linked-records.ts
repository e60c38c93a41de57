import { KeyholdError } from '../../runtime/errors.ts';
import type { Reader, StoredRecord, Table, Transaction } from '../../store/sealed-store.ts';

/** Records that are there because others say so: where one is missing, someone has removed it from the database. */

export async function linkedRecord<T>(reader: Reader, table: Table<T>, name: string): Promise<StoredRecord<T>> {
  const stored = await reader.get(table, name);
  if (stored !== undefined) return stored;
  throw new KeyholdError('TamperedRecord', `there is no record ${table.name} ${JSON.stringify(name)}`);
}

/** Changes a record, which moves where its name changes with it. Names that differ in their case alone are one. */
export async function moveLinkedRecord<T>(
  transaction: Transaction,
  table: Table<T>,
  from: string,
  to: string,
  change: (value: T) => T,
): Promise<void> {
  const { value, version } = await linkedRecord(transaction, table, from);
  const changed = change(value);
  if (from === to) await transaction.replace<T>(table, from, changed, version);
  else {
    await transaction.remove(table, from, version);
    await transaction.create<T>(table, to, changed);
  }
}

export async function removeLinkedRecord<T>(transaction: Transaction, table: Table<T>, name: string): Promise<void> {
  const { version } = await linkedRecord(transaction, table, name);
  await transaction.remove(table, name, version);
}
