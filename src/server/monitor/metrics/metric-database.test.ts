import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { MetricDatum, MetricId, Period, PeriodQuery } from '../../../monitoring/metric.ts';
import { MOST_METRICS_OF_ACCOUNT } from '../../../monitoring/metric-directory.ts';
import { resolutionFor } from '../../../monitoring/retention.ts';
import { type MetricDatabase, type MetricDatabaseOptions, openMetricDatabase } from './metric-database.ts';
import { asideOf } from './metric-file.ts';

const NOW = Date.UTC(2026, 10, 22, 12);
const HOUR = 3_600_000;

let directory: string;
let path: string;
let nowMs: number;
let logged: string[];
const opened = new Set<MetricDatabase>();

beforeEach(() => {
  // Written is when a test says so.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  directory = mkdtempSync(join(tmpdir(), 'metrics-'));
  path = join(directory, 'metrics.db');
  nowMs = NOW;
  logged = [];
});

afterEach(() => {
  for (const each of opened) each.close();
  opened.clear();
  vi.useRealTimers();
  rmSync(directory, { recursive: true, force: true });
});

function open(options: Partial<Omit<MetricDatabaseOptions, 'clock' | 'log'>> = {}): MetricDatabase {
  const log = pino({ level: 'info' }, { write: (line) => logged.push((JSON.parse(line) as { msg: string }).msg) });
  const database = openMetricDatabase({ path, clock: { now: () => nowMs }, log, ...options });
  opened.add(database);
  return database;
}

function close(database: MetricDatabase): void {
  opened.delete(database);
  database.close();
}

/** As after a kill: what was in memory is gone. */
function abandon(database: MetricDatabase): void {
  opened.delete(database);
  // Its file is left open, as a dead process's would not be; SQLite minds neither.
}

const metric = (name: string, accountId = '111122223333'): MetricId => ({
  accountId,
  region: 'us-east-1',
  namespace: 'App',
  name,
  dimensions: [{ name: 'Host', value: 'a"b\0c' }],
});

function datum(name: string, timeMs: number, value: number, unit = 'Count'): MetricDatum {
  return { metric: metric(name), timeMs, unit, observed: [[value, 1]] };
}

function query(name: string, more: Partial<PeriodQuery> = {}): PeriodQuery {
  return { metric: metric(name), fromMs: NOW - HOUR, toMs: NOW + HOUR, periodSeconds: 3600, ...more };
}

const sums = (periods: readonly Period[]) => periods.map(({ sum }) => sum);

describe('whatever is recorded, written, closed and opened in whatever order', () => {
  const names = ['requests', 'errors'];
  const units = ['Count', 'None'];
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('record' as const),
        name: fc.constantFrom(...names),
        unit: fc.constantFrom(...units),
        ageSeconds: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 14 * 86_400 })),
        value: fc.integer({ min: 0, max: 5 }),
        count: fc.integer({ min: 1, max: 3 }),
      }),
    },
    { weight: 2, arbitrary: fc.constant({ do: 'flush' as const }) },
    { weight: 1, arbitrary: fc.constant({ do: 'reopen' as const }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 40 * 86_400 }) }),
    },
  );
  const question = fc.record({
    name: fc.constantFrom(...names),
    unit: fc.option(fc.constantFrom(...units), { nil: undefined }),
    fromSecondsAgo: fc.oneof(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 100 * 86_400 })),
    aligned: fc.boolean(),
    periods: fc.integer({ min: 1, max: 30 }),
    periodSeconds: fc.constantFrom(1, 5, 30, 60, 120, 300, 3600, 86_400),
  });

  interface Recorded {
    readonly name: string;
    readonly unit: string;
    readonly timeMs: number;
    readonly value: number;
    readonly count: number;
  }

  /** From the list of all that was ever recorded. */
  function naive(recorded: readonly Recorded[], { fromMs, toMs, periodSeconds, unit }: PeriodQuery, name: string) {
    const { seconds, keptSeconds } = resolutionFor(fromMs, periodSeconds);
    const found = new Map<number, number[]>();
    for (const each of recorded) {
      const startMs = each.timeMs - (each.timeMs % (seconds * 1000));
      if (each.name !== name || (unit !== undefined && each.unit !== unit)) continue;
      if (startMs < fromMs || startMs >= toMs || startMs < nowMs - keptSeconds * 1000) continue;
      const period = startMs - ((startMs - fromMs) % (periodSeconds * 1000));
      const values = found.get(period) ?? [];
      found.set(period, [...values, ...new Array<number>(each.count).fill(each.value)]);
    }
    return [...found]
      .sort(([a], [b]) => a - b)
      .map(([startMs, all]) => {
        const values = new Map<number, number>();
        for (const value of all.toSorted((a, b) => a - b)) values.set(value, (values.get(value) ?? 0) + 1);
        return {
          startMs,
          sampleCount: all.length,
          sum: all.reduce((a, b) => a + b, 0),
          minimum: Math.min(...all),
          maximum: Math.max(...all),
          values: [...values],
        };
      });
  }

  test('the answers are those of a plain list of everything', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.array(question, { minLength: 8, maxLength: 8 }),
        (steps, questions) => {
          for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
          nowMs = NOW;
          let database = open();
          const recorded: Recorded[] = [];
          for (const each of steps) {
            if (each.do === 'record') {
              const { name, unit, value, count, ageSeconds } = each;
              const timeMs = nowMs - ageSeconds * 1000;
              recorded.push({ name, unit, timeMs, value, count });
              database.record([{ metric: metric(name), timeMs, unit, observed: [[value, count]] }]);
            } else if (each.do === 'flush') {
              database.flush();
            } else if (each.do === 'reopen') {
              close(database);
              database = open();
            } else {
              database.flush();
              nowMs += each.seconds * 1000;
            }
          }
          database.flush();
          for (const { name, unit, fromSecondsAgo, periods, periodSeconds, aligned } of questions) {
            const since = nowMs - fromSecondsAgo * 1000;
            const fromMs = aligned ? since - (since % (periodSeconds * 1000)) : since;
            const asked = {
              ...query(name),
              fromMs,
              toMs: fromMs + periods * periodSeconds * 1000,
              periodSeconds,
              ...(unit === undefined ? {} : { unit }),
            };
            expect(database.periods(asked)).toEqual(naive(recorded, asked, name));
          }
          close(database);
        },
      ),
      { numRuns: 60 },
    );
    expect(logged).toEqual([]);
  });
});

test('what was written outlives a kill, also the metrics, their units and their order', () => {
  const first = open();
  first.record([datum('b', NOW, 1), datum('a', NOW, 2), datum('a', NOW, 3, 'Bytes')]);
  first.flush();
  first.record([datum('a', NOW, 4)]);
  expect(sums(first.periods(query('a')))).toEqual([9]);
  abandon(first);

  const second = open();
  expect(sums(second.periods(query('a')))).toEqual([5]);
  expect(second.units(metric('a'))).toEqual(['Count', 'Bytes']);
  second.record([datum('c', NOW, 1)]);
  const list = { accountId: '111122223333', region: 'us-east-1', activeSinceMs: NOW - HOUR, limit: 2 };
  const page = second.list(list);
  expect(page.metrics).toEqual([metric('b'), metric('a')]);
  expect(second.list({ ...list, after: page.next })).toEqual({ metrics: [metric('c')] });
});

test('a summary stays one, and many values stay within bounds, over a restart', () => {
  const first = open();
  const set = { sampleCount: 2, sum: 4, minimum: 1, maximum: 3 };
  first.record([{ metric: metric('summary'), timeMs: NOW, unit: 'None', observed: set }]);
  first.record(Array.from({ length: 2000 }, (_, index) => datum('many', NOW, index + 1)));
  const before = [first.periods(query('summary')), first.periods(query('many'))];
  close(first);
  const second = open();
  expect([second.periods(query('summary')), second.periods(query('many'))]).toEqual(before);
  expect(before[0]?.[0]).not.toHaveProperty('values');
  expect(before[1]?.[0]?.values?.length).toBeLessThanOrEqual(512);
  expect(second.periods(query('many', { summariesOnly: true }))[0]).not.toHaveProperty('values');
});

test('accounts and Regions do not see each other', () => {
  const database = open();
  database.record([datum('a', NOW, 1)]);
  database.flush();
  const others = [
    metric('a', '444455556666'),
    { ...metric('a'), region: 'eu-west-1' },
    { ...metric('a'), dimensions: [] },
  ];
  for (const other of others) {
    expect(database.periods({ ...query('a'), metric: other })).toEqual([]);
    expect(database.units(other)).toEqual([]);
  }
  const { accountId, region } = metric('a', '444455556666');
  expect(database.list({ accountId, region, activeSinceMs: 0, limit: 9 })).toEqual({ metrics: [] });
});

test('nobody else can read the file', () => {
  open();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

describe('a file that is damaged', () => {
  test('is put aside at the start, and another is begun', () => {
    writeFileSync(path, 'no database at all, but long enough to be taken for the header of one'.repeat(40));
    const first = open();
    expect(existsSync(asideOf(path))).toBe(true);
    expect(logged).toEqual(['the metrics are damaged; they are put aside, and begun anew']);
    first.record([datum('a', NOW, 1)]);
    close(first);
    expect(sums(open().periods(query('a')))).toEqual([1]);
  });

  test('of a version to come is put aside as well', () => {
    close(open());
    const other = new DatabaseSync(path);
    other.exec('PRAGMA user_version = 99');
    other.close();
    open().record([datum('a', NOW, 1)]);
    expect(existsSync(asideOf(path))).toBe(true);
  });

  test('while it is in use takes nothing with it that was not in it', () => {
    const database = open();
    database.record([datum('a', NOW, 1)]);
    database.flush();
    const other = new DatabaseSync(path);
    other.exec('DROP TABLE observed');
    other.close();
    database.record([datum('a', NOW, 2)]);
    expect(sums(database.periods(query('a')))).toEqual([2]);
    database.flush();
    expect(logged).toEqual(['the metrics are damaged; they are put aside, and begun anew']);
    close(database);
    const next = open();
    expect(sums(next.periods(query('a')))).toEqual([2]);
    expect(
      next.list({ ...metric('a'), name: undefined, dimensions: [], activeSinceMs: 0, limit: 9, namespace: undefined })
        .metrics,
    ).toEqual([metric('a')]);
  });
});

describe('a file that cannot be written', () => {
  test('is written once it can, and nobody notices meanwhile', () => {
    const database = open();
    database.record([datum('a', NOW, 1)]);
    database.flush();
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    database.record([datum('a', NOW, 2)]);
    database.flush();
    database.flush();
    expect(sums(database.periods(query('a')))).toEqual([3]);
    other.exec('ROLLBACK');
    other.close();
    database.flush();
    expect(logged).toEqual([
      'the metrics cannot be written; they are kept in memory meanwhile',
      'the metrics can be written again',
    ]);
    abandon(database);
    expect(sums(open().periods(query('a')))).toEqual([3]);
  });

  test('leaves coarser and coarser times in memory, and not more and more of them', () => {
    const database = open({ path: join(directory, 'missing', 'metrics.db'), mostWaiting: 100 });
    expect(logged).toEqual(['the metrics cannot be opened; they are kept in memory only']);
    for (let second = 0; second < 3600; second++) {
      database.record([datum('a', NOW + second * 1000, 1)]);
      if (second % 50 === 0) database.flush();
    }
    expect(sums(database.periods(query('a', { fromMs: NOW, toMs: NOW + HOUR })))).toEqual([3600]);
    expect(
      sums(database.periods(query('a', { fromMs: NOW, toMs: NOW + HOUR, periodSeconds: 60 }))).length,
    ).toBeGreaterThan(10);
  });
});

function mountTmpfs(at: string, bytes: number): boolean {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', at]).status === 0;
}

function canMount(): boolean {
  const at = mkdtempSync(join(tmpdir(), 'metrics-'));
  const mounted = mountTmpfs(at, 4096);
  if (mounted) spawnSync('umount', [at]);
  rmSync(at, { recursive: true });
  return mounted;
}

describe.skipIf(!canMount())('a full disk (skipped where no tmpfs can be mounted)', () => {
  let disk: string;
  beforeEach(() => {
    disk = mkdtempSync(join(tmpdir(), 'metrics-'));
    expect(mountTmpfs(disk, 400 * 1024)).toBe(true);
  });
  afterEach(() => {
    for (const each of opened) each.close();
    opened.clear();
    spawnSync('umount', [disk]);
    rmSync(disk, { recursive: true });
  });

  test('costs nothing that was observed, once there is room again', () => {
    const onDisk = { path: join(disk, 'metrics.db') };
    const database = open(onDisk);
    database.record([datum('a', NOW, 1)]);
    database.flush();
    const ballast = join(disk, 'ballast');
    expect(() => writeFileSync(ballast, Buffer.alloc(1024 * 1024))).toThrow('ENOSPC');
    database.record(Array.from({ length: 2000 }, (_, second) => datum('a', NOW - second * 1000, 1)));
    database.flush();
    const all = query('a', { periodSeconds: 7200 });
    expect(sums(database.periods(all))).toEqual([2001]);
    rmSync(ballast);
    database.flush();
    close(database);
    expect(sums(open(onDisk).periods(all))).toEqual([2001]);
    expect(logged).toEqual([
      'the metrics cannot be written; they are kept in memory meanwhile',
      'the metrics can be written again',
    ]);
  });
});

describe('an account with too many metrics', () => {
  const many = Array.from({ length: MOST_METRICS_OF_ACCOUNT }, (_, index) => datum(`m${index}`, NOW, 1));

  test('gets no more of its own, but the server makes its own for it all the same', () => {
    const database = open();
    expect(database.whyNoRoom(many)).toBeUndefined();
    database.record(many);
    expect(database.whyNoRoom([datum('m0', NOW, 1)])).toBeUndefined();
    expect(database.whyNoRoom([datum('other', NOW, 1)])).toMatch(/at most 10000/);
    database.record([datum('other', NOW, 1)]);
    expect(database.periods(query('other'))).toEqual([]);
    expect(logged).toEqual(['the account has too many metrics; new ones are left out']);
    const reserved = { ...datum('other', NOW, 1), metric: { ...metric('other'), namespace: 'Keyhold/Audit' } };
    const foreign = { ...datum('other', NOW, 1), metric: metric('other', '444455556666') };
    expect(database.whyNoRoom([reserved, foreign])).toBeUndefined();
  });

  test('that are more than there is room for takes none of a request', () => {
    const database = open();
    expect(database.whyNoRoom([...many, datum('other', NOW, 1)])).toMatch(/at most 10000/);
  });
});

test('metrics of very long dimensions do not fill the memory, now or at the next start', () => {
  const database = open();
  const long = (index: number): MetricDatum => ({
    ...datum('long', NOW, 1),
    metric: {
      ...metric('long'),
      dimensions: Array.from({ length: 30 }, (_, each) => ({
        name: `${each}`.padEnd(255, 'n'),
        value: `${index}`.padEnd(1024, 'v'),
      })),
    },
  });
  let index = 0;
  while (database.whyNoRoom([long(index)]) === undefined && index < 1000) database.record([long(index++)]);
  expect(index).toBe(258);
  expect(database.whyNoRoom([long(index)])).toMatch(/at most 10000000 characters/);
  database.record([long(index)]);
  expect(database.periods({ ...query('long'), metric: long(index).metric })).toEqual([]);
  expect(database.whyNoRoom([datum('short', NOW, 1)])).toBeUndefined();
  close(database);
  expect(open().whyNoRoom([long(index)])).toMatch(/at most 10000000 characters/);
});

test('callers who fill the disk are refused, and what the server measures is written all the same', () => {
  const database = open({ mostBytes: 200_000 });
  let second = 0;
  while (database.whyNoRoom([datum('a', NOW, 1)]) === undefined) {
    for (let each = 0; each < 500; each++) database.record([datum('a', NOW - second++ * 1000, 1)]);
    database.flush();
    expect(second).toBeLessThan(10_000);
  }
  expect(database.whyNoRoom([datum('a', NOW, 1)])).toBe('There is no room for more metric data.');
  const own = { ...datum('a', NOW, 1), metric: { ...metric('a'), namespace: 'Keyhold/Audit' } };
  database.record([own]);
  close(database);
  expect(sums(open().periods({ ...query('a'), metric: own.metric }))).toEqual([1]);
});

test('what is forgotten makes room: what had no data for 15 days, where there are many; all else after 455 days', () => {
  const database = open();
  database.record(Array.from({ length: 6000 }, (_, index) => datum(`m${index}`, NOW, 1)));
  const foreign = { ...datum('few', NOW, 1), metric: metric('few', '444455556666') };
  database.record([foreign]);
  database.flush();
  const listed = (accountId: string) =>
    database.list({ accountId, region: 'us-east-1', activeSinceMs: 0, limit: 10_000 }).metrics.length;
  nowMs += 16 * 24 * HOUR;
  vi.advanceTimersByTime(300_000);
  expect(listed('111122223333')).toBe(MOST_METRICS_OF_ACCOUNT / 2);
  expect(listed('444455556666')).toBe(1);
  nowMs += 456 * 24 * HOUR;
  vi.advanceTimersByTime(300_000);
  expect(listed('111122223333')).toBe(0);
  expect(listed('444455556666')).toBe(0);
  const file = new DatabaseSync(path);
  expect(file.prepare('SELECT count(*) AS rows FROM observed').get()).toEqual({ rows: 0 });
  file.close();
  expect(logged).toEqual([]);
});
