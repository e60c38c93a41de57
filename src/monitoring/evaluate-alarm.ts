import { insufficientData, noDatapoints, reasonData, thresholdCrossed } from './alarm-reason.ts';
import { type AlarmRule, type AlarmState, breaches, type Datapoint, type MissingDatapoint } from './alarm-rule.ts';

/**
 * What state an alarm is in, by the datapoints of its metric ("Alarm evaluation" and "Configuring how CloudWatch alarms treat
 * missing data", CloudWatch user guide).
 */

export interface Verdict {
  readonly state: AlarmState;
  readonly reason: string;
  /** JSON, as AWS writes it. */
  readonly reasonData: string;
}

/**
 * How many datapoints are looked at beyond the N that are needed, in case some of them are missing. AWS says only that it
 * depends on the period; its examples take 5 for N = 3, and alarms with N = 1 were seen to take 3.
 */
const MORE_PERIODS = 2;

/** From when on an evaluation needs datapoints, in milliseconds: the start of the *evaluation range*. */
export function evaluationRangeStartMs({ periodSeconds, evaluationPeriods }: AlarmRule, endMs: number): number {
  return endMs - (evaluationPeriods + MORE_PERIODS) * periodSeconds * 1000;
}

/**
 * @param datapoints of the evaluation range, in any order; others are not looked at
 * @param endMs where the last period of the range ends
 * @param nowMs for the reason data: when this was asked
 * @returns undefined where the alarm keeps its state, whatever it is
 */
export function evaluateAlarm(
  rule: AlarmRule,
  datapoints: readonly Datapoint[],
  endMs: number,
  nowMs: number,
): Verdict | undefined {
  const { evaluationPeriods: most } = rule;
  const startMs = evaluationRangeStartMs(rule, endMs);
  const inRange = datapoints
    .filter((each) => each.startMs >= startMs && each.startMs < endMs)
    .sort((a, b) => b.startMs - a.startMs);
  // Real datapoints count before missing ones are made up for, however old they are within the range.
  const real = inRange.slice(0, most);
  const needed = rule.datapointsToAlarm ?? most;
  const isBreaching = ({ value }: Datapoint) => breaches(rule, value);
  const breaching = real.filter(isBreaching);
  const missing = most - real.length;
  const data = () => reasonData(rule, real, missingPeriods(rule, real, endMs), nowMs);
  const crossed = (state: 'OK' | 'ALARM', treatedAs?: 'Breaching' | 'NonBreaching'): Verdict => {
    const filled = treatedAs === undefined ? undefined : { count: missing, treatedAs };
    const reason =
      real.length === 0 && filled !== undefined
        ? noDatapoints(filled.count, filled.treatedAs)
        : thresholdCrossed(
            rule,
            state,
            state === 'ALARM' ? breaching : real.filter((each) => !isBreaching(each)),
            filled,
          );
    return { state, reason, reasonData: data() };
  };

  if (rule.ignoresFewSamples === true && tooFewSamples(rule.statistic, real)) return undefined;
  if (missing === 0) return crossed(breaching.length >= needed ? 'ALARM' : 'OK');
  switch (rule.missingData ?? 'missing') {
    case 'breaching':
      return crossed(breaching.length + missing >= needed ? 'ALARM' : 'OK', 'Breaching');
    case 'notBreaching':
      return crossed(breaching.length >= needed ? 'ALARM' : 'OK', 'NonBreaching');
    case 'ignore':
      if (breaching.length >= needed) return crossed('ALARM');
      return breaching.length < real.length ? crossed('OK') : undefined;
    case 'missing':
      if (breaching.length >= needed || isOldBreach(rule, real, breaching, needed, endMs)) return crossed('ALARM');
      if (breaching.length < real.length) return crossed('OK');
      return { state: 'INSUFFICIENT_DATA', reason: insufficientData(missing), reasonData: data() };
  }
}

/**
 * "Avoiding premature transitions to alarm state" (the same guide): fewer datapoints than are needed, all of which breach,
 * are an alarm only once the oldest of them is so old that as many could have come since. One that does not breach, anywhere
 * in the range, is not among the reasons there, but keeps the guide's `0 - X - -` from it.
 */
function isOldBreach(
  { periodSeconds }: AlarmRule,
  real: readonly Datapoint[],
  breaching: readonly Datapoint[],
  needed: number,
  endMs: number,
): boolean {
  const oldest = real.at(-1);
  if (oldest === undefined || breaching.length < real.length) return false;
  return (endMs - oldest.startMs) / (periodSeconds * 1000) >= needed;
}

/** The newest periods without a datapoint: as many as have to be made up for. */
function missingPeriods(
  { periodSeconds, evaluationPeriods }: AlarmRule,
  real: readonly Datapoint[],
  endMs: number,
): MissingDatapoint[] {
  const present = new Set(real.map(({ startMs }) => startMs));
  const missing: MissingDatapoint[] = [];
  for (let age = 1; missing.length < evaluationPeriods - real.length; age++) {
    const startMs = endMs - age * periodSeconds * 1000;
    if (!present.has(startMs)) missing.push({ startMs });
  }
  return missing;
}

/** "Percentile-based CloudWatch alarms and low data samples" (the same guide). */
function tooFewSamples(statistic: string, real: readonly Datapoint[]): boolean {
  const percentile = Number(/^p(\d+(?:\.\d+)?)$/.exec(statistic)?.[1] ?? Number.NaN);
  if (Number.isNaN(percentile)) return false;
  // 10 / (1 - 0.9) is 100, and not some 10⁻¹⁴ more.
  const least = Math.round(1e9 / (percentile >= 50 ? 100 - percentile : percentile)) / 1e6;
  const samples = real.reduce((sum, { sampleCount }) => sum + sampleCount, 0);
  return samples < least;
}
