import { setImmediate } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Clock } from '../../../runtime/clock.ts';
import { alarmHistoryTable, timeOfHistoryKey } from '../../../services/cloudwatch/alarms/alarm-history.ts';
import { pagesOfNames } from '../../../store/pages.ts';
import type { Store } from '../../../store/sealed-store.ts';

/** "CloudWatch preserves alarm history for 30 days" ("Using Amazon CloudWatch alarms", user guide), of deleted alarms too. */
const KEPT_MS = 30 * 86_400_000;
/**
 * Of all alarms of an account in a Region, the newest: whoever makes and deletes alarms under ever new names cannot fill the
 * disk with their history.
 */
const MOST_HISTORY = 100_000;

const INTERVAL_MS = 3_600_000;
const READ_BATCH = 1000;
const REMOVE_BATCH = 100;

/** Removes what is too old, or too much, of the history of alarms: at the start and then each hour. */
export function startForgettingHistory(store: Store, clock: Clock, log: Logger): { stop(): Promise<void> } {
  const stopped = new AbortController();
  let working: Promise<void> | undefined;

  function start(): void {
    working ??= forgetOldHistory(store, clock.now(), stopped.signal)
      .catch((err: unknown) => log.error({ err }, 'the history of alarms cannot be cleared; it will be tried again'))
      .finally(() => {
        working = undefined;
      });
  }

  start();
  const timer = setInterval(start, INTERVAL_MS);
  return {
    async stop() {
      clearInterval(timer);
      stopped.abort();
      await working;
    },
  };
}

/** Goes through the names alone, in the order of accounts and Regions. */
export async function forgetOldHistory(
  store: Store,
  nowMs: number,
  signal?: AbortSignal,
  mostHistory = MOST_HISTORY,
): Promise<void> {
  let place = '';
  let keys: string[] = [];
  for await (const names of pagesOfNames(store, alarmHistoryTable, { prefix: '', limit: READ_BATCH })) {
    if (signal?.aborted === true) return;
    for (const key of names) {
      const next = placeOf(key);
      if (next !== place) {
        await forget(store, keys, nowMs, mostHistory);
        place = next;
        keys = [];
      }
      keys.push(key);
    }
  }
  await forget(store, keys, nowMs, mostHistory);
}

/** @param keys of one account in one Region */
async function forget(store: Store, keys: readonly string[], nowMs: number, mostHistory: number): Promise<void> {
  const oldestFirst = keys.toSorted((a, b) => timeOfHistoryKey(a) - timeOfHistoryKey(b));
  const excess = oldestFirst.length - mostHistory;
  const gone = oldestFirst.filter((key, index) => index < excess || timeOfHistoryKey(key) < nowMs - KEPT_MS);
  for (let start = 0; start < gone.length; start += REMOVE_BATCH) {
    const batch = gone.slice(start, start + REMOVE_BATCH);
    // No cache holds the history, so nobody need be told.
    await store.transact(
      async (transaction) => {
        for (const key of batch) {
          const stored = await transaction.get(alarmHistoryTable, key);
          if (stored !== undefined) await transaction.remove(alarmHistoryTable, key, stored.version);
        }
      },
      { unlogged: true },
    );
    await setImmediate();
  }
}

/** `111122223333/us-east-1/` */
function placeOf(key: string): string {
  return key.slice(0, key.indexOf('/', key.indexOf('/') + 1) + 1);
}
