import type { Logger } from 'pino';
import type { StreamPosition } from '../../../audit/stream-position.ts';
import { CellsByTime, PeriodCells } from '../../../monitoring/cells-by-time.ts';
import type { MetricStore } from '../../../monitoring/metric.ts';
import { type KnownMetric, MetricDirectory } from '../../../monitoring/metric-directory.ts';
import { resolutions } from '../../../monitoring/retention.ts';
import type { Clock } from '../../../runtime/clock.ts';
import { coarsened, isDamage, type MetricFile, openMetricFile, putAside } from './metric-file.ts';

/**
 * The metrics of a server: what was observed since the last writing in memory, all else in a file. A crash of the process
 * or the machine loses what is in memory, and no more; of that, what was made of the audit trail is made of it again.
 *
 * INVARIANT: what was made of the audit trail and how far is written in one transaction, so that each record counts once.
 *
 * No request notices when the file cannot be written: what was observed then stays in memory, with coarser times the more of
 * it there is, and is written when there is room on the disk again. A damaged file is put aside, and another begun.
 */
export interface MetricDatabase extends MetricStore {
  /** Behind which record of an audit stream all is counted; undefined where nothing is known of it. */
  position(stream: string): StreamPosition | undefined;
  /**
   * Before each writing, `handOver` records what was made of the audit trail since the last time, all at once, and gives the
   * positions of those streams in which anything has come: behind the last record of which it was made.
   */
  follow(handOver: () => ReadonlyMap<string, StreamPosition>): void;
  /** Writes what is in memory. */
  flush(): void;
  /** Writes what is in memory, and ends. */
  close(): void;
}

export interface MetricDatabaseOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** How much may wait in memory: stretches of time of a metric, some 200 bytes each, and values. */
  readonly mostWaiting?: number;
  /** Of what callers put; what the server makes is written all the same, so that nobody can blind its alarms. */
  readonly mostBytes?: number;
}

const FLUSH_INTERVAL_MS = 2000;
/** Metrics that are looked at each time for what is older than is kept. */
const EXPIRED_AT_ONCE = 100;
/** What AWS lists no more ("data in the past two weeks"), and whose room is needed, is forgotten. */
const FORGOTTEN_AFTER_MS = 15 * 86_400_000;
const LONGEST_KEPT_MS = Math.max(...resolutions.map(({ keptSeconds }) => keptSeconds)) * 1000;
const MOST_WAITING = 200_000;
const MOST_BYTES = 4 * 1024 ** 3;

export function openMetricDatabase(options: MetricDatabaseOptions): MetricDatabase {
  const { path, clock, log, mostWaiting = MOST_WAITING, mostBytes = MOST_BYTES } = options;
  const directory = new MetricDirectory();
  const positions = new Map<string, StreamPosition>();
  /** Whether `positions` are others than those that are written. */
  let moved = false;
  let file = open();
  let waiting = new CellsByTime();
  let handOver = (): ReadonlyMap<string, StreamPosition> => new Map();
  let failing = false;
  let leftOut = false;
  let unexpired: Iterator<KnownMetric> = [].values();

  /** Undefined where it cannot be opened for a reason that is not in it: until the next start all is kept in memory. */
  function open(): MetricFile | undefined {
    try {
      return load();
    } catch (err) {
      if (!isDamage(err)) {
        log.error({ err, path }, 'the metrics cannot be opened; they are kept in memory only');
        return undefined;
      }
      return begin(err);
    }
  }

  function load(): MetricFile {
    const opened = openMetricFile(path);
    try {
      const kept = opened.positions();
      for (const known of opened.metrics()) directory.restore(known);
      for (const [stream, position] of kept) positions.set(stream, position);
      return opened;
    } catch (error) {
      opened.close();
      throw error;
    }
  }

  /** Begins another file in place of a damaged one. */
  function begin(damage: unknown): MetricFile | undefined {
    log.error({ err: damage, path }, 'the metrics are damaged; they are put aside, and begun anew');
    try {
      putAside(path);
      for (const known of directory.all()) known.unwritten = true;
      moved = true;
      return openMetricFile(path);
    } catch (err) {
      log.error({ err, path }, 'the metrics cannot be begun anew; they are kept in memory only');
      return undefined;
    }
  }

  /** Gives whether it was done. Begins another file where this one turns out to be damaged. */
  function withFile(work: (file: MetricFile) => void, onTrouble: (err: unknown) => void): boolean {
    if (file === undefined) return false;
    try {
      work(file);
      return true;
    } catch (err) {
      if (isDamage(err)) {
        file.close();
        file = begin(err);
      } else {
        onTrouble(err);
      }
      return false;
    }
  }

  function flush(): void {
    for (const [stream, position] of handOver()) {
      positions.set(stream, position);
      moved = true;
    }
    if (waiting.size === 0 && !moved) return;
    const done = withFile((each) => each.write(directory.all(), waiting, positions, clock.now()), cannotWrite);
    if (done) {
      waiting = new CellsByTime();
      moved = false;
      if (failing) log.info({ path }, 'the metrics can be written again');
      failing = false;
    } else if (waiting.size > mostWaiting) {
      saveRoom();
    }
  }

  function cannotWrite(err: unknown): void {
    if (!failing) log.error({ err, path }, 'the metrics cannot be written; they are kept in memory meanwhile');
    failing = true;
  }

  function saveRoom(): void {
    for (const { seconds } of resolutions) {
      waiting = coarsened(waiting, seconds);
      if (waiting.size <= mostWaiting / 2) return;
    }
    // Hours on end, of very many metrics.
    const times = Array.from(waiting.entries(), ({ timeMs }) => timeMs).sort((a, b) => a - b);
    waiting.removeBefore(times[Math.floor(times.length / 2)] ?? 0);
    log.error({ path }, 'metrics were lost that could not be written');
  }

  /** Goes through all metrics again and again, a few at a time. */
  function expire(): void {
    const some: KnownMetric[] = [];
    while (some.length < EXPIRED_AT_ONCE) {
      const { done, value } = unexpired.next();
      if (done) {
        unexpired = directory.all();
        break;
      }
      some.push(value);
    }
    if (some.length === 0 || failing) return;
    const nowMs = clock.now();
    const forgotten = some.filter(({ metric, lastMs }) => {
      return lastMs < nowMs - (directory.isCrowded(metric) ? FORGOTTEN_AFTER_MS : LONGEST_KEPT_MS);
    });
    const ids = (known: readonly KnownMetric[]) => known.map(({ id }) => id);
    if (withFile((each) => each.expire(ids(some), ids(forgotten), nowMs), cannotWrite)) {
      for (const known of forgotten) directory.forget(known);
    }
  }

  const timer = setInterval(() => {
    flush();
    expire();
  }, FLUSH_INTERVAL_MS);
  timer.unref();

  return {
    record(data) {
      for (const datum of data) {
        const known = directory.admit(datum);
        if (known !== undefined) {
          waiting.add(known.id, datum);
        } else if (!leftOut) {
          leftOut = true;
          log.error({ accountId: datum.metric.accountId }, 'the account has too many metrics; new ones are left out');
        }
      }
      if (waiting.size > 2 * mostWaiting) flush();
    },
    whyNoRoom(data) {
      if (file !== undefined && file.bytes() > mostBytes) return 'There is no room for more metric data.';
      return directory.whyNoRoom(data);
    },
    periods(query) {
      const known = directory.find(query.metric);
      if (known === undefined) return [];
      let periods = new PeriodCells(query);
      const read = withFile(
        (each) => each.countInto(periods, known.id, clock.now()),
        (err) => log.error({ err, path }, 'the metrics cannot be read'),
      );
      // What was read before it failed would pass for all there was.
      if (!read) periods = new PeriodCells(query);
      waiting.countInto(periods, known.id);
      return periods.inOrder();
    },
    units: (metric) => [...(directory.find(metric)?.units ?? [])],
    list: (query) => directory.list(query),
    position: (stream) => positions.get(stream),
    follow(source) {
      handOver = source;
    },
    flush,
    close() {
      clearInterval(timer);
      flush();
      file?.close();
      file = undefined;
    },
  };
}
