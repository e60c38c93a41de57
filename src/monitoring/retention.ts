/**
 * How long CloudWatch keeps data, and how finely ("Metrics retention", CloudWatch user guide), and what follows from it for
 * the periods that can be asked for ("GetMetricStatistics", API reference).
 */

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

export interface Resolution {
  /** Data are kept for each stretch of so many seconds. */
  readonly seconds: number;
  readonly keptSeconds: number;
}

/** From the finest on; each is a multiple of the one before. */
export const resolutions: readonly Resolution[] = [
  { seconds: 1, keptSeconds: 3 * HOUR },
  { seconds: MINUTE, keptSeconds: 15 * DAY },
  { seconds: 5 * MINUTE, keptSeconds: 63 * DAY },
  { seconds: HOUR, keptSeconds: 455 * DAY },
];

const shortPeriods = [1, 5, 10, 20, 30];

/** Whether data can be asked for by periods of so many seconds. */
export function isPeriod(seconds: number): boolean {
  return shortPeriods.includes(seconds) || (seconds > 0 && seconds % MINUTE === 0);
}

/**
 * Where the first period begins, for data that are asked for from `startMs` on: AWS rounds down, the more the older it is.
 *
 * @param periodSeconds one that {@link isPeriod}
 */
export function firstPeriodMs(startMs: number, periodSeconds: number, nowMs: number): number {
  const ageSeconds = (nowMs - startMs) / 1000;
  const to = ageSeconds > 63 * DAY ? HOUR : ageSeconds > 15 * DAY ? 5 * MINUTE : Math.min(periodSeconds, MINUTE);
  return startMs - modulo(startMs, to * 1000);
}

/** Whether there can be data by such periods: where there are not, AWS answers with none, and not with an error. */
export function isKeptBy(periodSeconds: number, startMs: number, nowMs: number): boolean {
  const ageSeconds = (nowMs - startMs) / 1000;
  const finest = resolutions.find(({ keptSeconds }) => ageSeconds <= keptSeconds);
  return finest !== undefined && periodSeconds % finest.seconds === 0;
}

/** The coarsest resolution that still tells such periods apart, which takes the least reading and reaches back farthest. */
export function resolutionFor(fromMs: number, periodSeconds: number): Resolution {
  const fits = ({ seconds }: Resolution) => periodSeconds % seconds === 0 && modulo(fromMs, seconds * 1000) === 0;
  return resolutions.findLast(fits) ?? (resolutions[0] as Resolution);
}

/** Also of moments before 1970. */
function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
