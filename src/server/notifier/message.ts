import { createHmac } from 'node:crypto';
import type { NotificationRecord } from '../../services/cloudwatch/notifications.ts';
import type { Receiver } from './notify-file.ts';

/** What receivers get, in the form that each expects. */

export interface HttpMessage {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * What a webhook and a command get: an event as EventBridge writes it, and of an alarm what SNS would publish, with what it is
 * about.
 */
export function plainMessage({ action, accountId, region, subject, message, createdAtMs }: NotificationRecord): string {
  if (action === undefined) return message;
  return JSON.stringify({
    type: 'alarm.action',
    timestamp: new Date(createdAtMs).toISOString(),
    data: { action, accountId, region, subject, message: parsed(message) },
  });
}

/**
 * Signed as Standard Webhooks has it: HMAC-SHA-256 over id, moment and body, so that nobody can send it again later, or as
 * another message (https://www.standardwebhooks.com, "Signature scheme").
 */
export function webhookMessage(
  notification: NotificationRecord,
  keys: readonly Uint8Array[],
  nowMs: number,
): HttpMessage {
  const body = plainMessage(notification);
  const seconds = String(Math.floor(nowMs / 1000));
  const signed = `${notification.id}.${seconds}.${body}`;
  const signatures = keys.map((key) => `v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
  return {
    headers: {
      'content-type': 'application/json',
      'webhook-id': notification.id,
      'webhook-timestamp': seconds,
      'webhook-signature': signatures.join(' '),
    },
    body,
  };
}

/**
 * As SNS posts to a subscriber ("HTTP/HTTPS notification JSON format", Amazon SNS developer guide), but for what proves that it
 * was SNS: there is no signature, and nothing to unsubscribe from.
 */
export function snsMessage(
  { id, subject, message, createdAtMs }: NotificationRecord,
  { topicArn }: Extract<Receiver, { kind: 'sns' }>,
): HttpMessage {
  return {
    headers: {
      'content-type': 'text/plain; charset=UTF-8',
      'x-amz-sns-message-type': 'Notification',
      'x-amz-sns-message-id': id,
      'x-amz-sns-topic-arn': topicArn,
    },
    body: JSON.stringify({
      Type: 'Notification',
      MessageId: id,
      TopicArn: topicArn,
      Subject: subject,
      Message: message,
      Timestamp: new Date(createdAtMs).toISOString(),
    }),
  };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}
