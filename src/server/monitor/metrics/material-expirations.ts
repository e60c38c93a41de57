import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { KeyRecord } from '../../../keys/key.ts';
import { expiriesTable, keyName, keysTable } from '../../../keys/tables.ts';
import type { MetricDatum, MetricStore } from '../../../monitoring/metric.ts';
import type { Clock } from '../../../runtime/clock.ts';
import { KeyholdError } from '../../../runtime/errors.ts';
import type { Reader } from '../../../store/sealed-store.ts';

/**
 * Publishes `SecondsUntilKeyMaterialExpiration` every minute, as AWS does, for each key of which imported material expires.
 * The notes of what expires lead to those keys alone, those first that are the next: however many there are, these are told.
 */
export interface MaterialExpirations {
  /** Resolves when nothing of it is being read any more. */
  stop(): Promise<void>;
}

export interface MaterialExpirationsOptions {
  readonly store: Reader;
  readonly metrics: Pick<MetricStore, 'record'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly intervalMs?: number;
  /** How many notes are looked at in a minute. */
  readonly mostNotes?: number;
}

const INTERVAL_MS = 60_000;
const MOST_NOTES = 5000;
const NOTES_AT_ONCE = 100;
const MINUTE_MS = 60_000;

export function startMaterialExpirations(options: MaterialExpirationsOptions): MaterialExpirations {
  const { log, intervalMs = INTERVAL_MS } = options;
  const ended = new AbortController();

  async function run(): Promise<void> {
    for (;;) {
      try {
        await publishExpirations(options, ended.signal);
      } catch (err) {
        log.error({ err }, 'the seconds until key material expires cannot be told; it will be tried again');
      }
      await pause(intervalMs, undefined, { signal: ended.signal, ref: false }).catch(() => undefined);
      if (ended.signal.aborted) return;
    }
  }

  const running = run();
  return {
    stop() {
      ended.abort();
      return running;
    },
  };
}

/** One pass. Each key counts once, by the first of its materials to expire. */
export async function publishExpirations(
  { store, metrics, clock, log, mostNotes = MOST_NOTES }: MaterialExpirationsOptions,
  signal?: AbortSignal,
): Promise<void> {
  const told = new Set<string>();
  for (let after = '', seen = 0; seen < mostNotes && signal?.aborted !== true; ) {
    const limit = Math.min(NOTES_AT_ONCE, mostNotes - seen);
    const notes = await store.names(expiriesTable, { prefix: '', after, limit });
    const nowMs = clock.now();
    const data: MetricDatum[] = [];
    for (const note of notes) {
      const key = await keyOfNote(store, note, log);
      const expiresAtMs = key?.imported?.expiresAtMs;
      if (key === undefined || expiresAtMs === undefined || expiresAtMs <= nowMs || told.has(keyName(key))) continue;
      told.add(keyName(key));
      data.push(datumOf(key, expiresAtMs, nowMs));
    }
    if (data.length > 0) metrics.record(data);
    seen += notes.length;
    if (notes.length < limit) return;
    after = notes.at(-1) ?? '';
    // Whatever else the monitor does has its turn.
    await pause(0);
  }
}

/** A note says where to look, and a record that someone edited hides no other. */
async function keyOfNote(store: Reader, note: string, log: Logger): Promise<KeyRecord | undefined> {
  try {
    const noted = await store.get(expiriesTable, note);
    return noted && (await store.get(keysTable, keyName(noted.value)))?.value;
  } catch (err) {
    if (!(err instanceof KeyholdError) || err.code !== 'TamperedRecord') throw err;
    log.warn({ err }, 'of a key it cannot be told when its material expires');
    return undefined;
  }
}

function datumOf({ accountId, region, keyId }: KeyRecord, expiresAtMs: number, nowMs: number): MetricDatum {
  return {
    metric: {
      accountId,
      region,
      namespace: 'AWS/KMS',
      name: 'SecondsUntilKeyMaterialExpiration',
      dimensions: [{ name: 'KeyId', value: keyId }],
    },
    timeMs: nowMs - (nowMs % MINUTE_MS),
    unit: 'Seconds',
    observed: [[Math.floor((expiresAtMs - nowMs) / 1000), 1]],
  };
}
