import type { Logger } from 'pino';
import type { Clock } from '../runtime/clock.ts';
import { type DueWork, doDueWork } from '../services/kms/due-work.ts';
import type { Store } from '../store/sealed-store.ts';

const INTERVAL_MS = 1000;

/** Something that happens to keys by itself. */
export interface Chore {
  readonly work: DueWork;
  /** How long it is left undone after it is due. */
  readonly graceMs: number;
  /** Whether key material is destroyed, which the write-ahead log must not keep. */
  readonly destroys: boolean;
}

export interface SweeperOptions {
  readonly store: Store;
  readonly chores: readonly Chore[];
  /** Empties the store's write-ahead log, so that what was destroyed is not in it either. */
  readonly checkpoint: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Sweeper {
  /** Resolves when the go that is under way, if any, is over. */
  stop(): Promise<void>;
}

/** Does what is due to be done to keys, again and again. One worker does it; another would find nothing left to do. */
export function startSweeper({ store, chores, checkpoint, clock, log }: SweeperOptions): Sweeper {
  /** Where the next go of each chore continues. */
  const sweptTo = new Map<Chore, string>();
  // Also at the start: the process before may have ended between a destruction and its checkpoint.
  let logHoldsDestroyed = true;
  let sweeping: Promise<void> | undefined;

  async function sweep(): Promise<void> {
    for (const chore of chores) await sweepOne(chore);
    if (!logHoldsDestroyed) return;
    await checkpoint();
    logHoldsDestroyed = false;
  }

  async function sweepOne(chore: Chore): Promise<void> {
    const { work, graceMs, destroys } = chore;
    const { done, failures, next } = await doDueWork(store, work, clock.now() - graceMs, sweptTo.get(chore));
    sweptTo.set(chore, next);
    for (const key of done) log.info(key, work.done);
    if (destroys && done.length > 0) logHoldsDestroyed = true;
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
