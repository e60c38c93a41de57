import type { KeyIdentity } from '../../keys/key.ts';
import { dueMoment, dueName } from '../../keys/tables.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { Store, Table, Transaction } from '../../store/sealed-store.ts';
import type { ConsequenceRecorder } from '../attempt-records.ts';
import type { Consequence } from '../operation.ts';

/**
 * What happens to keys by itself at a moment that was noted when it became known: a table of notes, whose names are in the
 * order of their moments (`dueName`), and what is done about each.
 */
export interface DueWork {
  /** What the log says was done: `destroyed a key whose deletion was due`. */
  readonly done: string;
  readonly table: Table<KeyIdentity>;
  /**
   * Does it, in a transaction of its own, unless the key no longer needs it: the note may be older than what has become of
   * the key. Says whether anything was done, or that there is too much for one transaction: then the note stays, and it is
   * called again. The note itself is taken away by the caller.
   *
   * @param consequences gets what is to be recorded of it
   */
  readonly perform: (
    transaction: Transaction,
    key: KeyIdentity,
    nowMs: number,
    consequences: Consequence[],
  ) => Promise<boolean | typeof UNFINISHED>;
}

/** Some was done, within what may hold up everyone else who writes, and more is left to do. */
export const UNFINISHED = 'unfinished';

/** Notes tried in one go; the next go comes a second later. A round is as many goes as it takes to try all that are due. */
const BATCH = 100;

/** For one note in one go. What is left waits for the next, so that a go is over within seconds: a stop waits for it. */
const MOST_TRANSACTIONS = 40;

export interface DueWorkGo {
  readonly done: KeyIdentity[];
  /** Notes, by their names, that failed, mostly because a record was tampered with. Each round tries them again. */
  readonly failures: { readonly note: string; readonly error: unknown }[];
  /** Where the next go continues; empty if this one has seen all that is due, and the next begins anew. */
  readonly next: string;
}

/**
 * Does what is due. Each note in a transaction of its own that looks again, so that it happens once, whoever else is at
 * it, and never to a key for which it has been called off meanwhile; and so that a record someone edited keeps no key but
 * its own waiting.
 *
 * INVARIANT: as with requests, what happens has a record before it is committed, and another, which says so, if the commit
 * then fails.
 *
 * @param after the `next` of the go before: what cannot be done must not keep what is behind it from its turn
 */
export async function doDueWork(
  store: Store,
  work: DueWork,
  nowMs: number,
  record: ConsequenceRecorder,
  after = '',
): Promise<DueWorkGo> {
  const done: KeyIdentity[] = [];
  const failures: { note: string; error: unknown }[] = [];
  const now = dueMoment(nowMs);
  // Their names only, for listing the records would fail with the first that is not authentic.
  const notes = await store.names(work.table, { prefix: '', after, limit: BATCH });
  for (const note of notes) {
    // As text, which is how names are ordered: a number read from a name that is not one of ours could end the round.
    if (note.slice(0, now.length) > now) return { done, failures, next: '' };
    try {
      for (let count = 0; count < MOST_TRANSACTIONS; count++) {
        const key = await doRecorded(store, work, note, nowMs, record);
        if (key !== UNFINISHED) {
          if (key !== undefined) done.push(key);
          break;
        }
        // The requests of this thread have their turn.
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
    } catch (error) {
      failures.push({ note, error });
      // Hardly a matter of this one: the others would fail as well, and each may block the thread until it has.
      if (error instanceof KeyholdError && error.code === 'StoreUnavailable') return { done, failures, next: note };
    }
  }
  return { done, failures, next: notes.length < BATCH ? '' : (notes.at(-1) ?? '') };
}

/** Notes what is due to a key at a moment. Two of its materials may expire at the same one. */
export async function noteDue(
  transaction: Transaction,
  table: Table<KeyIdentity>,
  atMs: number,
  { accountId, region, keyId }: KeyIdentity,
): Promise<void> {
  const note = dueName(atMs, { accountId, region, keyId });
  if ((await transaction.get(table, note)) === undefined) {
    await transaction.create(table, note, { accountId, region, keyId });
  }
}

/** As {@link doNoted}, in a transaction of its own. */
async function doRecorded(
  store: Store,
  work: DueWork,
  note: string,
  nowMs: number,
  record: ConsequenceRecorder,
): Promise<KeyIdentity | typeof UNFINISHED | undefined> {
  let recorded: readonly Consequence[] = [];
  try {
    return await store.transact(async (transaction) => {
      const consequences: Consequence[] = [];
      const key = await doNoted(transaction, work, note, nowMs, consequences);
      await record(consequences);
      recorded = consequences;
      return key;
    });
  } catch (error) {
    // What the commit failed for is for the log, as it is with requests.
    if (recorded.length > 0) await record(recorded, { code: 'KMSInternalException', message: '' });
    throw error;
  }
}

/** Gives the key if something was done that is now finished, and nothing if there was no need. */
async function doNoted(
  transaction: Transaction,
  { table, perform }: DueWork,
  note: string,
  nowMs: number,
  consequences: Consequence[],
): Promise<KeyIdentity | typeof UNFINISHED | undefined> {
  const noted = await transaction.get(table, note);
  if (noted === undefined) return undefined;
  // Before the work, which may note the same key for the same moment anew.
  await transaction.remove(table, note, noted.version);
  const { accountId, region, keyId } = noted.value;
  const key = { accountId, region, keyId };
  const outcome = await perform(transaction, key, nowMs, consequences);
  if (outcome !== UNFINISHED) return outcome ? key : undefined;
  await transaction.create(table, note, noted.value);
  return UNFINISHED;
}
