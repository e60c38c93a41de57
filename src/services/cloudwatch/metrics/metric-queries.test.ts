import { expect, test } from 'vitest';
import { memoryMetrics } from '../../../monitoring/memory-metrics.test-helper.ts';
import type { MetricDatum, MetricId, PeriodQuery } from '../../../monitoring/metric.ts';
import { MOST_METRICS_OF_ACCOUNT } from '../../../monitoring/metric-directory.ts';
import { metricQueries } from './metric-queries.ts';

const metric = (name: string): MetricId => ({
  accountId: '111122223333',
  region: 'us-east-1',
  namespace: 'App',
  name,
  dimensions: [],
});

const datum = (name: string, unit = 'Count', value = 1): MetricDatum => ({
  metric: metric(name),
  timeMs: 60_000,
  unit,
  observed: [[value, 1]],
});

const query = { metric: metric('a'), fromMs: 0, toMs: 120_000, periodSeconds: 60 };

test('what there is no room for is refused whole', async () => {
  const queries = metricQueries(memoryMetrics());
  await queries.put(Array.from({ length: MOST_METRICS_OF_ACCOUNT - 1 }, (_, index) => datum(`m${index}`)));
  await expect(queries.put([datum('a'), datum('b')])).rejects.toMatchObject({ code: 'LimitExceededFault' });
  expect(await queries.series({ ...query, statistics: ['Sum'] })).toEqual([]);
  await queries.put([datum('a'), datum('m0')]);
  expect(await queries.series({ ...query, statistics: ['Sum'] })).toHaveLength(1);
});

test('each unit has a series of its own, with the statistics in the order in which they were asked for', async () => {
  const queries = metricQueries(memoryMetrics());
  await queries.put([datum('a'), datum('a', 'Count', 3), datum('a', 'Bytes', 7)]);
  expect(await queries.series({ ...query, statistics: ['p100', 'Sum', 'nonsense'] })).toEqual([
    { unit: 'Count', points: [{ startMs: 60_000, values: [3, 4, undefined] }] },
    { unit: 'Bytes', points: [{ startMs: 60_000, values: [7, 7, undefined] }] },
  ]);
  expect(await queries.series({ ...query, unit: 'Seconds', statistics: ['Sum'] })).toEqual([
    { unit: 'Seconds', points: [] },
  ]);
});

test('two weeks of percentiles are read a part at a time, and nobody waits for all of them', async () => {
  const store = memoryMetrics();
  const queries = metricQueries(store);
  const minutes = 14 * 24 * 60;
  store.record(
    Array.from({ length: minutes }, (_, minute) => ({ ...datum('a', 'Count', minute), timeMs: minute * 60_000 })),
  );
  const asked: number[] = [];
  const counting = {
    ...store,
    periods(part: PeriodQuery) {
      asked.push(part.toMs - part.fromMs);
      return store.periods(part);
    },
  };
  const range = { ...query, toMs: minutes * 60_000 };
  for (const periodSeconds of [60, 420, 3600]) {
    asked.length = 0;
    const [series] = await metricQueries(counting).series({ ...range, periodSeconds, statistics: ['p50'] });
    const whole = store.periods({ ...range, periodSeconds, unit: 'Count' });
    expect(series?.points.map(({ startMs }) => startMs)).toEqual(whole.map(({ startMs }) => startMs));
    expect(Math.max(...asked)).toBeLessThanOrEqual(100 * Math.max(60, periodSeconds) * 1000);
  }
  expect(await queries.series({ ...range, periodSeconds: 60, statistics: ['Sum'] })).toMatchObject([
    { points: { length: minutes } },
  ]);
});
