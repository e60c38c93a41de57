import type { Random } from '../../runtime/random.ts';
import type { Transaction } from '../../store/sealed-store.ts';
import type { AlarmHistoryRecord } from './alarm-history.ts';
import { addHistory } from './alarms/write-history.ts';
import type { NotificationRecord } from './notifications.ts';

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
