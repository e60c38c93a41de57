import type { Logger } from 'pino';
import type { KeyRecord } from '../../keys/key.ts';
import { isDeleted, keyState } from '../../keys/lifecycle.ts';
import { keysTable } from '../../keys/tables.ts';
import { type Clock, monotonicMs } from '../../runtime/clock.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { Store } from '../../store/sealed-store.ts';
import { type FamilyName, families, seriesOf } from './catalogue.ts';
import { cellsOf, type MetricsMemory } from './memory.ts';

/**
 * Counts the keys, again and again, by reading all of their records: a few at a time and then a pause, so that it takes a
 * hundredth of one worker's time however many keys there are, and holds no request up for more than a millisecond or so. A
 * pass over ten thousand keys therefore takes a minute, on a machine that is busy; the figures are those of the last whole
 * pass, and say how old they are. Nothing is kept but the figures, so that nothing can drift from what the store holds.
 */
export interface Census {
  /** Resolves when nothing of it is being read any more. */
  stop(): Promise<void>;
}

export interface CensusOptions {
  readonly store: Store;
  readonly memory: MetricsMemory;
  readonly slot: number;
  readonly clock: Clock;
  readonly log: Logger;
}

const KEYS_AT_ONCE = 20;
/** Of the time that the reading takes. */
const PAUSE_FACTOR = 99;
const BETWEEN_PASSES_MS = 5000;

interface Counted {
  /** By the numbers of the family `keys`. */
  readonly keys: Float64Array;
  unreadable: number;
  rotated: number;
  deletionsOverdue: number;
  rotationsOverdue: number;
  /** Moments; infinity where there is none. */
  nextDeletionMs: number;
  nextRotationMs: number;
  nextExpirationMs: number;
}

/** One worker does it. */
export function startCensus({ store, memory, slot, clock, log }: CensusOptions): Census {
  let stopping = false;
  let running: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  /** Reads on after the key of that name, and says how long to wait with the next ones. */
  async function readSome(counted: Counted, after: string): Promise<{ after: string | undefined; tookMs: number }> {
    const startMs = monotonicMs();
    const names = await store.names(keysTable, { prefix: '', after, limit: KEYS_AT_ONCE });
    const nowMs = clock.now();
    for (const name of names) await countOne(counted, store, name, nowMs);
    return {
      after: names.length < KEYS_AT_ONCE ? undefined : names.at(-1),
      tookMs: monotonicMs() - startMs,
    };
  }

  async function step(counted: Counted, after: string): Promise<void> {
    try {
      const read = await readSome(counted, after);
      if (read.after !== undefined) {
        const next = read.after;
        return again(read.tookMs * PAUSE_FACTOR, () => step(counted, next));
      }
      publish(counted, memory, slot, clock.now());
    } catch (err) {
      log.error({ err }, 'the keys cannot be counted; it will be tried again');
    }
    again(BETWEEN_PASSES_MS, () => step(nothing(), ''));
  }

  function again(pauseMs: number, work: () => Promise<void>): void {
    if (stopping) return;
    timer = setTimeout(() => {
      running = work();
    }, pauseMs);
    timer.unref();
  }

  again(0, () => step(nothing(), ''));
  return {
    async stop() {
      stopping = true;
      clearTimeout(timer);
      await running;
    },
  };
}

function nothing(): Counted {
  return {
    keys: new Float64Array(families.keys.size),
    unreadable: 0,
    rotated: 0,
    deletionsOverdue: 0,
    rotationsOverdue: 0,
    nextDeletionMs: Number.POSITIVE_INFINITY,
    nextRotationMs: Number.POSITIVE_INFINITY,
    nextExpirationMs: Number.POSITIVE_INFINITY,
  };
}

/** A record that someone edited hides no other. */
async function countOne(counted: Counted, store: Store, name: string, nowMs: number): Promise<void> {
  let record: KeyRecord | undefined;
  try {
    record = (await store.get(keysTable, name))?.value;
  } catch (error) {
    if (!(error instanceof KeyholdError) || error.code !== 'TamperedRecord') throw error;
    counted.unreadable += 1;
  }
  // Destroyed since its name was read.
  if (record !== undefined) count(counted, record, nowMs);
}

function count(counted: Counted, key: KeyRecord, nowMs: number): void {
  const state = keyState(key, nowMs);
  (counted.keys[seriesOf.key(key, state)] as number) += 1;
  if (key.lifecycle.status === 'PendingDeletion') {
    if (isDeleted(key, nowMs)) counted.deletionsOverdue += 1;
    else counted.nextDeletionMs = Math.min(counted.nextDeletionMs, key.lifecycle.deletionAtMs);
  }
  if (key.rotation !== undefined) {
    counted.rotated += 1;
    // Only an enabled key is rotated; what another one misses is made up for later.
    if (state === 'Enabled' && key.rotation.nextAtMs <= nowMs) counted.rotationsOverdue += 1;
    else if (state === 'Enabled') counted.nextRotationMs = Math.min(counted.nextRotationMs, key.rotation.nextAtMs);
  }
  const expiresAtMs = key.imported?.expiresAtMs;
  if (expiresAtMs !== undefined && expiresAtMs > nowMs) {
    counted.nextExpirationMs = Math.min(counted.nextExpirationMs, expiresAtMs);
  }
}

function publish(counted: Counted, memory: MetricsMemory, slot: number, nowMs: number): void {
  const keys = cellsOf(memory, slot, 'keys');
  for (const [series, number] of counted.keys.entries()) keys.set(series, number);
  const set = (name: FamilyName, value: number) => cellsOf(memory, slot, name).set(0, value);
  const setMoment = (name: FamilyName, moment: number) => set(name, Number.isFinite(moment) ? moment : 0);
  set('keysUnreadable', counted.unreadable);
  set('keysRotated', counted.rotated);
  set('deletionsOverdue', counted.deletionsOverdue);
  set('rotationsOverdue', counted.rotationsOverdue);
  setMoment('nextDeletion', counted.nextDeletionMs);
  setMoment('nextRotation', counted.nextRotationMs);
  setMoment('nextExpiration', counted.nextExpirationMs);
  set('censusAge', nowMs);
}
