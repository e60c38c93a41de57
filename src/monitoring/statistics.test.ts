import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addSummary, addValue, emptyCell, mergeCell, periodOf } from './cell.ts';
import { parseStatistic, statisticOf } from './statistics.ts';

function periodWith(values: readonly number[]) {
  const cell = emptyCell();
  for (const value of values) addValue(cell, value, 1);
  return periodOf(0, cell);
}

/** Every value by itself. */
function naive(values: readonly number[], name: string): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const sum = (some: readonly number[]) => some.reduce((a, b) => a + b, 0);
  const rank = (percent: number) => sorted[Math.max(Math.ceil((percent / 100) * sorted.length - 1e-9), 1) - 1];
  switch (name) {
    case 'SampleCount':
      return sorted.length;
    case 'Sum':
      return sum(sorted);
    case 'Average':
      return sum(sorted) / sorted.length;
    case 'Minimum':
      return sorted[0];
    case 'Maximum':
      return sorted.at(-1);
    default:
      return rank(Number(name.slice(1)));
  }
}

const values = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 300 });

test('simple statistics and percentiles are those of all values together', () => {
  const names = [
    'SampleCount',
    'Sum',
    'Average',
    'Minimum',
    'Maximum',
    'p0',
    'p0.0',
    'p12.5',
    'p50',
    'p90',
    'p99.9',
    'p100',
  ];
  fc.assert(
    fc.property(values, fc.constantFrom(...names), (some, name) => {
      expect(statisticOf(periodWith(some), name)).toBeCloseTo(naive(some, name) as number, 9);
    }),
  );
});

test('trimmed statistics belong together', () => {
  fc.assert(
    fc.property(values, fc.integer({ min: 0, max: 49 }), fc.integer({ min: 51, max: 100 }), (some, low, high) => {
      const period = periodWith(some);
      const of = (kind: string) => statisticOf(period, `${kind}(${low}%:${high}%)`) as number;
      expect(of('TC')).toBeCloseTo((some.length * (high - low)) / 100, 9);
      expect(of('TM')).toBeCloseTo(of('TS') / of('TC'), 9);
      const tails =
        (low / 100) * some.length * (statisticOf(period, `p${low}`) as number) +
        (1 - high / 100) * some.length * (statisticOf(period, `p${high}`) as number);
      expect(of('WM')).toBeCloseTo((of('TS') + tails) / some.length, 9);
    }),
  );
});

describe('of the numbers from 1 to 100', () => {
  const hundred = periodWith(Array.from({ length: 100 }, (_, index) => index + 1));
  test.each([
    ['p50', 50],
    ['p99', 99],
    ['tm90', 45.5],
    ['TM(:90%)', 45.5],
    ['TM(10%:90%)', 50.5],
    ['TM(90:)', 95.5],
    ['IQM', 50.5],
    ['tc90', 90],
    ['TS(98:1000)', 199],
    ['TC(0.5:10)', 10],
    ['WM(10%:90%)', 50.4],
    ['WM(99:200)', 99.01],
    ['PR(:30)', 30],
    ['PR(10:30)', 20],
    ['PR(90:)', 10],
    ['TM(200:300)', undefined],
  ])('%s is %s', (name, value) => {
    const statistic = statisticOf(hundred, name);
    if (value === undefined) expect(statistic).toBeUndefined();
    else expect(statistic).toBeCloseTo(value, 9);
  });
});

test.each([
  '',
  'sum',
  'p',
  'p101',
  'p-1',
  'p1.12345678901',
  'TM(:)',
  'TM(%:%)',
  'TM(90%:10%)',
  'TM(10%:90)',
  'PR(10%:90%)',
  'PR(5:5)',
  'tm',
  'p9;0',
  'constructor',
  '__proto__',
])('"%s" is no statistic', (name) => {
  expect(parseStatistic(name)).toBeUndefined();
});

test('of a summary, or with a negative value, no percentile can be told', () => {
  const set = { sampleCount: 3, sum: 6, minimum: 1, maximum: 3 };
  const summary = emptyCell();
  addSummary(summary, set);
  addValue(summary, 2, 1);
  expect(statisticOf(periodOf(0, summary), 'p50')).toBeUndefined();
  expect(statisticOf(periodOf(0, summary), 'Average')).toBe(2);
  expect(statisticOf(periodWith([3, -1]), 'p50')).toBeUndefined();
  expect(statisticOf(periodWith([3, -1]), 'Sum')).toBe(2);
});

test('of a summary whose values must all be the same, a percentile can be told', () => {
  const cell = emptyCell();
  addSummary(cell, { sampleCount: 4, sum: 8, minimum: 2, maximum: 2 });
  addValue(cell, 9, 1);
  expect(periodOf(0, cell).values).toEqual([
    [2, 4],
    [9, 1],
  ]);
});

test('many different values are wrong by no more than is said', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 1, max: 20_000, noNaN: true }), { minLength: 600, maxLength: 2000 }),
      fc.integer({ min: 1, max: 5 }),
      fc.double({ min: 0, max: 100, noNaN: true }),
      (some, parts, percent) => {
        // Counted in parts that are merged afterwards, as minutes are of seconds.
        const cells = Array.from({ length: parts }, emptyCell);
        for (const [index, value] of some.entries()) addValue(cells[index % parts] as (typeof cells)[0], value, 1);
        const all = emptyCell();
        for (const cell of cells) mergeCell(all, cell);
        const name = `p${percent.toFixed(2)}`;
        const exact = naive(some, name) as number;
        const told = statisticOf(periodOf(0, all), name) as number;
        expect(Math.abs(told - exact) / exact).toBeLessThanOrEqual(0.01001);
        expect(all.sampleCount).toBe(some.length);
        expect(periodOf(0, all).values?.length).toBeLessThanOrEqual(512);
      },
    ),
    { numRuns: 30 },
  );
});

test('values of every size AWS takes stay within bounds', () => {
  const cell = emptyCell();
  for (let power = -360; power <= 360; power += 0.25) addValue(cell, 2 ** power, 1);
  addValue(cell, 0, 1);
  const { values = [] } = periodOf(0, cell);
  expect(values.length).toBeLessThanOrEqual(512);
  expect(values.reduce((total, [, count]) => total + count, 0)).toBe(cell.sampleCount);
  expect(values.every(([value]) => value >= 0 && value <= 2 ** 360)).toBe(true);
});
