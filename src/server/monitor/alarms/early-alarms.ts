import { type AlarmRule, breaches, type Datapoint } from '../../../monitoring/alarm-rule.ts';
import type { MetricStore } from '../../../monitoring/metric.ts';
import { statisticOf } from '../../../monitoring/statistics.ts';
import type { WatchedAlarm } from './watched-alarms.ts';

/**
 * Alarms that need not wait for their period to end: one datapoint is enough for them, and what more is observed within it
 * can only bring it further beyond the threshold (decision 0017).
 */

const growing = ['Sum', 'SampleCount', 'Maximum'];

/** Of sums, this takes for granted that nobody counts with negative numbers. */
function canBeRaisedEarly({ statistic, comparison, datapointsToAlarm, evaluationPeriods }: AlarmRule): boolean {
  const isAbove = comparison === 'GreaterThanThreshold' || comparison === 'GreaterThanOrEqualToThreshold';
  return isAbove && growing.includes(statistic) && (datapointsToAlarm ?? evaluationPeriods) === 1;
}

/** Of the window of one period that ends with the second that `nowMs` is in, if it breaches. */
export function earlyBreach(
  { rule, metric }: Pick<WatchedAlarm, 'rule' | 'metric'>,
  metrics: Pick<MetricStore, 'periods'>,
  nowMs: number,
): (Datapoint & { readonly endMs: number }) | undefined {
  const { periodSeconds, statistic, unit } = rule;
  const endMs = nowMs - (nowMs % 1000) + 1000;
  const fromMs = endMs - periodSeconds * 1000;
  const query = { metric, ...(unit === undefined ? {} : { unit }), fromMs, toMs: endMs, periodSeconds };
  for (const period of metrics.periods({ ...query, summariesOnly: true })) {
    const value = statisticOf(period, statistic);
    if (value !== undefined && breaches(rule, value)) {
      return { startMs: fromMs, endMs, sampleCount: period.sampleCount, value };
    }
  }
  return undefined;
}

/**
 * INVARIANT: an alarm that was raised early stays one until all periods that an evaluation would take began after the window
 * that raised it. So no observation raises it twice: whatever raises it again lies in a window that ends at least a period
 * after that evaluation's first period began, and so begins after it.
 */
export function isHeld({ rule, record }: Pick<WatchedAlarm, 'rule' | 'record'>, endMs: number, nowMs: number): boolean {
  const { raisedEarlyAtMs } = record.state;
  // A window that ends in time to come was seen before somebody set the clock back, or by a sandbox that had moved its own.
  if (raisedEarlyAtMs === undefined || raisedEarlyAtMs > nowMs + 1000) return false;
  return endMs - rule.evaluationPeriods * rule.periodSeconds * 1000 < raisedEarlyAtMs;
}

/**
 * Which of them are worth a look: those whose metric has had something in the time that the window can still reach. All
 * others cost nothing.
 */
export class WarmAlarms {
  readonly #until = new Map<string, number>();

  /** @param timeMs of what was observed */
  warm({ key, rule }: WatchedAlarm, timeMs: number): void {
    if (!canBeRaisedEarly(rule)) return;
    const untilMs = timeMs + (rule.periodSeconds + 1) * 1000;
    if (untilMs > (this.#until.get(key) ?? 0)) this.#until.set(key, untilMs);
  }

  forget(key: string): void {
    this.#until.delete(key);
  }

  /** The keys of those that are to be looked at; the others are forgotten until something is observed again. */
  keys(nowMs: number): string[] {
    for (const [key, untilMs] of this.#until) if (untilMs <= nowMs) this.#until.delete(key);
    return [...this.#until.keys()];
  }
}
