import type { Period, StatisticSet } from './metric.ts';
import { addToSpread, copyOfSpread, emptySpread, mergeSpread, type Spread, valuesOfSpread } from './spread.ts';

/** All that was observed in one stretch of time, as it grows. */
export interface Cell {
  sampleCount: number;
  sum: number;
  minimum: number;
  maximum: number;
  /**
   * Undefined as long as all values are the same, as those of most metrics are; null where the values are not known, because a
   * summary was among them, or cannot be told, because one is negative.
   */
  spread: Spread | undefined | null;
}

export function emptyCell(): Cell {
  return {
    sampleCount: 0,
    sum: 0,
    minimum: Number.POSITIVE_INFINITY,
    maximum: Number.NEGATIVE_INFINITY,
    spread: undefined,
  };
}

/** @param count greater than zero */
export function addValue(cell: Cell, value: number, count: number): void {
  const known = knownSpread(cell, value, value);
  if (known !== undefined) addToSpread(known, value, count);
  cell.sampleCount += count;
  cell.sum += value * count;
  if (value < cell.minimum) cell.minimum = value;
  if (value > cell.maximum) cell.maximum = value;
}

/**
 * AWS tells percentiles of a summary, too, whose values must all be the same ("PutMetricData", API reference).
 *
 * @param set its count is greater than zero
 */
export function addSummary(cell: Cell, set: StatisticSet): void {
  const same = set.minimum === set.maximum;
  mergeCell(cell, { ...set, spread: same && set.minimum >= 0 ? undefined : null });
}

export function mergeCell(into: Cell, from: Cell): void {
  if (from.spread === null) into.spread = null;
  if (into.sampleCount === 0 && into.spread === undefined && from.spread) into.spread = copyOfSpread(from.spread);
  else mergeValues(into, from);
  into.sampleCount += from.sampleCount;
  into.sum += from.sum;
  if (from.minimum < into.minimum) into.minimum = from.minimum;
  if (from.maximum > into.maximum) into.maximum = from.maximum;
}

function mergeValues(into: Cell, from: Cell): void {
  const known = knownSpread(into, from.minimum, from.maximum);
  if (known !== undefined) {
    if (from.spread) mergeSpread(known, from.spread);
    else addToSpread(known, from.minimum, from.sampleCount);
  }
}

/** Where values from `minimum` to `maximum` are to be counted: nowhere if they are the same as all before, or not to be told. */
function knownSpread(cell: Cell, minimum: number, maximum: number): Spread | undefined {
  if (cell.spread === null) return undefined;
  if (minimum < 0) {
    cell.spread = null;
    return undefined;
  }
  if (cell.spread === undefined) {
    const first = cell.sampleCount === 0;
    if (minimum === maximum && (first || (minimum === cell.minimum && maximum === cell.maximum))) return undefined;
    cell.spread = emptySpread();
    if (!first) addToSpread(cell.spread, cell.minimum, cell.sampleCount);
  }
  return cell.spread;
}

export function periodOf(startMs: number, cell: Cell): Period {
  const { sampleCount, sum, minimum, maximum, spread } = cell;
  const summary = { startMs, sampleCount, sum, minimum, maximum };
  if (spread === null) return summary;
  const values: [number, number][] = spread ? valuesOfSpread(spread, minimum, maximum) : [[minimum, sampleCount]];
  return { ...summary, values };
}
