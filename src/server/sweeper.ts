import type { Logger } from 'pino';
import type { Clock } from '../runtime/clock.ts';
import { destroyDueKeys } from '../services/kms/destroy-due-keys.ts';
import type { Store } from '../store/sealed-store.ts';

const INTERVAL_MS = 1000;

/**
 * How long a key is left alone after its deletion is due. Nobody sees it any more by then, but a request that began before
 * may still be reading its rows one by one, and would take what it no longer finds for the work of an intruder.
 */
const GRACE_MS = 5000;

export interface SweeperOptions {
  readonly store: Store;
  /** Empties the store's write-ahead log, so that what was destroyed is not in it either. */
  readonly checkpoint: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Sweeper {
  /** Resolves when the go that is under way, if any, is over. */
  stop(): Promise<void>;
}

/** Destroys keys whose deletion is due, again and again. One worker does it; another would find nothing left to do. */
export function startSweeper({ store, checkpoint, clock, log }: SweeperOptions): Sweeper {
  let sweptTo = '';
  // Also at the start: the process before may have ended between a destruction and its checkpoint.
  let logHoldsDestroyed = true;
  let sweeping: Promise<void> | undefined;

  async function sweep(): Promise<void> {
    const { destroyed, failures, next } = await destroyDueKeys(store, clock.now() - GRACE_MS, sweptTo);
    sweptTo = next;
    for (const key of destroyed) log.info(key, 'destroyed a key whose deletion was due');
    if (destroyed.length > 0) logHoldsDestroyed = true;
    if (failures[0] !== undefined) {
      const deletions = failures.map(({ deletion }) => deletion);
      log.error({ err: failures[0].error, deletions }, 'destroying due keys failed for some; it will be tried again');
    }
    if (!logHoldsDestroyed) return;
    await checkpoint();
    logHoldsDestroyed = false;
  }

  const timer = setInterval(() => {
    sweeping ??= sweep()
      .catch((err: unknown) => log.error({ err }, 'destroying due keys failed; it will be tried again'))
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
