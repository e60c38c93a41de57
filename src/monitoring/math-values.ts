/** What expressions of metric math are made of while they are computed. */

export interface Variable {
  readonly id: string;
  /** A metric, and not what an expression came to: only those are `METRICS()`. */
  readonly ofMetric: boolean;
  readonly periodSeconds: number;
  readonly values: ReadonlyMap<number, number>;
}

export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Why an expression is none. */
export class MathFault extends Error {}

/**
 * INVARIANT: whatever is asked, a request takes no more than a second or so of computing, in which nobody else is served:
 * so many values are read or come of operations. And none exhausts the stack.
 */
export const MOST_WORK = 2_000_000;
export const DEEPEST = 30;
/** More than this a request does not give. */
export const LONGEST_SERIES = 100_800;

export interface Series {
  readonly periodSeconds: number;
  readonly values: ReadonlyMap<number, number>;
}

export type Value = number | Series | Series[];

export interface Scope {
  readonly range: TimeRange;
  readonly metrics: readonly Variable[];
  readonly variable: (id: string) => Series;
  /** Throws where that is too much. */
  readonly spend: (values: number) => void;
}

export type Node = (scope: Scope) => Value;

/** The same, where what it comes to is counted. */
export function counted(node: Node): Node {
  return (scope) => {
    const value = node(scope);
    scope.spend(sizeOf(value));
    return value;
  };
}

export function sizeOf(value: Value): number {
  if (typeof value === 'number') return 1;
  return Array.isArray(value) ? value.reduce((total, { values }) => total + values.size, 1) : value.values.size;
}

export type Operator = (a: number, b: number) => number;

export function combine(a: Value, b: Value, operator: Operator): Value {
  if (Array.isArray(a)) return a.map((each) => seriesOf(combine(each, b, operator)));
  if (Array.isArray(b)) return b.map((each) => seriesOf(combine(a, each, operator)));
  if (typeof a === 'number') {
    return typeof b === 'number' ? operator(a, b) : mapValues(b, (value) => operator(a, value));
  }
  if (typeof b === 'number') return mapValues(a, (value) => operator(value, b));
  const both = new Map<number, number>();
  for (const [time, value] of a.values) {
    const other = b.values.get(time);
    if (other !== undefined) both.set(time, operator(value, other));
  }
  return { periodSeconds: periodOf([a, b]), values: both };
}

function mapValues({ periodSeconds, values }: Series, of: (value: number) => number): Series {
  return { periodSeconds, values: new Map(Array.from(values, ([time, value]) => [time, of(value)])) };
}

export function seriesOf(value: Value): Series {
  if (typeof value === 'number') throw new MathFault('a number stands where a series must be');
  if (Array.isArray(value)) throw new MathFault('a list stands where a series must be');
  return value;
}

export function periodOf(series: readonly Series[]): number {
  return series.reduce((longest, { periodSeconds }) => Math.max(longest, periodSeconds), 1);
}

export function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
