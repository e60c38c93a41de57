import type { Period } from './metric.ts';

/**
 * Statistics by AWS's names ("CloudWatch statistics definitions", CloudWatch user guide): `Average`, `p99.9`, `tm90`,
 * `TM(10%:90%)`, `PR(:300)` and so on.
 *
 * A percentile is the smallest of the observed values that so many percent of them do not exceed; nothing is interpolated,
 * which AWS leaves open. Where a boundary by percent falls among equal values, only that share of them counts.
 */
export type Statistic = (period: Period) => number | undefined;

type Values = NonNullable<Period['values']>;

/** Undefined of what is no statistic. */
export function parseStatistic(name: string): Statistic | undefined {
  return simpleStatistics[name] ?? percentile(name) ?? trimmed(name);
}

/** Undefined where it cannot be told of the period, or is no statistic. */
export function statisticOf(period: Period, name: string): number | undefined {
  return parseStatistic(name)?.(period);
}

/** What a period's summary tells; all others are AWS's *extended* statistics. */
export function isSimple(name: string): boolean {
  return name in simpleStatistics;
}

/** Whether only the period's values tell it. */
export function needsValues(name: string): boolean {
  return !isSimple(name);
}

const simpleStatistics: Readonly<Record<string, Statistic>> = Object.assign(Object.create(null), {
  SampleCount: ({ sampleCount }) => sampleCount,
  Average: ({ sum, sampleCount }) => sum / sampleCount,
  Sum: ({ sum }) => sum,
  Minimum: ({ minimum }) => minimum,
  Maximum: ({ maximum }) => maximum,
} satisfies Record<string, Statistic>);

const PERCENT = '(?:100(?:\\.0{1,10})?|\\d{1,2}(?:\\.\\d{1,10})?)';
const NUMBER = '\\d{1,15}(?:\\.\\d{1,10})?';
const PERCENTILE = new RegExp(`^p(${PERCENT})$`, 'i');
const UP_TO = new RegExp(`^(tm|wm|tc|ts)(${PERCENT})$`, 'i');
const BY_PERCENT = new RegExp(`^(TM|WM|TC|TS)\\((?:(${PERCENT})%)?:(?:(${PERCENT})%)?\\)$`, 'i');
const BY_VALUE = new RegExp(`^(TM|WM|TC|TS|PR)\\((${NUMBER})?:(${NUMBER})?\\)$`, 'i');

function percentile(name: string): Statistic | undefined {
  const percent = PERCENTILE.exec(name)?.[1];
  if (percent === undefined) return undefined;
  return ({ values, sampleCount }) => values && valueAt(values, (Number(percent) / 100) * sampleCount);
}

function trimmed(name: string): Statistic | undefined {
  if (/^iqm$/i.test(name)) return byPercent('TM', 25, 75);
  const [, simple, upTo] = UP_TO.exec(name) ?? [];
  if (simple !== undefined) return byPercent(simple, 0, Number(upTo));
  const [, relative, low = '0', high = '100'] = BY_PERCENT.exec(name) ?? [];
  if (relative !== undefined && !/\(:\)$/.test(name)) {
    return Number(low) < Number(high) ? byPercent(relative, Number(low), Number(high)) : undefined;
  }
  const [, absolute, above, upToValue] = BY_VALUE.exec(name) ?? [];
  if (absolute === undefined || (above === undefined && upToValue === undefined)) return undefined;
  const lower = above === undefined ? Number.NEGATIVE_INFINITY : Number(above);
  const upper = upToValue === undefined ? Number.POSITIVE_INFINITY : Number(upToValue);
  return lower < upper ? byValue(absolute, lower, upper) : undefined;
}

/** Of the values in their order, those between two shares of them all. */
function byPercent(kind: string, low: number, high: number): Statistic {
  return ({ values, sampleCount }) => {
    if (values === undefined) return undefined;
    const from = (low / 100) * sampleCount;
    const to = (high / 100) * sampleCount;
    let before = 0;
    const within: [number, number][] = [];
    for (const [value, count] of values) {
      const counted = Math.min(before + count, to) - Math.max(before, from);
      if (counted > 0) within.push([value, counted]);
      before += count;
    }
    const outside: Values = [
      [valueAt(values, from) ?? 0, from],
      [valueAt(values, to) ?? 0, sampleCount - to],
    ];
    return amount(kind, within, outside, sampleCount);
  };
}

/** Of the values those between two numbers: "exclusive of the lower bound and inclusive of the upper bound". */
function byValue(kind: string, lower: number, upper: number): Statistic {
  return ({ values, sampleCount }) => {
    if (values === undefined) return undefined;
    const within = values.filter(([value]) => value > lower && value <= upper);
    const outside: Values = [
      [lower, countOf(values.filter(([value]) => value <= lower))],
      [upper, countOf(values.filter(([value]) => value > upper))],
    ];
    return amount(kind, within, outside, sampleCount);
  };
}

/** @param outside what is cut off, as what a winsorized mean takes it for */
function amount(kind: string, within: Values, outside: Values, sampleCount: number): number | undefined {
  const count = countOf(within);
  switch (kind.toUpperCase()) {
    case 'TC':
      return count;
    case 'TS':
      return sumOf(within);
    case 'PR':
      return (count / sampleCount) * 100;
    case 'WM':
      return sumOf([...within, ...outside]) / sampleCount;
    default:
      return count === 0 ? undefined : sumOf(within) / count;
  }
}

function countOf(values: Values): number {
  return values.reduce((total, [, count]) => total + count, 0);
}

/** A bound that cuts nothing off may be infinite. */
function sumOf(values: Values): number {
  return values.reduce((total, [value, count]) => (count === 0 ? total : total + value * count), 0);
}

/** The value at which so many have been counted; at none, the first. */
function valueAt(values: Values, rank: number): number | undefined {
  let counted = 0;
  // What is left of a sum of many fractions must not lead to the value behind.
  const enough = rank * (1 - 1e-12);
  for (const [value, count] of values) {
    counted += count;
    if (counted >= enough) return value;
  }
  return values.at(-1)?.[0];
}
