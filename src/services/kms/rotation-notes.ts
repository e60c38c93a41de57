import type { KeyRecord } from '../../keys/key.ts';
import { isReplica } from '../../keys/multi-region.ts';
import { dueName, rotationsTable } from '../../keys/tables.ts';
import type { Transaction } from '../../store/sealed-store.ts';
import { noteDue } from './due-work.ts';
import { removeIfPresent } from './remove.ts';

/**
 * Notes when a key is to be rotated, if it is and has not been noted. A note is gone after its moment, also where the key
 * could not be rotated then, because it was disabled; so whatever enables a key notes its rotation again.
 */
export async function noteRotation(transaction: Transaction, key: KeyRecord): Promise<void> {
  if (key.rotation === undefined || isReplica(key)) return;
  await noteDue(transaction, rotationsTable, key.rotation.nextAtMs, key);
}

export async function forgetRotation(transaction: Transaction, key: KeyRecord): Promise<void> {
  if (key.rotation === undefined) return;
  await removeIfPresent(transaction, rotationsTable, dueName(key.rotation.nextAtMs, key));
}
