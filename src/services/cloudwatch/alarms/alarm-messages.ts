import { rawDouble } from '../../../monitoring/java-number.ts';
import { javaTime } from '../../../monitoring/java-time.ts';
import { isoSeconds } from '../../../runtime/iso-seconds.ts';
import { type AlarmRecord, alarmArn } from './alarm-record.ts';
import { regionName } from './region-names.ts';

/** What is told of an alarm that got into another state. */

/** A line for people, as mails of AWS have it. */
export function alarmSubject({ name, region, state }: AlarmRecord): string {
  return `${state.value}: "${name}" in ${regionName(region)}`;
}

/** The JSON that CloudWatch publishes to an SNS topic, as AWS's were recorded from 2023 on. */
export function alarmMessage(alarm: AlarmRecord, before: AlarmRecord): string {
  const { state } = alarm;
  return JSON.stringify({
    AlarmName: alarm.name,
    AlarmDescription: alarm.description ?? null,
    AWSAccountId: alarm.accountId,
    AlarmConfigurationUpdatedTimestamp: javaTime(alarm.configurationUpdatedAtMs),
    NewStateValue: state.value,
    NewStateReason: state.reason,
    StateChangeTime: javaTime(state.updatedAtMs),
    Region: regionName(alarm.region),
    AlarmArn: alarmArn(alarm),
    OldStateValue: before.state.value,
    OKActions: alarm.okActions,
    AlarmActions: alarm.alarmActions,
    InsufficientDataActions: alarm.insufficientDataActions,
    Trigger: {
      MetricName: alarm.metricName,
      Namespace: alarm.namespace,
      ...(alarm.statistic === undefined
        ? { StatisticType: 'ExtendedStatistic', ExtendedStatistic: alarm.extendedStatistic }
        : { StatisticType: 'Statistic', Statistic: javaConstant(alarm.statistic) }),
      Unit: alarm.unit ?? null,
      Dimensions: alarm.dimensions.map(({ name, value }) => ({ value, name })),
      Period: alarm.periodSeconds,
      EvaluationPeriods: alarm.evaluationPeriods,
      DatapointsToAlarm: alarm.datapointsToAlarm,
      ComparisonOperator: alarm.comparison,
      Threshold: rawDouble(alarm.threshold),
      TreatMissingData: alarm.missingData ?? '',
      EvaluateLowSampleCountPercentile: alarm.lowSampleCountPercentile ?? '',
    },
  });
}

/** `SampleCount` → `SAMPLE_COUNT` */
function javaConstant(name: string): string {
  return name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();
}

/**
 * The event of EventBridge's shape ("Alarm events and EventBridge", CloudWatch user guide).
 *
 * @param id of the event
 * @param metricId of its only metric, which a caller of PutMetricAlarm gives no id
 */
export function stateChangeEvent(alarm: AlarmRecord, before: AlarmRecord, id: string, metricId: string): string {
  return JSON.stringify({
    version: '0',
    id,
    'detail-type': 'CloudWatch Alarm State Change',
    source: 'aws.cloudwatch',
    account: alarm.accountId,
    time: isoSeconds(alarm.state.updatedAtMs),
    region: alarm.region,
    resources: [alarmArn(alarm)],
    detail: {
      alarmName: alarm.name,
      state: shownState(alarm),
      previousState: shownState(before),
      configuration: {
        metrics: [
          {
            id: metricId,
            metricStat: {
              metric: {
                namespace: alarm.namespace,
                name: alarm.metricName,
                dimensions: Object.fromEntries(alarm.dimensions.map(({ name, value }) => [name, value])),
              },
              period: alarm.periodSeconds,
              stat: alarm.statistic ?? alarm.extendedStatistic,
              unit: alarm.unit,
            },
            returnData: true,
          },
        ],
        description: alarm.description,
      },
    },
  });
}

function shownState({ state }: AlarmRecord): object {
  const { value, reason, reasonData, updatedAtMs } = state;
  return { value, reason, reasonData, timestamp: javaTime(updatedAtMs) };
}
