import { KeyholdError } from '../runtime/errors.ts';
import type { Store, Table, Transaction } from '../store/sealed-store.ts';

/** Notes of when things were last used, on their way from a worker's memory to the store. */

export interface WrittenUsages {
  /** Whether more is noted than one go writes. */
  readonly more: boolean;
  /** Usages that found no room in memory since the go before, and are lost. */
  readonly lost: number;
  /** What was used, where its record was edited by someone: it is not overwritten, and the usages are lost. */
  readonly tampered: readonly string[];
}

/** Records written without letting requests in between. */
const IN_ONE_TURN = 20;

/**
 * Writes a batch in one transaction without a change log, since no cache holds usages.
 *
 * @returns what was used, where its record was edited by someone
 */
export async function writeUsages<U>(
  store: Store,
  batch: readonly (readonly [used: string, usage: U])[],
  writeOne: (transaction: Transaction, used: string, usage: U) => Promise<void>,
): Promise<readonly string[]> {
  const tampered: string[] = [];
  if (batch.length === 0) return tampered;
  await store.transact(
    async (transaction) => {
      for (const [index, [used, usage]] of batch.entries()) {
        try {
          await writeOne(transaction, used, usage);
        } catch (error) {
          if (!(error instanceof KeyholdError && error.code === 'TamperedRecord')) throw error;
          tampered.push(used);
        }
        if (index % IN_ONE_TURN === IN_ONE_TURN - 1) await new Promise(setImmediate);
      }
    },
    { unlogged: true },
  );
  return tampered;
}

/** Keeps the later of this usage and the one that is written already. */
export async function keepLaterUsage<U extends { readonly atMs: number }>(
  transaction: Transaction,
  table: Table<U>,
  name: string,
  usage: U,
): Promise<void> {
  const written = await transaction.get(table, name);
  if (written === undefined) await transaction.create<U>(table, name, usage);
  else if (usage.atMs > written.value.atMs) await transaction.replace<U>(table, name, usage, written.version);
}
