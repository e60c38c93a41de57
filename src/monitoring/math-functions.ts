import {
  combine,
  LONGEST_SERIES,
  MathFault,
  type Node,
  type Operator,
  periodOf,
  type Scope,
  type Series,
  seriesOf,
  sum,
  type Value,
} from './math-values.ts';

/** The functions of metric math. */

export type Argument = Node | { readonly word: string };

/** They stand where functions take words, and are names of nothing. */
export const WORDS: ReadonlySet<string> = new Set(['REPEAT', 'LINEAR']);

export function nodeOf(argument: Argument | undefined): Node {
  if (typeof argument === 'function') return argument;
  throw new MathFault(argument === undefined ? 'an argument is missing' : `${argument.word} is not expected`);
}

export function call(name: string, args: readonly Argument[]): Node {
  const upper = name.toUpperCase();
  const arity = (least: number, most: number) => {
    if (args.length < least || args.length > most) throw new MathFault(`${upper} takes another number of arguments`);
  };
  const aggregate = aggregates[upper];
  if (aggregate !== undefined) {
    arity(1, 1);
    const of = nodeOf(args[0]);
    return (scope) => aggregated(of(scope), aggregate);
  }
  const mapped = mappings[upper];
  if (mapped !== undefined) {
    arity(1, 1);
    const of = nodeOf(args[0]);
    return (scope) => combine(of(scope), 0, mapped);
  }
  switch (upper) {
    case 'METRICS': {
      arity(0, 1);
      const [filter = { word: '' }] = args;
      if (typeof filter === 'function') throw new MathFault('METRICS takes a text');
      return ({ metrics }) => metrics.filter(({ id }) => id.includes(filter.word));
    }
    case 'FILL': {
      arity(2, 2);
      const [of, by] = [nodeOf(args[0]), args[1]];
      return (scope) => eachSeries(of(scope), (series) => filled(series, by as Argument, scope));
    }
    case 'IF': {
      arity(2, 3);
      const [condition, then] = [nodeOf(args[0]), nodeOf(args[1])];
      const otherwise = args.length === 3 ? nodeOf(args[2]) : undefined;
      return (scope) => choose(condition(scope), then(scope), otherwise?.(scope));
    }
    case 'RATE':
    case 'DIFF': {
      arity(1, 1);
      const of = nodeOf(args[0]);
      return (scope) => eachSeries(of(scope), (series) => differences(series, upper === 'RATE'));
    }
    case 'PERIOD': {
      arity(1, 1);
      const of = nodeOf(args[0]);
      return (scope) => seriesOf(of(scope)).periodSeconds;
    }
    default:
      throw new MathFault(`the function ${name} is not supported`);
  }
}

const aggregates: Readonly<Record<string, (values: readonly number[]) => number>> = Object.assign(Object.create(null), {
  SUM: sum,
  AVG: (values: readonly number[]) => sum(values) / values.length,
  MIN: (values: readonly number[]) => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
  MAX: (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
});

const mappings: Readonly<Record<string, Operator>> = Object.assign(Object.create(null), {
  ABS: Math.abs,
  CEIL: Math.ceil,
  FLOOR: Math.floor,
});

/** Of a list, at each time that any of its series has; of a series, or a number, one number. */
function aggregated(value: Value, aggregate: (values: readonly number[]) => number): Value {
  if (typeof value === 'number') return value;
  if (!Array.isArray(value)) return aggregate([...value.values.values()]);
  const byTime = new Map<number, number[]>();
  for (const { values } of value) {
    for (const [time, each] of values) {
      const others = byTime.get(time);
      if (others === undefined) byTime.set(time, [each]);
      else others.push(each);
    }
  }
  const values = new Map(Array.from(byTime, ([time, each]) => [time, aggregate(each)]));
  return { periodSeconds: periodOf(value), values };
}

/** At the times of the condition; where it is a number, all of one or of the other. */
function choose(condition: Value, then: Value, otherwise: Value | undefined): Value {
  if (typeof condition === 'number') {
    const chosen = condition === 0 ? otherwise : then;
    if (chosen === undefined) throw new MathFault('IF gives nothing');
    return chosen;
  }
  const { periodSeconds, values } = seriesOf(condition);
  const chosen = new Map<number, number>();
  for (const [time, value] of values) {
    const from = value === 0 ? otherwise : then;
    const at = typeof from === 'number' || from === undefined ? from : seriesOf(from).values.get(time);
    if (at !== undefined) chosen.set(time, at);
  }
  return { periodSeconds, values: chosen };
}

/** At each period of the request's time, as the series has them; or from its first on, where that is before. */
function filled(series: Series, by: Argument, scope: Scope): Series {
  if (typeof by !== 'function' && by.word !== 'REPEAT') throw new MathFault(`FILL by ${by.word} is not supported`);
  const stepMs = series.periodSeconds * 1000;
  const { fromMs, toMs } = scope.range;
  const earliest = [...series.values.keys()].reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const firstMs = Number.isFinite(earliest)
    ? earliest - Math.max(Math.floor((earliest - fromMs) / stepMs), 0) * stepMs
    : Math.ceil(fromMs / stepMs) * stepMs;
  const length = (toMs - firstMs) / stepMs;
  if (length > LONGEST_SERIES) throw new MathFault('what FILL gives is too long');
  // Counted before it is made: hundreds of series that have nothing would each become as long as may be.
  scope.spend(Math.max(length, 0));
  const filler = typeof by === 'function' ? by(scope) : undefined;
  const values = new Map<number, number>();
  let last: number | undefined;
  for (let time = firstMs; time < toMs; time += stepMs) {
    const present = series.values.get(time);
    if (present !== undefined) last = present;
    const value = present ?? (filler === undefined ? last : numberAt(filler, time));
    if (value !== undefined) values.set(time, value);
  }
  return { periodSeconds: series.periodSeconds, values };
}

function numberAt(value: Value, time: number): number | undefined {
  return typeof value === 'number' ? value : seriesOf(value).values.get(time);
}

function differences({ periodSeconds, values }: Series, perSecond: boolean): Series {
  const times = [...values.keys()].sort((a, b) => a - b);
  const results = new Map<number, number>();
  for (const [index, time] of times.entries()) {
    const before = times[index - 1];
    if (before === undefined) continue;
    const difference = (values.get(time) as number) - (values.get(before) as number);
    results.set(time, perSecond ? difference / ((time - before) / 1000) : difference);
  }
  return { periodSeconds, values: results };
}

function eachSeries(value: Value, work: (series: Series) => Series): Value {
  return Array.isArray(value) ? value.map(work) : work(seriesOf(value));
}
