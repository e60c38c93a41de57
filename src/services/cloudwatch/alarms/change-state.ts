import type { AlarmState } from '../../../monitoring/alarm-rule.ts';
import type { Random } from '../../../runtime/random.ts';
import type { StoredRecord, Transaction } from '../../../store/sealed-store.ts';
import { type NotificationRecord, notificationKey, notificationsTable } from '../notifications.ts';
import { alarmMessage, alarmSubject, stateChangeEvent } from './alarm-messages.ts';
import { type AlarmRecord, actionsOf, alarmKey, alarmsTable } from './alarm-record.ts';
import { addHistory, stateUpdate } from './write-history.ts';

export interface NewState {
  readonly value: AlarmState;
  readonly reason: string;
  readonly reasonData?: string | undefined;
  readonly raisedEarlyAtMs?: number | undefined;
}

/**
 * Gives an alarm another state, by SetAlarmState or by an evaluation.
 *
 * INVARIANT: the state, its item of the history, and whom to tell of it are written in one transaction, so that a change of
 * state is told of once, whatever ends the process when. A state that stays what it is tells nobody.
 */
export async function changeState(
  transaction: Transaction,
  { value: before, version }: StoredRecord<AlarmRecord>,
  { value, reason, reasonData, raisedEarlyAtMs }: NewState,
  nowMs: number,
  random: Random,
): Promise<void> {
  const isOther = value !== before.state.value;
  const alarm: AlarmRecord = {
    ...before,
    state: {
      value,
      reason,
      ...(reasonData === undefined ? {} : { reasonData }),
      updatedAtMs: nowMs,
      transitionedAtMs: isOther ? nowMs : before.state.transitionedAtMs,
      ...(raisedEarlyAtMs === undefined ? {} : { raisedEarlyAtMs }),
    },
  };
  await transaction.replace(alarmsTable, alarmKey(alarm), alarm, version);
  if (!isOther) return;
  await addHistory(transaction, stateUpdate(alarm, before.state), random);
  for (const notification of notificationsOf(alarm, before, nowMs, random)) {
    await transaction.create(notificationsTable, notificationKey(notification), notification);
  }
}

/** One for each action of the new state, if it has its actions done, and the event, which there is always. */
function notificationsOf(alarm: AlarmRecord, before: AlarmRecord, nowMs: number, random: Random): NotificationRecord[] {
  const told = (message: (id: string) => string, more: Partial<NotificationRecord>): NotificationRecord => {
    const id = random.uuid();
    return {
      id,
      accountId: alarm.accountId,
      region: alarm.region,
      alarmName: alarm.name,
      subject: alarmSubject(alarm),
      message: message(id),
      createdAtMs: nowMs,
      attempts: 0,
      nextAttemptAtMs: nowMs,
      ...more,
    };
  };
  // The same action named twice is done once.
  const actions = alarm.actionsEnabled ? new Set(actionsOf(alarm, alarm.state.value)) : [];
  return [
    ...Array.from(actions, (action) => told(() => alarmMessage(alarm, before), { action })),
    told((id) => stateChangeEvent(alarm, before, id, random.uuid()), {}),
  ];
}
