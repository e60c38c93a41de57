import { expect, test } from 'vitest';
import type { MetricDatum } from '../../monitoring/metric.ts';
import type { MetricQueries, Series, SeriesQuery } from '../../services/cloudwatch/ports.ts';
import { fairQuestions } from './fair-questions.ts';

const metric = (accountId: string) => ({ accountId, region: 'us-east-1', namespace: 'N', name: 'M', dimensions: [] });
const query = (accountId: string): SeriesQuery => ({
  metric: metric(accountId),
  fromMs: 0,
  toMs: 1,
  periodSeconds: 60,
  statistics: ['Sum'],
});
const data = (accountId: string, count: number, values: number): MetricDatum[] =>
  Array.from({ length: count }, () => ({
    metric: metric(accountId),
    timeMs: 0,
    unit: 'None',
    observed: Array.from({ length: values }, (_, value): [number, number] => [value, 1]),
  }));

/** Answers when told to. */
function slowAnswers() {
  const begun: { accountId: string; end: (error?: Error) => void }[] = [];
  const queries: MetricQueries = {
    put: async () => {},
    list: async () => ({ metrics: [] }),
    series: ({ metric: { accountId } }) => {
      const answer = Promise.withResolvers<readonly Series[]>();
      begun.push({ accountId, end: (error) => (error ? answer.reject(error) : answer.resolve([])) });
      return answer.promise;
    },
  };
  return { begun, queries };
}

test('an account that asks too much waits for itself alone, and then is throttled', async () => {
  const { begun, queries } = slowAnswers();
  const { series } = fairQuestions(queries);
  const asked = Array.from({ length: 64 }, () => series(query('a')));
  await expect(series(query('a'))).rejects.toMatchObject({ code: 'ThrottlingException', message: 'Rate exceeded' });
  const other = series(query('b'));
  await Promise.resolve();
  expect(begun.map(({ accountId }) => accountId)).toEqual(['a', 'b']);
  begun[1]?.end();
  expect(await other).toEqual([]);
  begun[0]?.end(new Error('a fault'));
  await expect(asked[0]).rejects.toThrow('a fault');
  for (let at = 1; at < 64; at++) {
    begun[at + 1]?.end();
    expect(await asked[at]).toEqual([]);
  }
  const again = series(query('a'));
  await Promise.resolve();
  begun.at(-1)?.end();
  expect(await again).toEqual([]);
});

test('an account that floods the metrics is throttled, and others are not', async () => {
  let nowMs = 0;
  const { put } = fairQuestions(slowAnswers().queries, () => nowMs);
  // The largest that there is.
  await put(data('a', 1000, 150));
  await expect(put(data('a', 1000, 150))).rejects.toMatchObject({ code: 'ThrottlingException' });
  await put(data('b', 1000, 1));
  nowMs += 5000;
  await put(data('a', 1000, 150));
  for (let second = 0; second < 10; second++) {
    nowMs += 1000;
    for (let request = 0; request < 3; request++) await put(data('c', 1000, 1));
  }
});
