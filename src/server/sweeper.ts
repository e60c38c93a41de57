import type { Logger } from 'pino';
import type { Clock } from '../runtime/clock.ts';
import type { ConsequenceRecorder } from '../services/attempt-records.ts';
import { type DueWork, doDueWork } from '../services/kms/due-work.ts';
import type { Store } from '../store/sealed-store.ts';

const INTERVAL_MS = 1000;

/** Something that happens to keys by itself. */
export interface Chore {
  readonly work: DueWork;
  /** How long it is left undone after it is due. */
  readonly graceMs: number;
  /** Whether key material is destroyed, of which the store's files must keep nothing. */
  readonly destroys: boolean;
}

export interface SweeperOptions {
  readonly store: Store;
  readonly chores: readonly Chore[];
  /** Makes sure that nothing is left of what was destroyed in the store's files. */
  readonly scrub: () => Promise<void>;
  /** Records what is done, before it is committed. */
  readonly record: ConsequenceRecorder;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Sweeper {
  /** Resolves when the go that is under way, if any, is over. */
  stop(): Promise<void>;
}

/** Does what is due to be done to keys, again and again. One worker does it; another would find nothing left to do. */
export function startSweeper({ store, chores, scrub, record, clock, log }: SweeperOptions): Sweeper {
  /** Where the next go of each chore continues. */
  const sweptTo = new Map<Chore, string>();
  // Also at the start: the process before may have ended between a destruction and its scrubbing.
  let needsScrubbing = true;
  let notBeforeMs = 0;
  let sweeping: Promise<void> | undefined;

  async function sweep(): Promise<void> {
    for (const chore of chores) await sweepOne(chore);
    if (needsScrubbing && clock.now() >= notBeforeMs) await scrubOnce();
  }

  /** The larger the store, the longer it takes and the more seldom it is done: for no more than a hundredth of the time. */
  async function scrubOnce(): Promise<void> {
    const startMs = clock.now();
    await scrub();
    needsScrubbing = false;
    notBeforeMs = startMs + 100 * (clock.now() - startMs);
  }

  async function sweepOne(chore: Chore): Promise<void> {
    const { work, graceMs, destroys } = chore;
    const dueMs = clock.now() - graceMs;
    const { done, failures, next } = await doDueWork(store, work, dueMs, record, sweptTo.get(chore));
    sweptTo.set(chore, next);
    for (const key of done) log.info(key, work.done);
    if (destroys && done.length > 0) needsScrubbing = true;
    if (failures[0] === undefined) return;
    const notes = failures.map(({ note }) => note);
    log.error({ err: failures[0].error, notes, table: work.table.name }, 'what was due failed; it will be tried again');
  }

  const timer = setInterval(() => {
    sweeping ??= sweep()
      .catch((err: unknown) => log.error({ err }, 'looking for what is due failed; it will be tried again'))
      .finally(() => {
        sweeping = undefined;
      });
  }, INTERVAL_MS);

  return {
    async stop() {
      clearInterval(timer);
      await sweeping;
    },
  };
}
