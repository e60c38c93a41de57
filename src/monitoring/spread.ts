/**
 * How values are spread: each with how often it was observed, within bounds. Up to {@link MOST_VALUES} different values are
 * kept as they are. Of more, those that are nearly alike become one, in buckets whose bounds grow by a factor; whenever
 * even the buckets are too many, each two neighbours become one. A value is then wrong by at most
 *
 * - 0.5% where the largest is up to 160 times the smallest,
 * - 1% up to 26,000 times, 2% up to 700 million times, 4% up to 10^17 times, and so on.
 *
 * Merging spreads in whatever order errs by no more than that (as in DDSketch, doi:10.14778/3352063.3352135, and its uniform
 * collapse). No value is negative: of metrics that have negative values AWS tells no percentiles, so none are kept.
 */
export interface Spread {
  readonly counts: Map<number, number>;
  /** 0 while values are exact; the factor of the buckets is {@link FINEST} to the power of 2^(level-1). */
  level: number;
}

export const MOST_VALUES = 512;
const FINEST = Math.log(1.01);

export function emptySpread(): Spread {
  return { counts: new Map(), level: 0 };
}

export function addToSpread(spread: Spread, value: number, count: number): void {
  addKey(spread, spread.level === 0 ? value : rounded(value, spread.level), count);
}

function addKey(spread: Spread, key: number, count: number): void {
  const { counts, level } = spread;
  counts.set(key, (counts.get(key) ?? 0) + count);
  if (counts.size > MOST_VALUES) coarsen(spread, level + 1);
}

export function copyOfSpread({ counts, level }: Spread): Spread {
  return { counts: new Map(counts), level };
}

export function mergeSpread(into: Spread, from: Spread): void {
  if (from.level > into.level) coarsen(into, from.level);
  for (const [value, count] of from.counts) {
    // What is rounded so already needs no rounding, which takes the most time.
    if (from.level === into.level) addKey(into, value, count);
    else addToSpread(into, value, count);
  }
}

/** The pairs in ascending order. A rounded value may lie beyond the extremes, which are known exactly. */
export function valuesOfSpread({ counts }: Spread, minimum: number, maximum: number): [value: number, count: number][] {
  // Not as pairs: sorting is most of what a percentile takes.
  const keys = new Float64Array(counts.size);
  let size = 0;
  for (const key of counts.keys()) keys[size++] = key;
  const pairs: [number, number][] = [];
  for (const key of keys.sort()) pairs.push([Math.min(Math.max(key, minimum), maximum), counts.get(key) as number]);
  return pairs;
}

function coarsen(spread: Spread, level: number): void {
  const pairs = [...spread.counts];
  spread.counts.clear();
  spread.level = level;
  for (const [value, count] of pairs) addToSpread(spread, value, count);
}

/**
 * The value that stands for all of its bucket: as far from its lower as from its upper bound, relative to either. It lies
 * within the same bucket of each coarser level, so that rounding it again errs no more than rounding the value itself.
 */
function rounded(value: number, level: number): number {
  if (value === 0) return 0;
  const width = FINEST * 2 ** (level - 1);
  const upper = Math.exp(Math.ceil(Math.log(value) / width) * width);
  return (2 * upper) / (Math.exp(width) + 1);
}
