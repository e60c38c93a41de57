import type { PendingDeletion } from '../../keys/lifecycle.ts';
import { deletionsTable, dueName } from '../../keys/tables.ts';
import type { Transaction } from '../../store/sealed-store.ts';
import { noteDue } from './due-work.ts';
import { removeIfPresent } from './remove.ts';

/** Notes when a key is to be destroyed; `destroy-due-keys.ts` is who reads it. */
export async function noteDeletion(transaction: Transaction, key: PendingDeletion): Promise<void> {
  await noteDue(transaction, deletionsTable, key.lifecycle.deletionAtMs, key);
}

export async function forgetDeletion(transaction: Transaction, key: PendingDeletion): Promise<void> {
  await removeIfPresent(transaction, deletionsTable, dueName(key.lifecycle.deletionAtMs, key));
}
