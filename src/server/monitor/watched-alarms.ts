import { setImmediate } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { AlarmRule } from '../../monitoring/alarm-rule.ts';
import type { MetricId } from '../../monitoring/metric.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import { type AlarmRecord, alarmsTable, metricOf, ruleOf } from '../../services/cloudwatch/alarms/alarm-record.ts';
import type { Epoch } from '../../store/change-feed.ts';
import type { Store } from '../../store/sealed-store.ts';

/** An alarm as the monitor holds it in memory. */
export interface WatchedAlarm {
  /** Its key in the store. */
  readonly key: string;
  readonly version: number;
  readonly record: AlarmRecord;
  readonly rule: AlarmRule;
  readonly metric: MetricId;
}

export interface WatchedAlarms {
  /** What there was at the last look. */
  all(): Iterable<WatchedAlarm>;
  get(key: string): WatchedAlarm | undefined;
  /** Looks at what has changed since the last time, which costs nothing where nobody has committed anything. */
  refresh(): Promise<void>;
  /** Reads one alarm again. */
  reload(key: string): Promise<void>;
}

const BATCH = 500;

/**
 * All alarms of all accounts, kept as new as the change log.
 *
 * @param changed told of each alarm that is new or was read again, and of what was known of it before
 */
export function watchedAlarms(
  store: Store,
  epoch: Epoch,
  log: Logger,
  changed: (alarm: WatchedAlarm | undefined, before: WatchedAlarm | undefined) => void,
): WatchedAlarms {
  const known = new Map<string, WatchedAlarm>();
  let seenEpoch: number | undefined;
  let seenSequence = 0;

  async function reload(key: string): Promise<void> {
    const before = known.get(key);
    const alarm = await read(key);
    if (alarm === undefined) known.delete(key);
    else known.set(key, alarm);
    changed(alarm, before);
  }

  /** One that someone has tampered with is none, and keeps no other from being evaluated. */
  async function read(key: string): Promise<WatchedAlarm | undefined> {
    try {
      const stored = await store.get(alarmsTable, key);
      if (stored === undefined) return undefined;
      const { value: record, version } = stored;
      return { key, version, record, rule: ruleOf(record), metric: metricOf(record) };
    } catch (err) {
      if (!(err instanceof KeyholdError && err.code === 'TamperedRecord')) throw err;
      log.error({ err, key }, 'an alarm cannot be read, and is not evaluated');
      return undefined;
    }
  }

  async function reloadAll(): Promise<void> {
    const gone = new Set(known.keys());
    for (let after = ''; ; await setImmediate()) {
      const keys = await store.names(alarmsTable, { prefix: '', ...(after === '' ? {} : { after }), limit: BATCH });
      for (const key of keys) {
        gone.delete(key);
        await reload(key);
      }
      after = keys.at(-1) ?? '';
      if (keys.length < BATCH) break;
    }
    for (const key of gone) await reload(key);
  }

  return {
    all: () => known.values(),
    get: (key) => known.get(key),
    reload,
    async refresh() {
      // Read first, so that a commit during the look is looked for again.
      const reached = epoch.current();
      if (reached === seenEpoch) return;
      if (seenEpoch === undefined) {
        const head = await store.head();
        await reloadAll();
        seenSequence = head;
      } else {
        const since = await store.changesSince(seenSequence);
        if (!since.complete) await reloadAll();
        else for (const { table, key } of since.changes) if (table === alarmsTable.name) await reload(key);
        seenSequence = since.head;
      }
      seenEpoch = reached;
    },
  };
}
