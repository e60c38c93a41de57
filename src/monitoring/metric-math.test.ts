import { expect, test } from 'vitest';
import type { Variable } from './math-values.ts';
import { evaluate } from './metric-math.ts';

const MINUTE = 60_000;
const range = { fromMs: 0, toMs: 5 * MINUTE };

/** Values by minute; undefined where there is none. */
function metric(id: string, ...values: (number | undefined)[]): [string, Variable] {
  const points = values.flatMap((value, index): [number, number][] =>
    value === undefined ? [] : [[index * MINUTE, value]],
  );
  return [id, { id, ofMetric: true, periodSeconds: 60, values: new Map(points) }];
}

const metrics = new Map([metric('a', 1, 2, 3, 4, 5), metric('b', 10, undefined, 30, undefined, 50), metric('none')]);

function compute(expressions: Record<string, string>): Record<string, (number | undefined)[]> {
  const results = evaluate(
    new Map(Object.entries(expressions)),
    metrics,
    range,
    (id, why) => new Error(`${id}: ${why}`),
  );
  return Object.fromEntries(
    Array.from(results, ([id, values]) => [id, Array.from({ length: 5 }, (_, index) => values.get(index * MINUTE))]),
  );
}

const of = (expression: string) => compute({ e: expression })['e'];
const no = undefined;

test.each<[string, (number | undefined)[]]>([
  ['a + 1', [2, 3, 4, 5, 6]],
  ['10 - a * 2', [8, 6, 4, 2, 0]],
  ['(10 - a) * 2', [18, 16, 14, 12, 10]],
  ['-a ^ 2', [-1, -4, -9, -16, -25]],
  ['a - 1 - 1', [-1, 0, 1, 2, 3]],
  ['2 ^ 3 ^ 0 * a', [2, 4, 6, 8, 10]],
  ['a * 1.5e1', [15, 30, 45, 60, 75]],
  ['b / a', [10, no, 10, no, 10]],
  ['a > 2', [0, 0, 1, 1, 1]],
  ['a >= 2 AND a != 4', [0, 1, 1, 0, 1]],
  ['a == 1 or a == 5', [1, 0, 0, 0, 1]],
  ['SUM([a, b])', [11, 2, 33, 4, 55]],
  ['AVG(METRICS())', [5.5, 2, 16.5, 4, 27.5]],
  ['MAX(METRICS("b")) + 0', [10, no, 30, no, 50]],
  ['MIN([a, b])', [1, 2, 3, 4, 5]],
  ['a / SUM(a) * 15', [1, 2, 3, 4, 5]],
  ['a - AVG(a)', [-2, -1, 0, 1, 2]],
  ['FILL(b, 0)', [10, 0, 30, 0, 50]],
  ['FILL(b, REPEAT)', [10, 10, 30, 30, 50]],
  ['FILL(b, a)', [10, 2, 30, 4, 50]],
  ['FILL(none, 7)', [7, 7, 7, 7, 7]],
  ['IF(a > 3, a, 0)', [0, 0, 0, 4, 5]],
  ['IF(a > 3, b)', [no, no, no, no, 50]],
  ['IF(1, a, b)', [1, 2, 3, 4, 5]],
  ['RATE(a) * 60', [no, 1, 1, 1, 1]],
  ['DIFF(b)', [no, no, 20, no, 20]],
  ['ABS(0 - a) / PERIOD(a) * 60', [1, 2, 3, 4, 5]],
  ['CEIL(a / 2)', [1, 1, 2, 2, 3]],
  ['none + a', [no, no, no, no, no]],
])('%s', (expression, values) => {
  expect(of(expression)).toEqual(values);
});

test('expressions are about each other in whatever order they come', () => {
  expect(compute({ last: 'middle * 2', middle: 'first + 1', first: 'a' })['last']).toEqual([4, 6, 8, 10, 12]);
});

test.each([
  ['', 'it ends too early'],
  ['a +', 'it ends too early'],
  ['a b', 'b is not expected'],
  ['a $ 1', 'it cannot be read from character 2 on'],
  ['1 + 1', 'the result is a number, and no series'],
  ['METRICS()', 'the result is a list, and no series'],
  ['SUM(a', 'it ends too early'],
  ['SUM(a, b)', 'SUM takes another number of arguments'],
  ['ANOMALY_DETECTION_BAND(a)', 'the function ANOMALY_DETECTION_BAND is not supported'],
  ['constructor(a)', 'the function constructor is not supported'],
  ['SELECT AVG(x) FROM y', 'Metrics Insights queries are not supported'],
  ['unknown + 1', 'there is no unknown'],
  ['FILL(b, LINEAR)', 'FILL by LINEAR is not supported'],
  ['REPEAT + a', 'there is no REPEAT'],
])('"%s" is refused', (expression, why) => {
  expect(() => of(expression)).toThrow(`e: ${why}`);
});

test('no expression takes all the stack or all the time there is', () => {
  expect(() => of('('.repeat(1000))).toThrow('nested too deeply');
  expect(() => of(`${'-'.repeat(1000)}a`)).toThrow('nested too deeply');
  expect(() => of(`${'ABS('.repeat(400)}a${')'.repeat(400)}`)).toThrow('nested too deeply');
  expect(of(Array.from({ length: 600 }, () => 'a').join('+'))).toEqual([600, 1200, 1800, 2400, 3000]);
  const chain = Object.fromEntries(Array.from({ length: 400 }, (_, index) => [`e${index}`, `e${index + 1} + 1`]));
  expect(() => compute({ ...chain, e400: 'a' })).toThrow('too many expressions are about each other');
  const long = Array.from({ length: 100_000 }, (_, index): [number, number] => [index, 1]);
  const many = new Map([['m', { id: 'm', ofMetric: true, periodSeconds: 1, values: new Map(long) }]]);
  const adding = new Map([['e', Array.from({ length: 600 }, () => 'm').join('+')]]);
  const refusal = (_: string, why: string) => new Error(why);
  expect(() => evaluate(adding, many, range, refusal)).toThrow('too much computing');
  expect(() => evaluate(new Map([['e', 'FILL(m, 0)']]), many, { fromMs: 0, toMs: 1e12 }, refusal)).toThrow('too long');
});

test('filling hundreds of series that have nothing does not exhaust the memory', () => {
  const nothing = Array.from({ length: 500 }, (_, index) => metric(`m${index}`));
  const expressions = new Map([['e', 'SUM(FILL(METRICS(), 0))']]);
  const weeks = { fromMs: 0, toMs: 100_000 * MINUTE };
  const before = process.memoryUsage().heapUsed;
  const refusal = (_: string, why: string) => new Error(why);
  expect(() => evaluate(expressions, new Map(nothing), weeks, refusal)).toThrow('too much computing');
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(500_000_000);
});
