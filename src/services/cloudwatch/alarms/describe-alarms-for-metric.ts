import type {
  DescribeAlarmsForMetricInput,
  DescribeAlarmsForMetricOutput,
  MetricAlarm,
} from '@aws-sdk/client-cloudwatch';
import * as shapes from '../../../wire/alarm-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import { namelessAccountTarget } from '../../account-target.ts';
import type { CloudWatchOperation, CloudWatchPorts } from '../ports.ts';
import type { AlarmRecord } from './alarm-record.ts';
import { shownAlarm } from './shown-alarm.ts';
import { storedAlarms } from './stored-alarms.ts';

/** All at once, as in AWS, which has no pages of them. */
export const describeAlarmsForMetric: CloudWatchOperation<
  DescribeAlarmsForMetricInput,
  DescribeAlarmsForMetricOutput,
  { account: undefined }
> = {
  name: 'DescribeAlarmsForMetric',
  input: structure<DescribeAlarmsForMetricInput>({
    MetricName: required(shapes.metricName),
    Namespace: required(shapes.namespace),
    Statistic: shapes.statistic,
    ExtendedStatistic: shapes.extendedStatistic,
    Dimensions: shapes.dimensions,
    Period: shapes.period,
    Unit: shapes.unit,
  }),
  targets: {
    account: namelessAccountTarget<DescribeAlarmsForMetricInput, CloudWatchPorts>('cloudwatch:DescribeAlarmsForMetric'),
  },
  effect: 'read',
  audit: {
    readOnly: true,
    request: ['MetricName', 'Namespace', 'Statistic', 'ExtendedStatistic', 'Dimensions', 'Period', 'Unit'],
  },
  async handle({ input, scope, ports }) {
    const found: MetricAlarm[] = [];
    for await (const alarm of storedAlarms(ports.store, scope)) {
      if (isOn(alarm, input)) found.push(shownAlarm(alarm));
    }
    return { MetricAlarms: found };
  },
};

/** The metric is the one that has exactly these dimensions; what else is not said may be anything. */
function isOn(alarm: AlarmRecord, wanted: DescribeAlarmsForMetricInput): boolean {
  const { MetricName, Namespace, Statistic, ExtendedStatistic, Dimensions = [], Period, Unit } = wanted;
  return (
    alarm.metricName === MetricName &&
    alarm.namespace === Namespace &&
    (Statistic === undefined || alarm.statistic === Statistic) &&
    (ExtendedStatistic === undefined || alarm.extendedStatistic === ExtendedStatistic) &&
    (Period === undefined || alarm.periodSeconds === Period) &&
    (Unit === undefined || alarm.unit === Unit) &&
    alarm.dimensions.length === Dimensions.length &&
    alarm.dimensions.every(({ name, value }) => Dimensions.some((each) => each.Name === name && each.Value === value))
  );
}
