import { rawDouble } from '../../../monitoring/java-number.ts';
import { javaTime } from '../../../monitoring/java-time.ts';
import type { Random } from '../../../runtime/random.ts';
import type { Transaction } from '../../../store/sealed-store.ts';
import type { NotificationRecord } from '../notifications.ts';
import { type AlarmHistoryRecord, alarmHistoryKey, alarmHistoryPrefix, alarmHistoryTable } from './alarm-history.ts';
import { type AlarmRecord, alarmArn, type CurrentState } from './alarm-record.ts';

/** What happens to alarms is kept with them, in the transaction that makes it happen. */

/** So many of each alarm, the newest: whoever can set states cannot fill the disk with it. */
export const MOST_HISTORY_OF_ALARM = 500;

/** Takes the place of the oldest where there are too many. */
export async function addHistory(transaction: Transaction, record: AlarmHistoryRecord, random: Random): Promise<void> {
  const prefix = alarmHistoryPrefix(record.accountId, record.region, record.alarmName);
  const names = await transaction.names(alarmHistoryTable, { prefix, limit: MOST_HISTORY_OF_ALARM + 1 });
  for (const name of names.slice(0, Math.max(names.length + 1 - MOST_HISTORY_OF_ALARM, 0))) {
    const old = await transaction.get(alarmHistoryTable, name);
    if (old !== undefined) await transaction.remove(alarmHistoryTable, name, old.version);
  }
  await transaction.create(alarmHistoryTable, alarmHistoryKey(record, random.uuid()), record);
}

export function stateUpdate(alarm: AlarmRecord, before: CurrentState): AlarmHistoryRecord {
  return {
    ...placeOf(alarm),
    timeMs: alarm.state.updatedAtMs,
    type: 'StateUpdate',
    summary: `Alarm updated from ${before.value} to ${alarm.state.value}`,
    data: `{"version":"1.0","oldState":${stateJson(before)},"newState":${stateJson(alarm.state)}}`,
  };
}

/** Put together by hand: the reason data are JSON already, and stay as they are written. */
function stateJson({ value, reason, reasonData }: CurrentState): string {
  const data = reasonData === undefined ? '' : `,"stateReasonData":${reasonData}`;
  return `{"stateValue":"${value}","stateReason":${JSON.stringify(reason)}${data}}`;
}

const changes = {
  Create: { word: 'created', member: 'createdAlarm' },
  Update: { word: 'updated', member: 'updatedAlarm' },
  Delete: { word: 'deleted', member: 'deletedAlarm' },
} as const;

/** What AWS calls the alarm in an update or a deletion is not on record; it is named here after what it does in a creation. */
export function configurationUpdate(type: keyof typeof changes, alarm: AlarmRecord, nowMs: number): AlarmHistoryRecord {
  const { word, member } = changes[type];
  return {
    ...placeOf(alarm),
    timeMs: nowMs,
    type: 'ConfigurationUpdate',
    summary: `Alarm "${alarm.name}" ${word}`,
    data: JSON.stringify({ version: '1.0', type, [member]: shownAlarm(alarm) }),
  };
}

/**
 * What became of an alarm's action, in its history and in AWS's words. A failure is told when it first happens and when it is
 * final, not at each attempt.
 *
 * @param error absent where it was done
 */
export async function recordAction(
  transaction: Transaction,
  { accountId, region, alarmName, action, message, createdAtMs }: NotificationRecord,
  error: string | undefined,
  nowMs: number,
  random: Random,
): Promise<void> {
  if (alarmName === undefined || action === undefined) return;
  const record: AlarmHistoryRecord = {
    ...{ accountId, region, alarmName },
    timeMs: nowMs,
    type: 'Action',
    summary:
      error === undefined
        ? `Successfully executed action ${action}`
        : `Failed to execute action ${action}. Received error: "${error}"`,
    data: JSON.stringify({
      actionState: error === undefined ? 'Succeeded' : 'Failed',
      stateUpdateTimestamp: createdAtMs,
      notificationResource: action,
      publishedMessage: error === undefined ? message : null,
      ...(error === undefined ? {} : { error }),
    }),
  };
  await addHistory(transaction, record, random);
}

function placeOf({ accountId, region, name }: AlarmRecord) {
  return { accountId, region, alarmName: name };
}

function shownAlarm(alarm: AlarmRecord): object {
  return {
    alarmName: alarm.name,
    alarmDescription: alarm.description,
    alarmArn: alarmArn(alarm),
    alarmConfigurationUpdatedTimestamp: javaTime(alarm.configurationUpdatedAtMs),
    namespace: alarm.namespace,
    metricName: alarm.metricName,
    statistic: alarm.statistic,
    extendedStatistic: alarm.extendedStatistic,
    unit: alarm.unit,
    period: alarm.periodSeconds,
    dimensions: alarm.dimensions.map(({ name, value }) => ({ value, name })),
    threshold: rawDouble(alarm.threshold),
    comparisonOperator: alarm.comparison,
    evaluationPeriods: alarm.evaluationPeriods,
    datapointsToAlarm: alarm.datapointsToAlarm,
    treatMissingData: alarm.missingData,
    evaluateLowSampleCountPercentile: alarm.lowSampleCountPercentile,
    stateValue: alarm.state.value,
    stateUpdatedTimestamp: javaTime(alarm.state.updatedAtMs),
    actionsEnabled: alarm.actionsEnabled,
    alarmActions: alarm.alarmActions,
    insufficientDataActions: alarm.insufficientDataActions,
    // AWS writes it so.
    okactions: alarm.okActions,
  };
}
