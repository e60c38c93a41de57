import { table } from '../../store/sealed-store.ts';

/**
 * The outbox: what someone is to be told of. It is written in the transaction that changes what it tells of, and removed by
 * the monitor once it has been delivered, or given up, so that nothing is told twice by two workers and nothing is forgotten
 * by a restart.
 */
export interface NotificationRecord {
  /** A random UUID, by which receivers tell what they have had already. */
  readonly id: string;
  /** Of an event that is already on its way to one of those who get events: to whom. The key then ends with `/<target>`. */
  readonly target?: string;
  readonly accountId: string;
  readonly region: string;
  /** The ARN of the action that an alarm names; of an event, absent: it goes to whoever is configured to get events. */
  readonly action?: string;
  /** The alarm whose action it is. */
  readonly alarmName?: string;
  /** A line for people. */
  readonly subject: string;
  /** JSON: for an alarm's action what SNS would publish as its Message, for an event the whole event as EventBridge writes it. */
  readonly message: string;
  readonly createdAtMs: number;
  readonly attempts: number;
  readonly nextAttemptAtMs: number;
}

export const notificationsTable = table<NotificationRecord>('notifications');

/** In the order of accounts. */
export function notificationKey({ accountId, id }: Pick<NotificationRecord, 'accountId' | 'id'>): string {
  return `${accountId}/${id}`;
}
