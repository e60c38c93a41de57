import type { KeyIdentity } from '../../keys/key.ts';
import { isDeleted } from '../../keys/lifecycle.ts';
import {
  aliasesOfKeyPrefix,
  aliasesOfKeyTable,
  aliasesTable,
  aliasRecordName,
  deletionMoment,
  deletionsTable,
  keyName,
  keyOwnerName,
  keyOwnersTable,
  keysTable,
  materialsTable,
  policiesTable,
} from '../../keys/tables.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { Store, Transaction } from '../../store/sealed-store.ts';
import { removeIfPresent } from './remove.ts';

/** Deletions tried in one go; the next go comes a second later. A round is as many goes as it takes to try all that are due. */
const BATCH = 100;
const MOST_ROWS = 1000;

export interface Destruction {
  readonly destroyed: KeyIdentity[];
  /** Deletions, by their names, that failed, mostly because a record was tampered with. Each round tries them again. */
  readonly failures: { readonly deletion: string; readonly error: unknown }[];
  /** Where the next go continues; empty if this one has seen all that is due, and the next begins anew. */
  readonly next: string;
}

/**
 * Destroys the keys whose deletion is due: their material, and everything that belongs to them. Each key in a transaction
 * of its own that looks again, so that it happens once, whoever else is at it, and never to a key whose deletion has been
 * cancelled meanwhile; and so that a record someone edited keeps no key but its own from being destroyed.
 *
 * @param after the `next` of the go before: deletions that cannot be done must not keep those behind them from their turn
 */
export async function destroyDueKeys(store: Store, nowMs: number, after = ''): Promise<Destruction> {
  const destroyed: KeyIdentity[] = [];
  const failures: { deletion: string; error: unknown }[] = [];
  const now = deletionMoment(nowMs);
  // Their names only, for listing the records would fail with the first that is not authentic.
  const scheduled = await store.names(deletionsTable, { prefix: '', after, limit: BATCH });
  for (const name of scheduled) {
    // As text, which is how names are ordered: a number read from a name that is not one of ours could end the round.
    if (name.slice(0, now.length) > now) return { destroyed, failures, next: '' };
    try {
      const key = await store.transact((transaction) => destroyIfDue(transaction, name, nowMs));
      if (key !== undefined) destroyed.push(key);
    } catch (error) {
      failures.push({ deletion: name, error });
      // Hardly a matter of this one: the others would fail as well, and each may block the thread until it has.
      if (error instanceof KeyholdError && error.code === 'StoreUnavailable')
        return { destroyed, failures, next: name };
    }
  }
  return { destroyed, failures, next: scheduled.length < BATCH ? '' : (scheduled.at(-1) ?? '') };
}

/** Gives the key if it was destroyed, and nothing if there was no need. */
async function destroyIfDue(
  transaction: Transaction,
  scheduledName: string,
  nowMs: number,
): Promise<KeyIdentity | undefined> {
  const scheduled = await transaction.get(deletionsTable, scheduledName);
  if (scheduled === undefined) return undefined;
  await transaction.remove(deletionsTable, scheduledName, scheduled.version);
  const identity = scheduled.value;
  const key = (await transaction.get(keysTable, keyName(identity)))?.value;
  if (key === undefined || !isDeleted(key, nowMs)) return undefined;
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
  return identity;
}
