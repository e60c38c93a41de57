import type { MetricAlarm } from '@aws-sdk/client-cloudwatch';
import { type AlarmRecord, alarmArn } from './alarm-record.ts';

/** An alarm as DescribeAlarms shows it: what PutMetricAlarm did not say is not there, but for empty lists. */
export function shownAlarm(alarm: AlarmRecord): MetricAlarm {
  const { state } = alarm;
  return {
    AlarmName: alarm.name,
    AlarmArn: alarmArn(alarm),
    AlarmDescription: alarm.description,
    AlarmConfigurationUpdatedTimestamp: new Date(alarm.configurationUpdatedAtMs),
    ActionsEnabled: alarm.actionsEnabled,
    OKActions: [...alarm.okActions],
    AlarmActions: [...alarm.alarmActions],
    InsufficientDataActions: [...alarm.insufficientDataActions],
    StateValue: state.value,
    StateReason: state.reason,
    StateReasonData: state.reasonData,
    StateUpdatedTimestamp: new Date(state.updatedAtMs),
    MetricName: alarm.metricName,
    Namespace: alarm.namespace,
    Statistic: alarm.statistic as MetricAlarm['Statistic'],
    Dimensions: alarm.dimensions.map(({ name, value }) => ({ Name: name, Value: value })),
    Period: alarm.periodSeconds,
    Unit: alarm.unit as MetricAlarm['Unit'],
    EvaluationPeriods: alarm.evaluationPeriods,
    Threshold: alarm.threshold,
    ComparisonOperator: alarm.comparison,
    ExtendedStatistic: alarm.extendedStatistic,
    TreatMissingData: alarm.missingData,
    EvaluateLowSampleCountPercentile: alarm.lowSampleCountPercentile,
    DatapointsToAlarm: alarm.datapointsToAlarm,
    StateTransitionedTimestamp: new Date(state.transitionedAtMs),
  };
}
