/** The port through which time enters. Domain code never calls `Date.now()` itself, so tests and the sandbox own time. */
export interface Clock {
  /** Milliseconds since the Unix epoch, UTC. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** Milliseconds since some moment, for measuring how long something took: nobody moves or sets this clock. */
export function monotonicMs(): number {
  return performance.now();
}

/** The same, since a moment that all threads of the process share: what one has noted, another can compare. */
export function sharedMonotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
