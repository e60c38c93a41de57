import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { CloudWatchClient, GetMetricStatisticsCommand, ListMetricsCommand } from '@aws-sdk/client-cloudwatch';
import { CreateAccessKeyCommand, CreateUserCommand } from '@aws-sdk/client-iam';
import {
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EncryptCommand,
  ImportKeyMaterialCommand,
  ListKeysCommand,
  PutKeyPolicyCommand,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { iamClient } from './support/iam.ts';
import { importRequest } from './support/import-material.ts';
import { expectRefusal, newKey, plaintext, policyOf, statement } from './support/kms.ts';
import { cleanUp, readCredentials, startServer, type TestServer } from './support/server.ts';

/** What the server makes metrics of by itself, as CloudWatch's clients read them. */

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ workers: 2 });
});
afterAll(() => cleanUp(server));

type Dimensions = Readonly<Record<string, string>>;

const cloudwatch = () =>
  new CloudWatchClient({ endpoint: server.url, region: 'us-east-1', credentials: server.credentials });
const asList = (dimensions: Dimensions) => Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));

/** Over all that the test has taken. */
async function statistic(
  Namespace: string,
  MetricName: string,
  dimensions: Dimensions = {},
  name: 'Sum' | 'Minimum' = 'Sum',
): Promise<number | undefined> {
  const client = cloudwatch();
  const { Datapoints = [] } = await client.send(
    new GetMetricStatisticsCommand({
      Namespace,
      MetricName,
      Dimensions: asList(dimensions),
      StartTime: new Date(Date.now() - 3_600_000),
      EndTime: new Date(Date.now() + 60_000),
      Period: 60,
      Statistics: [name],
    }),
  );
  client.destroy();
  const values = Datapoints.map((each) => each[name] ?? 0);
  return values.length === 0 ? undefined : values.reduce((a, b) => (name === 'Sum' ? a + b : Math.min(a, b)));
}

const audit = (name: string, dimensions: Dimensions = {}) => statistic('Keyhold/Audit', name, dimensions);
const calls = (Resource: string) =>
  statistic('AWS/Usage', 'CallCount', { Class: 'None', Resource, Service: 'KMS', Type: 'API' });
const eventually = (read: () => Promise<unknown>) => expect.poll(read, { timeout: 60_000, interval: 200 });

test('what is refused, changed and used is counted, once, whatever becomes of the server', async () => {
  const kms = server.kms();
  const key = await newKey(kms);
  await kms.send(new EncryptCommand({ KeyId: key.id, Plaintext: plaintext }));
  const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId: key.id, Plaintext: plaintext }));

  const iam = iamClient(server);
  const { User } = await iam.send(new CreateUserCommand({ UserName: 'eve' }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: 'eve' }));
  const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '' } = AccessKey ?? {};
  const eve = server.kms({ credentials: { accessKeyId, secretAccessKey } });
  for (let attempt = 0; attempt < 3; attempt++) {
    await expectRefusal(eve.send(new DecryptCommand({ CiphertextBlob })), 'AccessDeniedException');
  }

  const whole = statement('Allow', `arn:aws:iam::${server.accountId}:root`, 'kms:*');
  await kms.send(new PutKeyPolicyCommand({ KeyId: key.id, Policy: policyOf(whole) }));
  await kms.send(new DisableKeyCommand({ KeyId: key.id }));
  const root = server.kms({ credentials: readCredentials(join(server.dataDir, 'root-credentials')) });
  await root.send(new ListKeysCommand({}));
  // Of nobody's account.
  const stranger = server.kms({ credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x' } });
  await expectRefusal(stranger.send(new ListKeysCommand({})), 'UnrecognizedClientException');

  async function expectCounts(): Promise<void> {
    await eventually(() => audit('RootUsage')).toBe(1);
    await eventually(() => audit('UnauthorizedAttempts')).toBe(3);
    expect(await audit('UnauthorizedAttempts', { KeyId: key.id })).toBe(3);
    expect(await audit('UnauthorizedAttempts', { Principal: User?.Arn ?? '' })).toBe(3);
    await eventually(() => audit('PolicyChanges')).toBe(1);
    await eventually(() => audit('KeysDisabled')).toBe(1);
    await eventually(() => audit('IAMChanges')).toBe(2);
    await eventually(() => statistic('AWS/KMS', 'SuccessfulRequest', { KeyArn: key.arn, Operation: 'Encrypt' })).toBe(
      2,
    );
    expect(await statistic('AWS/KMS', 'SuccessfulRequest', { KeyArn: key.arn, Operation: 'Decrypt' })).toBeUndefined();
    await eventually(() => calls('CryptographicOperationsSymmetric')).toBe(5);
    expect(await calls('DisableKey')).toBe(1);
  }
  await expectCounts();

  const { dataDir } = server;
  await server.kill();
  server = await startServer({ workers: 2, dataDir });
  await expectCounts();
  const client = cloudwatch();
  const { Metrics = [] } = await client.send(
    new ListMetricsCommand({ Namespace: 'Keyhold/Audit', MetricName: 'UnauthorizedAttempts' }),
  );
  client.destroy();
  expect(Metrics.map(({ Dimensions = [] }) => Dimensions.map(({ Name }) => Name).join()).sort()).toEqual([
    '',
    'KeyId',
    'Principal',
  ]);
});

test('of imported key material it is told how long it lasts', async () => {
  const key = await newKey(server.kms(), { Origin: 'EXTERNAL' });
  const ValidTo = new Date(Math.floor(Date.now() / 1000) * 1000 + 86_400_000);
  const kms = server.kms();
  const request = await importRequest(kms, key.id, randomBytes(32));
  const expiring = { ExpirationModel: 'KEY_MATERIAL_EXPIRES', ValidTo } as const;
  await kms.send(new ImportKeyMaterialCommand({ ...request, ...expiring }));
  const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: key.id }));
  expect(KeyMetadata?.ValidTo).toEqual(ValidTo);
  // It is told every minute, and first at the start.
  const { dataDir } = server;
  await server.stop();
  server = await startServer({ workers: 2, dataDir });
  const told = () => statistic('AWS/KMS', 'SecondsUntilKeyMaterialExpiration', { KeyId: key.id }, 'Minimum');
  await eventually(told).toBeGreaterThan(86_000);
  expect(await told()).toBeLessThanOrEqual(86_400);
});
