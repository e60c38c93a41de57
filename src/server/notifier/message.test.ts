import { createHmac, timingSafeEqual } from 'node:crypto';
import { expect, test } from 'vitest';
import { plainMessage, snsMessage, webhookMessage } from './message.ts';
import { actionRecord, eventRecord, TOPIC } from './notifier.test-helper.ts';

test('a webhook is signed as Standard Webhooks verifies it, with each of its keys', () => {
  const keys = [Buffer.alloc(24, 1), Buffer.alloc(32, 2)];
  const record = actionRecord();
  const { headers, body } = webhookMessage(record, keys, 1_795_341_600_999);
  expect(headers).toMatchObject({ 'webhook-id': record.id, 'webhook-timestamp': '1795341600' });
  const signatures = String(headers['webhook-signature']).split(' ');
  expect(signatures).toHaveLength(2);
  for (const [place, key] of keys.entries()) {
    const [version, signature = ''] = String(signatures[place]).split(',');
    const expected = createHmac('sha256', key).update(`${record.id}.1795341600.${body}`).digest();
    expect(version).toBe('v1');
    expect(timingSafeEqual(Buffer.from(signature, 'base64'), expected)).toBe(true);
  }
});

test('the signature is that of the example which the specification publishes', () => {
  const key = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');
  const record = eventRecord({ id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', message: '{"test": 2432232314}' });
  expect(webhookMessage(record, [key], 1_614_265_330_000).headers['webhook-signature']).toBe(
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  );
});

test('of an alarm a webhook and a command get what SNS would publish, and what it is about', () => {
  expect(JSON.parse(plainMessage(actionRecord()))).toEqual({
    type: 'alarm.action',
    timestamp: '2026-11-22T00:00:00.000Z',
    data: {
      action: TOPIC,
      accountId: '111122223333',
      region: 'us-east-1',
      subject: 'ALARM: "denied" in US East (N. Virginia)',
      message: { AlarmName: 'denied', NewStateValue: 'ALARM' },
    },
  });
});

test('an event is sent as it is', () => {
  const record = eventRecord();
  expect(plainMessage(record)).toBe(record.message);
});

test('what expects SNS gets its headers and its JSON, but no signature', () => {
  const record = actionRecord();
  const { headers, body } = snsMessage(record, { kind: 'sns', url: '', timeoutSeconds: 1, topicArn: TOPIC });
  expect(headers).toMatchObject({
    'x-amz-sns-message-type': 'Notification',
    'x-amz-sns-message-id': record.id,
    'x-amz-sns-topic-arn': TOPIC,
  });
  expect(JSON.parse(body)).toEqual({
    Type: 'Notification',
    MessageId: record.id,
    TopicArn: TOPIC,
    Subject: record.subject,
    Message: record.message,
    Timestamp: '2026-11-22T00:00:00.000Z',
  });
});
