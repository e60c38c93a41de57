/** How long requests took, in milliseconds. */
export interface LatencySummary {
  readonly requests: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export function summarizeLatencies(rounds: readonly Float64Array[]): LatencySummary {
  const requests = rounds.reduce((sum, round) => sum + round.length, 0);
  const sorted = new Float64Array(requests);
  let at = 0;
  for (const round of rounds) {
    sorted.set(round, at);
    at += round.length;
  }
  sorted.sort();
  const quantile = (share: number) => sorted[Math.min(Math.floor(requests * share), requests - 1)] ?? 0;
  return { requests, p50Ms: quantile(0.5), p99Ms: quantile(0.99) };
}
