/** What an alarm watches for, and what it is evaluated on. */

export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

export const comparisons = [
  'GreaterThanOrEqualToThreshold',
  'GreaterThanThreshold',
  'LessThanThreshold',
  'LessThanOrEqualToThreshold',
] as const;
export type Comparison = (typeof comparisons)[number];

export const missingDataTreatments = ['breaching', 'notBreaching', 'ignore', 'missing'] as const;
export type MissingDataTreatment = (typeof missingDataTreatments)[number];

/** When an alarm is in ALARM. */
export interface AlarmRule {
  /** `Sum`, `p99.9`. */
  readonly statistic: string;
  readonly periodSeconds: number;
  /** N of an alarm that takes M out of N datapoints. */
  readonly evaluationPeriods: number;
  /** M; absent, all N of them, and the texts do not speak of it. */
  readonly datapointsToAlarm?: number;
  readonly threshold: number;
  readonly comparison: Comparison;
  /** Absent: `missing`. */
  readonly missingData?: MissingDataTreatment;
  /** Of percentiles: keep the state while there are too few samples for one to mean anything. */
  readonly ignoresFewSamples?: boolean;
  readonly unit?: string;
}

/** The statistic of one period. */
export interface Datapoint {
  readonly startMs: number;
  readonly sampleCount: number;
  readonly value: number;
}

/** A datapoint that there should be, by when its period begins. */
export interface MissingDatapoint {
  readonly startMs: number;
}

/** Whether a value is on the side of the threshold that alarms. */
export function breaches(
  { comparison, threshold }: Pick<AlarmRule, 'comparison' | 'threshold'>,
  value: number,
): boolean {
  switch (comparison) {
    case 'GreaterThanOrEqualToThreshold':
      return value >= threshold;
    case 'GreaterThanThreshold':
      return value > threshold;
    case 'LessThanThreshold':
      return value < threshold;
    case 'LessThanOrEqualToThreshold':
      return value <= threshold;
  }
}
