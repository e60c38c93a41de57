import { closeSync, openSync, renameSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isPosition, type StreamPosition } from '../../../audit/stream-position.ts';
import type { Cell } from '../../../monitoring/cell.ts';
import { mergeCell } from '../../../monitoring/cell.ts';
import { CellsByTime, type PeriodCells } from '../../../monitoring/cells-by-time.ts';
import type { Dimension } from '../../../monitoring/metric.ts';
import type { KnownMetric } from '../../../monitoring/metric-directory.ts';
import { resolutionFor, resolutions } from '../../../monitoring/retention.ts';
import { resultCodeOf } from '../../../store/sqlite/sqlite-errors.ts';

/**
 * The file of metrics ([docs/formats/metrics.md](../../../docs/formats/metrics.md)): a SQLite database with a row for each
 * metric, and one for each stretch of time in which something was observed of it, in each of the resolutions that AWS keeps.
 * What is counted into one is counted into all of them, so that nothing has to be made of the finer ones before they go.
 */
export interface MetricFile {
  /** In the order of their ids. */
  metrics(): KnownMetric[];
  /** Of each audit stream, behind which record. What comes before it is counted in, and nothing of what comes after. */
  positions(): Map<string, StreamPosition>;
  /** Counts in what was observed up to those positions, all or nothing, and is on the disk when it returns. */
  write(
    metrics: Iterable<KnownMetric>,
    observed: CellsByTime,
    positions: ReadonlyMap<string, StreamPosition>,
    nowMs: number,
  ): void;
  /** Counts what was observed of a metric into the periods of a query. */
  countInto(periods: PeriodCells, id: number, nowMs: number): void;
  /** Removes what is older than AWS keeps it, and all of those metrics that are to be forgotten. */
  expire(ids: readonly number[], forgotten: readonly number[], nowMs: number): void;
  /** How many bytes of the file are in use. */
  bytes(): number;
  close(): void;
}

const VERSION = 2;

const SCHEMA = `
  CREATE TABLE metrics (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    dimensions TEXT NOT NULL,
    units TEXT NOT NULL,
    last_ms INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE observed (
    metric INTEGER NOT NULL,
    resolution INTEGER NOT NULL,
    start INTEGER NOT NULL,
    unit TEXT NOT NULL,
    count REAL NOT NULL,
    sum REAL NOT NULL,
    minimum REAL NOT NULL,
    maximum REAL NOT NULL,
    spread BLOB,
    PRIMARY KEY (metric, resolution, start, unit)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE positions (
    stream TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    offset INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  PRAGMA user_version = ${VERSION};`;

/** How far the time of a metric's newest datum may be ahead of what is written of it: it need not be written each time. */
const LAST_SEEN_PRECISION_MS = 60_000;

/** Where a file is put that cannot be used; the one before it goes. */
export const asideOf = (path: string): string => `${path}.damaged`;

export function putAside(path: string): void {
  renameSync(path, asideOf(path));
  // They belong to that file, and SQLite would take them for the next one's.
  for (const suffix of ['-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
}

/** What a file's content is to blame for, and not the disk or the machine. */
export function isDamage(error: unknown): boolean {
  if (error instanceof UnusableMetrics) return true;
  const code = resultCodeOf(error);
  return code !== undefined && [SQLITE_ERROR, SQLITE_CORRUPT, SQLITE_NOTADB].includes(code);
}

/** The statements are right, so that an error in them is one of the tables: someone changed the schema. */
const SQLITE_ERROR = 1;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

class UnusableMetrics extends Error {}

type Row = readonly [
  start: number,
  count: number,
  sum: number,
  minimum: number,
  maximum: number,
  spread: Uint8Array | null,
];

/** @throws what {@link isDamage} tells from the system's errors */
export function openMetricFile(path: string): MetricFile {
  // SQLite would make it readable for others.
  closeSync(openSync(path, 'a', 0o600));
  const database = new DatabaseSync(resolve(path), {
    allowExtension: false,
    defensive: true,
    enableDoubleQuotedStringLiterals: false,
    timeout: 1000,
  });
  try {
    return metricFile(database);
  } catch (error) {
    database.close();
    throw error;
  }
}

function metricFile(database: DatabaseSync): MetricFile {
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number };
  if (version === 0) transact(() => database.exec(SCHEMA));
  else if (version !== VERSION) throw new UnusableMetrics(`the metrics have the unknown version ${version}`);

  const saveMetric = database.prepare(
    `INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET units = excluded.units, last_ms = excluded.last_ms`,
  );
  const one = database.prepare(
    `SELECT start, count, sum, minimum, maximum, spread FROM observed
     WHERE metric = ? AND resolution = ? AND start = ? AND unit = ?`,
    { returnArrays: true },
  );
  const save = database.prepare('INSERT OR REPLACE INTO observed VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const savePosition = database.prepare('INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?)');
  const select = (spread: string, condition: string) =>
    database.prepare(
      `SELECT start, count, sum, minimum, maximum, ${spread} FROM observed
       WHERE metric = ? AND resolution = ? AND start >= ? AND start < ? ${condition}`,
      { returnArrays: true },
    );
  // The empty spread is that of what is not known.
  const readers = {
    whole: { ofUnit: select('spread', 'AND unit = ?'), ofAll: select('spread', '') },
    summaries: { ofUnit: select("x''", 'AND unit = ?'), ofAll: select("x''", '') },
  };
  const remove = database.prepare('DELETE FROM observed WHERE metric = ? AND resolution = ? AND start < ?');
  const removeAll = database.prepare('DELETE FROM observed WHERE metric = ?');
  const removeMetric = database.prepare('DELETE FROM metrics WHERE id = ?');
  const pageCounts = database.prepare(
    'SELECT page_count, freelist_count, page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size',
    { returnArrays: true },
  );
  const writtenMs = new Map<number, number>();

  function transact(work: () => void): void {
    database.exec('BEGIN IMMEDIATE');
    try {
      work();
      database.exec('COMMIT');
    } catch (error) {
      // SQLite may have rolled back by itself, as where the disk is full.
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }

  function isFresh({ id, lastMs, unwritten }: KnownMetric): boolean {
    return unwritten || lastMs >= (writtenMs.get(id) ?? Number.NEGATIVE_INFINITY) + LAST_SEEN_PRECISION_MS;
  }

  function countIn(observed: CellsByTime, seconds: number, keptFromMs: number): void {
    for (const { id, unit, timeMs, cell } of observed.entries()) {
      if (timeMs < keptFromMs) continue;
      const start = timeMs / 1000;
      const row = one.get(id, seconds, start, unit) as unknown as Row | undefined;
      const all = row === undefined ? cell : cellOf(row);
      if (row !== undefined) mergeCell(all, cell);
      save.run(id, seconds, start, unit, all.sampleCount, all.sum, all.minimum, all.maximum, bytesOf(all));
    }
  }

  return {
    metrics() {
      const rows = database
        .prepare('SELECT id, account, region, namespace, name, dimensions, units, last_ms FROM metrics ORDER BY id', {
          returnArrays: true,
        })
        .all() as unknown as [number, string, string, string, string, string, string, number][];
      return rows.map(([id, accountId, region, namespace, name, dimensions, units, lastMs]) => {
        writtenMs.set(id, lastMs);
        const metric = { accountId, region, namespace, name, dimensions: dimensionsOf(dimensions) };
        return { id, metric, lastMs, units: new Set(textsOf(units)), unwritten: false };
      });
    },
    positions() {
      const rows = database
        .prepare('SELECT stream, sequence, segment, offset FROM positions', { returnArrays: true })
        .all() as unknown as [string, number, number, number][];
      return new Map(
        rows.map(([stream, sequence, segment, offset]) => {
          const position = { sequence, segment, offset };
          if (!isPosition(position)) throw new UnusableMetrics('a position is not what was written');
          return [stream, position];
        }),
      );
    },
    write(metrics, observed, positions, nowMs) {
      const saved: KnownMetric[] = [];
      transact(() => {
        for (const known of metrics) {
          if (!isFresh(known)) continue;
          const { id, metric, units, lastMs } = known;
          const dimensions = JSON.stringify(metric.dimensions.map(({ name, value }) => [name, value]));
          const { accountId, region, namespace, name } = metric;
          saveMetric.run(id, accountId, region, namespace, name, dimensions, JSON.stringify([...units]), lastMs);
          saved.push(known);
        }
        let cells = observed;
        for (const { seconds, keptSeconds } of resolutions) {
          // They have come by whole seconds.
          if (seconds > 1) cells = coarsened(cells, seconds);
          countIn(cells, seconds, nowMs - keptSeconds * 1000);
        }
        for (const [stream, { sequence, segment, offset }] of positions) {
          savePosition.run(stream, sequence, segment, offset);
        }
      });
      for (const known of saved) {
        known.unwritten = false;
        writtenMs.set(known.id, known.lastMs);
      }
    },
    countInto(periods, id, nowMs) {
      const { fromMs, toMs, periodSeconds, unit, summariesOnly } = periods.query;
      const { seconds, keptSeconds } = resolutionFor(fromMs, periodSeconds);
      const { ofUnit, ofAll } = readers[summariesOnly ? 'summaries' : 'whole'];
      // What is older may still be there, until someone gets round to removing it.
      const from = Math.ceil(Math.max(fromMs / 1000, nowMs / 1000 - keptSeconds));
      const to = Math.ceil(toMs / 1000);
      const rows =
        unit === undefined ? ofAll.iterate(id, seconds, from, to) : ofUnit.iterate(id, seconds, from, to, unit);
      for (const row of rows as unknown as Iterable<Row>) periods.take(row[0] * 1000, cellOf(row));
    },
    expire(ids, forgotten, nowMs) {
      transact(() => {
        for (const id of ids) {
          for (const { seconds, keptSeconds } of resolutions) {
            remove.run(id, seconds, Math.floor(nowMs / 1000 - keptSeconds));
          }
        }
        for (const id of forgotten) {
          removeAll.run(id);
          removeMetric.run(id);
        }
      });
      for (const id of forgotten) writtenMs.delete(id);
    },
    bytes() {
      const [pages, free, size] = pageCounts.get() as unknown as [number, number, number];
      return (pages - free) * size;
    },
    close: () => database.close(),
  };
}

/** The same with times cut to so many seconds. */
export function coarsened(cells: CellsByTime, seconds: number): CellsByTime {
  const coarser = new CellsByTime();
  for (const { id, unit, timeMs, cell } of cells.entries()) {
    const startMs = timeMs - (timeMs % (seconds * 1000));
    mergeCell(coarser.cell(id, unit, startMs), cell);
  }
  return coarser;
}

/** Nothing where all values are the same; no byte where they are not known; else the level, and each value with its count. */
function bytesOf({ spread }: Cell): Uint8Array | null {
  if (spread === undefined) return null;
  if (spread === null) return new Uint8Array(0);
  const bytes = new DataView(new ArrayBuffer(1 + spread.counts.size * 16));
  bytes.setUint8(0, spread.level);
  let at = 1;
  for (const [value, count] of spread.counts) {
    bytes.setFloat64(at, value);
    bytes.setFloat64(at + 8, count);
    at += 16;
  }
  return new Uint8Array(bytes.buffer);
}

function cellOf([, sampleCount, sum, minimum, maximum, blob]: Row): Cell {
  return { sampleCount, sum, minimum, maximum, spread: blob === null ? undefined : spreadIn(blob) };
}

function spreadIn(blob: Uint8Array): Cell['spread'] {
  if (blob.length === 0) return null;
  const bytes = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  const counts = new Map<number, number>();
  for (let at = 1; at + 16 <= blob.length; at += 16) counts.set(bytes.getFloat64(at), bytes.getFloat64(at + 8));
  return { counts, level: bytes.getUint8(0) };
}

function dimensionsOf(json: string): Dimension[] {
  return (parsed(json) as [string, string][]).map(([name, value]) => ({ name, value }));
}

function textsOf(json: string): string[] {
  return parsed(json) as string[];
}

function parsed(json: string): unknown[] {
  try {
    const value: unknown = JSON.parse(json);
    if (Array.isArray(value)) return value;
  } catch {
    // Someone was at the file.
  }
  throw new UnusableMetrics('a metric is not what was written');
}
