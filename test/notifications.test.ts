import { createHmac, timingSafeEqual } from 'node:crypto';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import {
  CloudWatchClient,
  DescribeAlarmHistoryCommand,
  PutMetricAlarmCommand,
  SetAlarmStateCommand,
} from '@aws-sdk/client-cloudwatch';
import { EnableKeyRotationCommand, RotateKeyOnDemandCommand, ScheduleKeyDeletionCommand } from '@aws-sdk/client-kms';
import { afterEach, expect, test, vi } from 'vitest';
import { systemRandom } from '../src/runtime/random.ts';
import { withDeployment } from '../src/server/data-directory.ts';
import { alarmHistoryTable } from '../src/services/cloudwatch/alarms/alarm-history.ts';
import {
  type NotificationRecord,
  notificationKey,
  notificationsTable,
} from '../src/services/cloudwatch/notifications.ts';
import { newDirectory, start } from './support/each-test.ts';
import { newKey } from './support/kms.ts';
import { advanceClock, DAY_SECONDS } from './support/sandbox-clock.ts';
import { runToEnd, type TestServer } from './support/server.ts';

/** Those who are told of events and alarms, by a real server. */

const SECRET = Buffer.alloc(32, 0x17);
const ALARM_ACTION = 'arn:aws:sns:us-east-1:000000000000:security';

interface Told {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Receiver {
  readonly port: number;
  readonly told: Told[];
  /** Undefined: it does not answer. */
  status: number | undefined;
  close(): Promise<void>;
}

const receivers: Receiver[] = [];
afterEach(async () => {
  for (const each of receivers.splice(0)) await each.close();
});

async function receiver(port = 0): Promise<Receiver> {
  const told: Told[] = [];
  const server: Server = createServer(async (request, response) => {
    told.push({ headers: request.headers, body: await text(request) });
    if (made.status !== undefined) response.writeHead(made.status).end();
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const made: Receiver = {
    port: (server.address() as AddressInfo).port,
    told,
    status: 200,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  receivers.push(made);
  return made;
}

/** By the description of Standard Webhooks alone. */
function verified({ headers, body }: Told): unknown {
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  const expected = createHmac('sha256', SECRET).update(signed).digest();
  const [version, signature = ''] = String(headers['webhook-signature']).split(',');
  expect(version).toBe('v1');
  expect(timingSafeEqual(Buffer.from(signature, 'base64'), expected)).toBe(true);
  return JSON.parse(body);
}

function notifyFile(yaml: string): string {
  const directory = newDirectory();
  const secret = join(directory, 'webhook.secret');
  writeFileSync(secret, `whsec_${SECRET.toString('base64')}\n`);
  chmodSync(secret, 0o600);
  const path = join(directory, 'notify.yaml');
  writeFileSync(path, yaml);
  return path;
}

const webhook = ({ port }: Receiver, timeoutSeconds = 10) =>
  `webhook: { url: http://127.0.0.1:${port}/, secretFile: webhook.secret, timeoutSeconds: ${timeoutSeconds} }`;
const sandbox = (notify: string, dataDir = newDirectory()) =>
  start({ dataDir, args: ['--sandbox', '--notify', notify], workers: 2 });
const kmsOf = (server: TestServer) => server.kms({ credentials: { accessKeyId: 'test', secretAccessKey: 'anything' } });
const eventually = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 90_000, interval: 50 });

test('keys that are rotated and destroyed by themselves are events at whoever wants them, signed', async () => {
  const [all, deletions] = [await receiver(), await receiver()];
  const server = await sandbox(
    notifyFile(`events:
  - { name: all, ${webhook(all)} }
  - { name: deletions, detailTypes: [KMS CMK Deletion], sns: { url: 'http://127.0.0.1:${deletions.port}/', topicArn: '${ALARM_ACTION}' } }
`),
  );
  const kms = kmsOf(server);
  const [rotated, doomed] = [await newKey(kms), await newKey(kms)];
  await kms.send(new EnableKeyRotationCommand({ KeyId: rotated.id, RotationPeriodInDays: 90 }));
  await kms.send(new ScheduleKeyDeletionCommand({ KeyId: doomed.id, PendingWindowInDays: 7 }));
  await advanceClock(server, 8 * DAY_SECONDS);
  await eventually(() => expect(deletions.told).toHaveLength(1));
  await advanceClock(server, 90 * DAY_SECONDS);
  await eventually(() => expect(all.told).toHaveLength(2));

  const [deletion, rotation] = all.told.map(verified);
  expect(rotation).toEqual({
    version: '0',
    id: all.told[1]?.headers['webhook-id'],
    'detail-type': 'KMS CMK Rotation',
    source: 'aws.kms',
    account: '000000000000',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    region: 'us-east-1',
    resources: [rotated.arn],
    detail: {
      'key-id': rotated.id,
      'key-origin': 'AWS_KMS',
      'rotation-type': 'AUTOMATIC',
      'previous-key-material-id': rotated.materialId,
      'current-key-material-id': expect.stringMatching(/^[0-9a-f]{64}$/),
    },
  });
  expect(deletion).toMatchObject({ 'detail-type': 'KMS CMK Deletion', detail: { 'key-id': doomed.id } });
  const [sns] = deletions.told;
  expect(sns?.headers).toMatchObject({ 'x-amz-sns-message-type': 'Notification', 'x-amz-sns-topic-arn': ALARM_ACTION });
  const published = JSON.parse(sns?.body ?? '') as { Type: string; Message: string };
  expect(published).not.toHaveProperty('Signature');
  expect(JSON.parse(published.Message)).toEqual(deletion);
  // The receiver has the notification a moment before the outbox takes note of its answer.
  await eventually(async () => {
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain('keyhold_notifications_total{receiver="webhook",outcome="delivered"} 2');
    expect(metrics).toContain('keyhold_notifications_waiting 0');
  });
});

test('a receiver that is away gets what it missed, also after a kill of the server, under the same ids', async () => {
  const { port, close } = await receiver();
  await close();
  receivers.length = 0;
  const dataDir = newDirectory();
  const notify = notifyFile(`events: [{ name: all, ${webhook({ port } as Receiver)} }]`);
  const server = await sandbox(notify, dataDir);
  const kms = kmsOf(server);
  const { id: KeyId } = await newKey(kms);
  await kms.send(new RotateKeyOnDemandCommand({ KeyId }));
  await eventually(() => expect(server.output.stderr).toContain('a notification was not delivered'));
  await server.kill();
  const back = await receiver(port);
  back.status = 503;
  const second = await sandbox(notify, dataDir);
  await eventually(() => expect(back.told.length).toBeGreaterThan(0));
  back.status = 200;
  await eventually(async () =>
    expect(await (await fetch(`${second.url}/metrics`)).text()).toContain('outcome="delivered"} 1'),
  );
  expect(verified(back.told.at(-1) as Told)).toMatchObject({ detail: { 'key-id': KeyId } });
  expect(new Set(back.told.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
});

test('of what alarms leave in the outbox, each action is done by whom the file names, and one that hangs delays none', async () => {
  const [hanging, prompt] = [await receiver(), await receiver()];
  hanging.status = undefined;
  const dataDir = newDirectory();
  await (await sandbox(notifyFile('actions: []'), dataDir)).stop();
  const arn = (name: string) => `arn:aws:sns:us-east-1:000000000000:${name}`;
  const actions = ['hangs', 'hook', 'command', 'fails', 'nobody'].map(arn);
  await withDeployment(dataDir, systemRandom(), async ({ store }) => {
    await store.transact(async (transaction) => {
      for (const action of actions) {
        const record = alarmed(action);
        await transaction.create(notificationsTable, notificationKey(record), record);
      }
    });
  });
  const out = join(newDirectory(), 'paged');
  const server = await sandbox(
    notifyFile(`actions:
  - { arn: '${arn('hangs')}', ${webhook(hanging, 60)} }
  - { arn: '${arn('hook')}', ${webhook(prompt)} }
  - { arn: '${arn('command')}', command: [/bin/sh, -c, 'cat > "$1"', sh, '${out}'] }
  - { arn: '${arn('fails')}', command: [/bin/sh, -c, 'echo no pager >&2; exit 1'] }
`),
    dataDir,
  );
  await eventually(() => expect(prompt.told).toHaveLength(1));
  const hooked = { type: 'alarm.action', data: { action: arn('hook'), message: { NewStateValue: 'ALARM' } } };
  expect(verified(prompt.told[0] as Told)).toMatchObject(hooked);
  await eventually(() =>
    expect(JSON.parse(readFileSync(out, 'utf8'))).toMatchObject({ data: { action: arn('command') } }),
  );
  await eventually(() => expect(server.output.stderr).toContain('no pager'));
  await eventually(() => expect(server.output.stderr).toContain('a notification is for nobody'));
  await server.stop();
  expect(hanging.told).toHaveLength(1);

  await withDeployment(dataDir, systemRandom(), async ({ store }) => {
    const history = await store.list(alarmHistoryTable, { prefix: '', limit: 100 });
    expect(history.map(({ value }) => value.summary).sort()).toEqual([
      `Failed to execute action ${arn('fails')}. Received error: "The command ended with status 1"`,
      `Failed to execute action ${arn('nobody')}. Received error: "No action of this ARN is configured"`,
      `Successfully executed action ${arn('command')}`,
      `Successfully executed action ${arn('hook')}`,
    ]);
    const left = await store.list(notificationsTable, { prefix: '', limit: 100 });
    expect(left.map(({ value }) => value.action).sort()).toEqual([arn('fails'), arn('hangs')]);
  });
});

function alarmed(action: string): NotificationRecord {
  const createdAtMs = Date.now();
  return {
    id: systemRandom().uuid(),
    accountId: '000000000000',
    region: 'us-east-1',
    action,
    alarmName: 'denied',
    subject: 'ALARM: "denied" in US East (N. Virginia)',
    message: JSON.stringify({ AlarmName: 'denied', NewStateValue: 'ALARM' }),
    createdAtMs,
    attempts: 0,
    nextAttemptAtMs: createdAtMs,
  };
}

test('an alarm that is set off does its actions, is an event, and tells both in its history', async () => {
  const [events, actions] = [await receiver(), await receiver()];
  const arn = (name: string) => `arn:aws:sns:us-east-1:000000000000:${name}`;
  const server = await sandbox(
    notifyFile(`actions: [{ arn: '${arn('hook')}', ${webhook(actions)} }]
events: [{ name: alarms, detailTypes: [CloudWatch Alarm State Change], ${webhook(events)} }]
`),
  );
  const cloudWatch = new CloudWatchClient({
    ...{ endpoint: server.url, region: 'us-east-1', maxAttempts: 1 },
    credentials: { accessKeyId: 'test', secretAccessKey: 'anything' },
  });
  await cloudWatch.send(
    new PutMetricAlarmCommand({
      ...{ AlarmName: 'a/b', Namespace: 'Example', MetricName: 'Denied', Statistic: 'Sum', Period: 60 },
      ...{ EvaluationPeriods: 1, Threshold: 3, ComparisonOperator: 'GreaterThanOrEqualToThreshold' },
      AlarmActions: [arn('hook'), arn('nowhere')],
    }),
  );
  await cloudWatch.send(new SetAlarmStateCommand({ AlarmName: 'a/b', StateValue: 'ALARM', StateReason: 'a test' }));
  await eventually(() => expect([actions.told.length, events.told.length]).toEqual([1, 1]));
  expect(verified(actions.told[0] as Told)).toMatchObject({
    data: { action: arn('hook'), message: { AlarmName: 'a/b', NewStateValue: 'ALARM', NewStateReason: 'a test' } },
  });
  expect(verified(events.told[0] as Told)).toMatchObject({
    id: events.told[0]?.headers['webhook-id'],
    source: 'aws.cloudwatch',
    detail: { alarmName: 'a/b', state: { value: 'ALARM' } },
  });
  await eventually(async () => {
    const history = new DescribeAlarmHistoryCommand({ AlarmName: 'a/b', HistoryItemType: 'Action' });
    const { AlarmHistoryItems = [] } = await cloudWatch.send(history);
    expect(AlarmHistoryItems.map(({ HistorySummary }) => HistorySummary).sort()).toEqual([
      `Failed to execute action ${arn('nowhere')}. Received error: "No action of this ARN is configured"`,
      `Successfully executed action ${arn('hook')}`,
    ]);
  });
  cloudWatch.destroy();
});

test('a file that is wrong refuses the start before the data directory is touched', async () => {
  const dataDir = join(newDirectory(), 'data');
  const path = notifyFile('events: [{ name: all }]');
  const { status, stderr } = await runToEnd(['--data-dir', dataDir, '--listen', '127.0.0.1:0', '--notify', path]);
  expect([status, stderr]).toEqual([
    2,
    `keyhold: ${path}:1:10: events[0]: must have one of webhook, sns and command\n`,
  ]);
});
