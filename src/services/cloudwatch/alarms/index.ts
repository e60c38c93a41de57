import type { AnyOperation } from '../../perform.ts';
import { deleteAlarms } from './delete-alarms.ts';
import { describeAlarmHistory } from './describe-alarm-history.ts';
import { describeAlarms } from './describe-alarms.ts';
import { describeAlarmsForMetric } from './describe-alarms-for-metric.ts';
import { putMetricAlarm } from './put-metric-alarm.ts';
import { setAlarmState } from './set-alarm-state.ts';
import { disableAlarmActions, enableAlarmActions } from './switch-actions.ts';
import { listTagsForResource, tagResource, untagResource } from './tag-operations.ts';

/** What there is to do with alarms. */
export const alarmOperations: readonly AnyOperation[] = [
  deleteAlarms,
  describeAlarmHistory,
  describeAlarms,
  describeAlarmsForMetric,
  disableAlarmActions,
  enableAlarmActions,
  listTagsForResource,
  putMetricAlarm,
  setAlarmState,
  tagResource,
  untagResource,
];
