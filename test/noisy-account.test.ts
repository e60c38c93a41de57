import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  CloudWatchClient,
  GetMetricDataCommand,
  PutMetricAlarmCommand,
  PutMetricDataCommand,
  SetAlarmStateCommand,
} from '@aws-sdk/client-cloudwatch';
import { KMSClient, ListKeysCommand } from '@aws-sdk/client-kms';
import { afterEach, expect, test, vi } from 'vitest';
import { testReceiver } from '../src/server/notifier/notifier.test-helper.ts';
import { newDirectory, start } from './support/each-test.ts';
import type { TestServer } from './support/server.ts';

/** What the administrator of one account does to the others, all at once, while an alarm of theirs is to be raised. */

const VICTIM = '111122223333';
const NOISY = '444455556666';
const TOPIC = `arn:aws:sns:us-east-1:${VICTIM}:security`;
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** The sandbox takes an account's number for an access key of its root user. */
function clientOf(server: TestServer, accountId: string): CloudWatchClient {
  const credentials = { accessKeyId: accountId, secretAccessKey: 'any' };
  const client = new CloudWatchClient({ endpoint: server.url, region: 'us-east-1', credentials, maxAttempts: 1 });
  closing.push(() => client.destroy());
  return client;
}

const alarm = {
  Namespace: 'Shop',
  MetricName: 'Denials',
  Statistic: 'Sum',
  Period: 60,
  EvaluationPeriods: 1,
  Threshold: 3,
  ComparisonOperator: 'GreaterThanOrEqualToThreshold',
  TreatMissingData: 'notBreaching',
} as const;

test('an account that floods metrics, questions, alarms and notifications does not delay an alarm of another', async () => {
  const receiver = await testReceiver();
  closing.push(() => receiver.close());
  const notify = join(newDirectory(), 'notify.yaml');
  writeFileSync(
    notify,
    `actions:\n  - arn: ${TOPIC}\n    sns: { url: "${receiver.url}" }\nevents:\n  - name: all\n    sns: { url: "${receiver.url}events", topicArn: "${TOPIC}" }\n`,
  );
  const server = await start({ workers: 2, args: ['--sandbox', '--notify', notify] });
  const victim = clientOf(server, VICTIM);
  const noisy = clientOf(server, NOISY);
  for (const MetricName of ['First', 'Second']) {
    await victim.send(
      new PutMetricAlarmCommand({ ...alarm, MetricName, AlarmName: MetricName, AlarmActions: [TOPIC] }),
    );
  }

  let ended = false;
  /** Whatever it is answered. */
  const again = (work: (round: number) => Promise<unknown>) => {
    void (async () => {
      for (let round = 0; !ended; round++) await work(round).catch(() => {});
    })();
  };
  const minute = Math.floor(Date.now() / 60_000) * 60_000;
  for (let each = 0; each < 4; each++) {
    again((round) =>
      noisy.send(
        new PutMetricDataCommand({
          Namespace: 'Noise',
          MetricData: Array.from({ length: 100 }, (_, index) => ({
            MetricName: 'm',
            Unit: round % 2 === 0 ? 'Count' : 'Bytes',
            Timestamp: new Date(minute - ((round * 4 + each) * 100 + index) * 60_000),
            Values: Array.from({ length: 150 }, (_, value) => value + Math.random()),
          })),
        }),
      ),
    );
    again((round) =>
      noisy.send(
        new GetMetricDataCommand({
          StartTime: new Date(minute - 14 * 86_400_000 + round * 60_000),
          EndTime: new Date(minute),
          MetricDataQueries: Array.from({ length: 100 }, (_, index) => ({
            Id: `q${index}`,
            MetricStat: { Metric: { Namespace: 'Noise', MetricName: 'm' }, Period: 60, Stat: 'p99' },
          })),
        }),
      ),
    );
  }
  again((round) =>
    noisy.send(
      new PutMetricAlarmCommand({
        ...{ ...alarm, Namespace: 'Noise', MetricName: 'm', AlarmName: `a${round}`, Statistic: undefined },
        ...{ ExtendedStatistic: 'p99', EvaluationPeriods: 1440, Threshold: round },
      }),
    ),
  );
  again((round) =>
    noisy.send(
      new SetAlarmStateCommand({
        AlarmName: `a${Math.floor(round / 2) % 10}`,
        StateValue: round % 2 === 0 ? 'ALARM' : 'OK',
        StateReason: 'noise',
      }),
    ),
  );
  again(async (round) => {
    const credentials = { accessKeyId: NOISY, secretAccessKey: 'any' };
    const kms = new KMSClient({ endpoint: server.url, region: `made-up-${round}`, credentials, maxAttempts: 1 });
    await kms.send(new ListKeysCommand({})).finally(() => kms.destroy());
  });

  for (const MetricName of ['First', 'Second']) {
    await pause(5000);
    await victim.send(new PutMetricDataCommand({ Namespace: 'Shop', MetricData: [{ MetricName, Value: 3 }] }));
    const isTold = () => receiver.got.some(({ path, body }) => path === '/' && body.includes(MetricName));
    // Within ten seconds on a machine that has nothing else to do; without turns, it is minutes.
    await vi.waitFor(() => expect(isTold()).toBe(true), { timeout: 60_000, interval: 50 });
  }
  ended = true;
  const foreign = receiver.got.filter(({ path, body }) => path === '/' && body.includes(NOISY));
  expect(foreign).toEqual([]);
}, 240_000);
