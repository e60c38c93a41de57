import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import {
  CloudWatchClient,
  DescribeAlarmHistoryCommand,
  DescribeAlarmsCommand,
  PutMetricAlarmCommand,
  type PutMetricAlarmCommandInput,
  PutMetricDataCommand,
} from '@aws-sdk/client-cloudwatch';
import { afterEach, expect, test, vi } from 'vitest';
import { newDirectory, start } from './support/each-test.ts';
import type { TestServer } from './support/server.ts';

/** Alarms on what is observed, by a real server, up to whom they tell: once, whatever ends the process when. */

const ACCOUNT = '111122223333';
const TOPIC = `arn:aws:sns:us-east-1:${ACCOUNT}:security`;

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** Somebody who is told, in SNS's manner, of the alarm's action. */
async function receiver() {
  const told: { id: string; message: Record<string, unknown>; atMs: number }[] = [];
  const server = createServer(async (request, response) => {
    const body = JSON.parse(await text(request));
    told.push({ id: body.MessageId, message: JSON.parse(body.Message), atMs: Date.now() });
    response.writeHead(200).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const path = join(newDirectory(), 'notify.yaml');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  writeFileSync(path, `actions:\n  - arn: ${TOPIC}\n    sns: { url: "${url}" }\n`);
  return { told, args: ['--account-id', ACCOUNT, '--notify', path] };
}

function clientOf(server: TestServer): CloudWatchClient {
  const client = new CloudWatchClient({
    ...{ endpoint: server.url, region: 'us-east-1', credentials: server.credentials },
    maxAttempts: 1,
  });
  closing.push(() => client.destroy());
  return client;
}

const denials: PutMetricAlarmCommandInput = {
  AlarmName: 'denials',
  Namespace: 'Shop',
  MetricName: 'Denials',
  Statistic: 'Sum',
  Period: 60,
  EvaluationPeriods: 1,
  DatapointsToAlarm: 1,
  Threshold: 3,
  ComparisonOperator: 'GreaterThanOrEqualToThreshold',
  TreatMissingData: 'notBreaching',
  AlarmActions: [TOPIC],
};

function observe(client: CloudWatchClient, Value: number, Timestamp = new Date()): Promise<unknown> {
  // To the second: three of them may lie on both sides of a minute.
  const MetricData = [{ MetricName: 'Denials', Value, Timestamp, StorageResolution: 1 }];
  return client.send(new PutMetricDataCommand({ Namespace: 'Shop', MetricData }));
}

async function shown(client: CloudWatchClient) {
  const { MetricAlarms = [] } = await client.send(new DescribeAlarmsCommand({ AlarmNames: ['denials'] }));
  return MetricAlarms[0];
}

const becomes = (client: CloudWatchClient, state: string, timeout = 60_000) =>
  vi.waitFor(async () => expect((await shown(client))?.StateValue).toBe(state), { timeout, interval: 200 });

async function changesToAlarm(client: CloudWatchClient): Promise<number> {
  const command = new DescribeAlarmHistoryCommand({ AlarmName: 'denials', HistoryItemType: 'StateUpdate' });
  const { AlarmHistoryItems = [] } = await client.send(command);
  return AlarmHistoryItems.filter(({ HistorySummary = '' }) => HistorySummary.endsWith('to ALARM')).length;
}

test('the third of three in a minute is told of within ten seconds, once', async () => {
  const { told, args } = await receiver();
  const client = clientOf(await start({ args, workers: 2 }));
  await client.send(new PutMetricAlarmCommand(denials));
  await becomes(client, 'OK');
  await observe(client, 1);
  await observe(client, 1);
  await observe(client, 1);
  const thirdMs = Date.now();
  await vi.waitFor(() => expect(told).not.toEqual([]), { timeout: 60_000, interval: 20 });
  expect((told[0]?.atMs ?? 0) - thirdMs).toBeLessThan(10_000);
  const alarm = await shown(client);
  expect(alarm?.StateValue).toBe('ALARM');
  expect(alarm?.StateReason).toMatch(
    /^Threshold Crossed: 1 out of the last 1 datapoints \[3\.0 \(.*\)\] was greater than or equal to the threshold \(3\.0\) \(minimum 1 datapoint for OK -> ALARM transition\)\.$/,
  );
  expect(told.map(({ message }) => message)).toEqual([
    expect.objectContaining({
      AlarmName: 'denials',
      NewStateValue: 'ALARM',
      OldStateValue: 'OK',
      NewStateReason: alarm?.StateReason,
      Region: 'US East (N. Virginia)',
      Trigger: expect.objectContaining({ MetricName: 'Denials', Statistic: 'SUM', Threshold: 3 }),
    }),
  ]);
  expect(await changesToAlarm(client)).toBe(1);
});

test('a breach before a kill is one change of state and one message after it, however often it is killed', async () => {
  const { told, args } = await receiver();
  const dataDir = newDirectory();
  let server = await start({ args, dataDir });
  let client = clientOf(server);
  // An average waits for its period to end, and then for the next evaluation. One in ten minutes: it lasts for the test.
  const average = { ...denials, Statistic: 'Average', EvaluationPeriods: 10 } as const;
  await client.send(new PutMetricAlarmCommand(average));
  await becomes(client, 'OK');
  const minuteAgo = new Date(Date.now() - 60_000);
  // Of two writings, the second has what was observed before the first.
  for (let write = 0; write < 2; write++) {
    const putMs = Date.now();
    await observe(client, 9, minuteAgo);
    await vi.waitFor(() => expect(metricsWrittenAt(dataDir)).toBeGreaterThan(putMs), { timeout: 60_000, interval: 50 });
  }
  for (let kill = 0; kill < 2; kill++) {
    await server.kill();
    server = await start({ args, dataDir });
    client = clientOf(server);
    // It is evaluated once a minute, and the server takes its time to start.
    await becomes(client, 'ALARM', 120_000);
  }
  await vi.waitFor(() => expect(told).not.toEqual([]), { timeout: 60_000 });
  expect(await changesToAlarm(client)).toBe(1);
  expect(new Set(told.map(({ id }) => id)).size).toBe(1);
});

/** When the newest of the files was written that the metrics are in. */
function metricsWrittenAt(dataDir: string): number {
  const files = readdirSync(dataDir).filter((name) => name.startsWith('metrics'));
  return Math.max(0, ...files.map((name) => statSync(join(dataDir, name)).mtimeMs));
}
