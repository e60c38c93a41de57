import { partitionOf, type Tag } from '../../../keys/key.ts';
import type { AlarmRule, AlarmState, Comparison, MissingDataTreatment } from '../../../monitoring/alarm-rule.ts';
import type { Dimension, MetricId } from '../../../monitoring/metric.ts';
import { table } from '../../../store/sealed-store.ts';

/** What PutMetricAlarm says of an alarm. */
export interface AlarmConfiguration {
  readonly description?: string;
  readonly actionsEnabled: boolean;
  readonly okActions: readonly string[];
  readonly alarmActions: readonly string[];
  readonly insufficientDataActions: readonly string[];
  readonly namespace: string;
  readonly metricName: string;
  /** As they were given. */
  readonly dimensions: readonly Dimension[];
  /** One of the two. */
  readonly statistic?: string;
  readonly extendedStatistic?: string;
  readonly unit?: string;
  readonly periodSeconds: number;
  readonly evaluationPeriods: number;
  readonly datapointsToAlarm?: number;
  readonly threshold: number;
  readonly comparison: Comparison;
  readonly missingData?: MissingDataTreatment;
  readonly lowSampleCountPercentile?: 'evaluate' | 'ignore';
}

export interface CurrentState {
  readonly value: AlarmState;
  readonly reason: string;
  /** JSON. */
  readonly reasonData?: string;
  readonly updatedAtMs: number;
  /** When it last became another one. */
  readonly transitionedAtMs: number;
  /**
   * Of an ALARM that did not wait for its period to end: where the window ended in which the metric breached
   * (`server/monitor/evaluate-alarms.ts`).
   */
  readonly raisedEarlyAtMs?: number;
}

export interface AlarmRecord extends AlarmConfiguration {
  readonly accountId: string;
  readonly region: string;
  readonly name: string;
  readonly tags: readonly Tag[];
  readonly configurationUpdatedAtMs: number;
  readonly state: CurrentState;
}

/** The monitor evaluates what is in here, and follows what changes. */
export const alarmsTable = table<AlarmRecord>('alarms');

/** In the order of accounts, then of Regions, then of names. */
export function alarmKey({ accountId, region, name }: Pick<AlarmRecord, 'accountId' | 'region' | 'name'>): string {
  return `${alarmPrefix(accountId, region)}${name}`;
}

export function alarmPrefix(accountId: string, region: string): string {
  return `${accountId}/${region}/`;
}

export function alarmArn({ accountId, region, name }: Pick<AlarmRecord, 'accountId' | 'region' | 'name'>): string {
  return `arn:${partitionOf(region)}:cloudwatch:${region}:${accountId}:alarm:${name}`;
}

export function metricOf({ accountId, region, namespace, metricName, dimensions }: AlarmRecord): MetricId {
  const sorted = dimensions.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return { accountId, region, namespace, name: metricName, dimensions: sorted };
}

export function ruleOf(alarm: AlarmConfiguration): AlarmRule {
  const { periodSeconds, evaluationPeriods, datapointsToAlarm, threshold, comparison, missingData, unit } = alarm;
  return {
    statistic: alarm.statistic ?? alarm.extendedStatistic ?? '',
    periodSeconds,
    evaluationPeriods,
    threshold,
    comparison,
    ...(datapointsToAlarm === undefined ? {} : { datapointsToAlarm }),
    ...(missingData === undefined ? {} : { missingData }),
    ...(unit === undefined ? {} : { unit }),
    ...(alarm.lowSampleCountPercentile === 'ignore' ? { ignoresFewSamples: true } : {}),
  };
}

/** What an alarm does when it gets into a state. */
export function actionsOf(alarm: AlarmConfiguration, state: AlarmState): readonly string[] {
  switch (state) {
    case 'OK':
      return alarm.okActions;
    case 'ALARM':
      return alarm.alarmActions;
    case 'INSUFFICIENT_DATA':
      return alarm.insufficientDataActions;
  }
}
