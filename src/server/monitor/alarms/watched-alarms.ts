import type { Logger } from 'pino';
import type { AlarmRule } from '../../../monitoring/alarm-rule.ts';
import type { MetricId } from '../../../monitoring/metric.ts';
import { KeyholdError } from '../../../runtime/errors.ts';
import { type AlarmRecord, alarmsTable, metricOf, ruleOf } from '../../../services/cloudwatch/alarms/alarm-record.ts';
import type { Epoch } from '../../../store/change-feed.ts';
import { pagesOfNames } from '../../../store/pages.ts';
import type { Store } from '../../../store/sealed-store.ts';
import { changesOf } from '../../../store/table-changes.ts';

/** An alarm as the monitor holds it in memory. */
export interface WatchedAlarm {
  /** Its key in the store. */
  readonly key: string;
  readonly version: number;
  /** What of it is looked at: of ten thousand alarms, the descriptions, actions and tags would be most of a gigabyte. */
  readonly record: Pick<AlarmRecord, 'accountId' | 'configurationUpdatedAtMs'> & {
    readonly state: Pick<AlarmRecord['state'], 'value' | 'raisedEarlyAtMs'>;
  };
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
  const look = changesOf(store, epoch, alarmsTable);

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
      const { value, version } = stored;
      const { accountId, configurationUpdatedAtMs, state } = value;
      const known = { value: state.value, raisedEarlyAtMs: state.raisedEarlyAtMs };
      const record = { accountId, configurationUpdatedAtMs, state: known } as WatchedAlarm['record'];
      return { key, version, record, rule: ruleOf(value), metric: metricOf(value) };
    } catch (err) {
      if (!(err instanceof KeyholdError && err.code === 'TamperedRecord')) throw err;
      log.error({ err, key }, 'an alarm cannot be read, and is not evaluated');
      return undefined;
    }
  }

  async function reloadAll(): Promise<void> {
    const gone = new Set(known.keys());
    for await (const keys of pagesOfNames(store, alarmsTable, { prefix: '', limit: BATCH })) {
      for (const key of keys) {
        gone.delete(key);
        await reload(key);
      }
    }
    for (const key of gone) await reload(key);
  }

  return {
    all: () => known.values(),
    get: (key) => known.get(key),
    reload,
    refresh: () => look(reload, reloadAll),
  };
}
