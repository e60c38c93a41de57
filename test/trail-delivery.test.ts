import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CreateTrailCommand,
  type CreateTrailCommandInput,
  DeleteTrailCommand,
  GetTrailStatusCommand,
  LookupEventsCommand,
  PutEventSelectorsCommand,
  StartLoggingCommand,
  StopLoggingCommand,
  UpdateTrailCommand,
} from '@aws-sdk/client-cloudtrail';
import { CloudWatchClient, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import { CreateKeyCommand, DescribeKeyCommand, ListAliasesCommand, ListKeysCommand } from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { auditRecordsOf } from './support/audit.ts';
import { boto3, describeWith, run } from './support/clients.ts';
import { figuresOf } from './support/prometheus.ts';
import { rawRequest } from './support/raw-request.ts';
import { serveS3Directory } from './support/s3-directory.ts';
import { advanceClock } from './support/sandbox-clock.ts';
import { cleanUp, startServer, type TestServer, temporaryDirectory } from './support/server.ts';
import {
  areAllDigested,
  cloudTrailOf,
  digestAt,
  digestsOf,
  logFilesOf,
  readObject,
  recordsIn,
  trailDirOf,
  until,
} from './support/trails.ts';

const FAST = ['--trail-interval', '1', '--trail-digest-interval', '1'];
const HOUR_SECONDS = 3600;

async function startTrail(server: TestServer, trail: CreateTrailCommandInput): Promise<void> {
  const cloudTrail = cloudTrailOf(server);
  await cloudTrail.send(new CreateTrailCommand(trail));
  await cloudTrail.send(new StartLoggingCommand({ Name: trail.Name }));
}

/** In the order in which they were delivered. */
const eventsIn = (server: TestServer, bucket: string): string[] =>
  recordsIn(trailDirOf(server), bucket).map(({ eventName }) => eventName);

async function statusOf(server: TestServer, name: string) {
  return cloudTrailOf(server).send(new GetTrailStatusCommand({ Name: name }));
}

test('each record is delivered once, however often the server is killed, and the chain of digests goes on', async () => {
  let server = await startServer({ workers: 2, args: FAST });
  const { dataDir } = server;
  try {
    const trail = { Name: 'all', S3BucketName: 'whole-trail', IsMultiRegionTrail: true, EnableLogFileValidation: true };
    await startTrail(server, trail);
    for (let kill = 0; kill < 4; kill++) {
      const [kms, other] = [server.kms(), server.kms({ region: 'eu-west-1' })];
      for (let call = 0; call < 40; call++) await (call % 4 === 0 ? other : kms).send(new ListKeysCommand({}));
      // While files are in the making, and between them.
      await new Promise((resolve) => setTimeout(resolve, 370 * kill));
      await server.kill();
      server = await startServer({ workers: 2, args: FAST, dataDir });
    }
    await until(() => areAllDigested(trailDirOf(server), 'whole-trail'));
    expect(await server.stop()).toBe(0);
    // Of the second in which it began to log, a trail has all.
    const isOfTrail = ({ eventName }: { eventName: string }) => eventName !== 'CreateTrail';
    const recorded = (await auditRecordsOf(server)).filter(isOfTrail);
    const delivered = recordsIn(trailDirOf(server), 'whole-trail').filter(isOfTrail);
    expect(delivered.map(({ eventID }) => eventID).sort()).toEqual(recorded.map(({ eventID }) => eventID).sort());
    expect(delivered.length).toBeGreaterThan(160);
    const regions = new Set(delivered.map(({ awsRegion }) => awsRegion));
    expect(regions).toEqual(new Set(['us-east-1', 'eu-west-1']));
    for (const region of regions) {
      const keys = digestsOf(trailDirOf(server), 'whole-trail').filter((key) => key.includes(`/${region}/`));
      const previous = keys.map((key) => digestAt(trailDirOf(server), 'whole-trail', key).previousDigestS3Object);
      expect(previous).toEqual([null, ...keys.slice(0, -1)]);
    }
    expect(readdirSync(join(trailDirOf(server), 'whole-trail', '.incomplete'))).toEqual([]);
  } finally {
    await cleanUp(server);
  }
});

test('requests about metrics are in trails that select data events, and neither in others nor in the event history', async () => {
  const server = await startServer({ args: FAST });
  const { url: endpoint, credentials } = server;
  const cloudWatch = new CloudWatchClient({ endpoint, region: 'us-east-1', credentials });
  const cloudTrail = cloudTrailOf(server);
  const lookUp = async (AttributeValue: string) => {
    const LookupAttributes = [{ AttributeKey: 'EventName' as const, AttributeValue }];
    return (await cloudTrail.send(new LookupEventsCommand({ LookupAttributes }))).Events ?? [];
  };
  try {
    await startTrail(server, { Name: 'usual', S3BucketName: 'usual' });
    await cloudTrail.send(new CreateTrailCommand({ Name: 'data', S3BucketName: 'data' }));
    const FieldSelectors = [
      { Field: 'eventCategory', Equals: ['Data'] },
      { Field: 'resources.type', Equals: ['AWS::CloudWatch::Metric'] },
    ];
    const selectors = { TrailName: 'data', AdvancedEventSelectors: [{ FieldSelectors }] };
    await cloudTrail.send(new PutEventSelectorsCommand(selectors));
    await cloudTrail.send(new StartLoggingCommand({ Name: 'data' }));
    const MetricData = [{ MetricName: 'Latency', Value: 1 }];
    await cloudWatch.send(new PutMetricDataCommand({ Namespace: 'Shop', MetricData }));
    await server.kms().send(new ListKeysCommand({}));
    await until(() => eventsIn(server, 'usual').includes('ListKeys') && eventsIn(server, 'data').length > 0);
    expect(eventsIn(server, 'data')).toEqual(['PutMetricData']);
    expect(eventsIn(server, 'usual')).not.toContain('PutMetricData');
    await until(async () => (await lookUp('ListKeys')).length > 0);
    expect(await lookUp('PutMetricData')).toEqual([]);
  } finally {
    await cleanUp(server);
  }
});

describe('a trail that cannot be delivered', () => {
  test('says so, is made up for later, and holds up no other and no request', async () => {
    const server = await startServer({ args: FAST });
    try {
      mkdirSync(trailDirOf(server), { recursive: true });
      const obstacle = join(trailDirOf(server), 'in-the-way');
      writeFileSync(obstacle, 'a file where the bucket ought to be');
      await startTrail(server, { Name: 'obstructed', S3BucketName: 'in-the-way', EnableLogFileValidation: true });
      await startTrail(server, { Name: 'free', S3BucketName: 'open-road' });
      await server.kms().send(new CreateKeyCommand({}));
      await until(() => eventsIn(server, 'open-road').includes('CreateKey'));
      await until(async () => (await statusOf(server, 'obstructed')).LatestDeliveryError === 'AccessDenied');
      await until(async () => (await statusOf(server, 'obstructed')).LatestDigestDeliveryError === 'AccessDenied');
      expect(await statusOf(server, 'free')).toMatchObject({ LatestDeliveryTime: expect.any(Date) });
      expect((await statusOf(server, 'free')).LatestDeliveryError).toBeUndefined();
      const figures = async () =>
        figuresOf((await rawRequest(server, { method: 'GET', path: '/metrics', signing: false })).body);
      await until(async () => ((await figures()).get('keyhold_trail_failures_total{file="log"}') ?? 0) >= 3);
      expect((await figures()).get('keyhold_trails_failing')).toBe(1);
      expect((await figures()).get('keyhold_trail_files_total{file="log"}')).toBeGreaterThan(0);

      rmSync(obstacle);
      await until(() => eventsIn(server, 'in-the-way').includes('CreateKey'));
      await until(() => areAllDigested(trailDirOf(server), 'in-the-way'));
      await until(async () => (await statusOf(server, 'obstructed')).LatestDeliveryError === undefined);
      await until(async () => (await statusOf(server, 'obstructed')).LatestDigestDeliveryError === undefined);
      await until(async () => (await figures()).get('keyhold_trails_failing') === 0);
      const told = server.output.stderr.split('\n').filter((line) => line.includes('a trail cannot be delivered'));
      expect(told.map((line) => JSON.parse(line).kind).sort()).toEqual(['digest', 'log']);
    } finally {
      await cleanUp(server);
    }
  });

  test('follows no link out of its directory', async () => {
    const server = await startServer({ args: FAST });
    const elsewhere = temporaryDirectory();
    try {
      mkdirSync(join(trailDirOf(server), 'inner-link'), { recursive: true });
      symlinkSync(elsewhere, join(trailDirOf(server), 'link-itself'));
      symlinkSync(elsewhere, join(trailDirOf(server), 'inner-link', 'AWSLogs'));
      await startTrail(server, { Name: 'first', S3BucketName: 'link-itself' });
      await startTrail(server, { Name: 'second', S3BucketName: 'inner-link' });
      for (const name of ['first', 'second']) {
        await until(async () => (await statusOf(server, name)).LatestDeliveryError === 'AccessDenied');
      }
      expect(readdirSync(elsewhere)).toEqual([]);
    } finally {
      rmSync(elsewhere, { recursive: true });
      await cleanUp(server);
    }
  });
});

/** Whether a small file system can be made, which takes root and the right to mount. */
function mountTmpfs(path: string): boolean {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=200k', 'tmpfs', path]).status === 0;
}

const canMount = ((): boolean => {
  const path = temporaryDirectory();
  const isMounted = mountTmpfs(path);
  if (isMounted) spawnSync('umount', [path]);
  rmSync(path, { recursive: true });
  return isMounted;
})();

describe.skipIf(!canMount)('a full disk of trails (skipped where no tmpfs can be mounted)', () => {
  test('stops no request, and all is delivered once there is room', async () => {
    const directory = temporaryDirectory();
    expect(mountTmpfs(directory)).toBe(true);
    const server = await startServer({ args: [...FAST, '--trail-dir', directory] });
    try {
      await startTrail(server, { Name: 'crowded', S3BucketName: 'small-disk', EnableLogFileValidation: true });
      await until(() => digestsOf(directory, 'small-disk').length > 0);
      const filler = join(directory, 'filler');
      spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1k']);
      await server.kms().send(new CreateKeyCommand({}));
      await until(async () => (await statusOf(server, 'crowded')).LatestDeliveryError === 'ServiceUnavailable');
      await server.kms().send(new ListKeysCommand({}));
      rmSync(filler);
      const delivered = (): string[] => recordsIn(directory, 'small-disk').map(({ eventName }) => eventName);
      await until(() => delivered().includes('CreateKey') && delivered().includes('ListKeys'));
      await until(async () => (await statusOf(server, 'crowded')).LatestDeliveryError === undefined);
      await until(() => areAllDigested(directory, 'small-disk'));
      expect(delivered().filter((event) => event === 'CreateKey')).toHaveLength(1);
    } finally {
      await cleanUp(server);
      spawnSync('umount', [directory]);
      rmSync(directory, { recursive: true });
    }
  });
});

describe('in the sandbox, by its clock', () => {
  async function withSandbox(work: (server: TestServer) => Promise<void>, args: readonly string[] = []): Promise<void> {
    const server = await startServer({ args: ['--sandbox', ...args] });
    try {
      await work(server);
    } finally {
      await cleanUp(server);
    }
  }

  test('log files come every five minutes, and digests every hour, also of hours without any', () =>
    withSandbox(async (server) => {
      const [dir, bucket] = [trailDirOf(server), 'by-the-clock'];
      await startTrail(server, { Name: 'hourly', S3BucketName: bucket, EnableLogFileValidation: true });
      await server.kms().send(new CreateKeyCommand({}));
      expect(existsSync(join(dir, bucket))).toBe(false);
      await advanceClock(server, 300);
      await until(() => eventsIn(server, bucket).includes('CreateKey'));
      expect(statSync(join(dir, bucket)).mode & 0o777).toBe(0o700);
      expect(digestsOf(dir, bucket)).toEqual([]);
      for (let digests = 1; digests <= 2; digests++) {
        await advanceClock(server, HOUR_SECONDS);
        await until(() => digestsOf(dir, bucket).length === digests);
      }
      const [first, second] = digestsOf(dir, bucket).map((key) => digestAt(dir, bucket, key));
      expect(first?.logFiles.map(({ s3Object }) => s3Object)).toEqual(logFilesOf(dir, bucket));
      expect(second).toMatchObject({ logFiles: [], newestEventTime: null, digestStartTime: first?.digestEndTime });
      const tookMs = Date.parse(second?.digestEndTime ?? '') - Date.parse(second?.digestStartTime ?? '');
      expect(tookMs).toBe(HOUR_SECONDS * 1000);
      // As after a night without a server: what is due is made up for, and the chain goes on behind the gap.
      await advanceClock(server, 5 * HOUR_SECONDS);
      await until(() => digestsOf(dir, bucket).length === 3);
      await advanceClock(server, HOUR_SECONDS);
      await until(() => digestsOf(dir, bucket).length === 4);
      const keys = digestsOf(dir, bucket);
      const [third, fourth] = keys.slice(2).map((key) => digestAt(dir, bucket, key));
      expect(third?.digestStartTime).toBe(second?.digestEndTime);
      expect(fourth?.previousDigestS3Object).toBe(keys[2]);
      expect(Date.parse(fourth?.digestStartTime ?? '') - Date.parse(third?.digestEndTime ?? '')).toBe(
        4 * HOUR_SECONDS * 1000,
      );
    }));

  test('a chain of digests begins when validation is turned on, and ends when it is turned off', () =>
    withSandbox(async (server) => {
      const [dir, bucket, cloudTrail] = [trailDirOf(server), 'now-and-then', cloudTrailOf(server)];
      const validate = (EnableLogFileValidation: boolean) =>
        cloudTrail.send(new UpdateTrailCommand({ Name: 'unsure', EnableLogFileValidation }));
      await startTrail(server, { Name: 'unsure', S3BucketName: bucket });
      await advanceClock(server, 2 * HOUR_SECONDS);
      await until(() => eventsIn(server, bucket).includes('StartLogging'));
      expect(digestsOf(dir, bucket)).toEqual([]);
      await validate(true);
      await until(() => eventsIn(server, bucket).includes('UpdateTrail'));
      await server.kms().send(new CreateKeyCommand({}));
      await advanceClock(server, HOUR_SECONDS);
      await until(() => digestsOf(dir, bucket).length === 1);
      await server.kms().send(new ListKeysCommand({}));
      await validate(false);
      await until(() => digestsOf(dir, bucket).length === 2);
      const [first, last] = digestsOf(dir, bucket).map((key) => digestAt(dir, bucket, key));
      expect(first?.previousDigestS3Object).toBeNull();
      expect(last?.previousDigestS3Object).toBe(digestsOf(dir, bucket)[0]);
      const digested = [first, last].flatMap((digest) => digest?.logFiles.map(({ s3Object }) => s3Object) ?? []);
      const events = (keys: readonly string[]): string[] =>
        keys
          .flatMap((key) => (readObject(dir, bucket, key) as { Records: { eventName: string }[] }).Records)
          .map(({ eventName }) => eventName);
      expect(events(digested)).toEqual(expect.arrayContaining(['CreateKey', 'ListKeys']));
      expect(events(digested)).not.toContain('StartLogging');
      await advanceClock(server, 2 * HOUR_SECONDS);
      await until(() => eventsIn(server, bucket).filter((event) => event === 'UpdateTrail').length === 2);
      expect(digestsOf(dir, bucket)).toHaveLength(2);
    }));

  test('a trail has nothing of the time in which it was stopped, and begins another chain after it', () =>
    withSandbox(async (server) => {
      const [dir, bucket] = [trailDirOf(server), 'with-a-pause'];
      const cloudTrail = cloudTrailOf(server);
      await server.kms().send(new ListAliasesCommand({}));
      await advanceClock(server, 10);
      await startTrail(server, { Name: 'paused', S3BucketName: bucket, EnableLogFileValidation: true });
      await server.kms().send(new CreateKeyCommand({}));
      await cloudTrail.send(new StopLoggingCommand({ Name: 'paused' }));
      // What came before it is delivered at once, and the chain ended.
      await until(() => digestsOf(dir, bucket).length === 1 && areAllDigested(dir, bucket));
      expect(eventsIn(server, bucket).filter((event) => event !== 'CreateTrail')).toEqual([
        'StartLogging',
        'CreateKey',
        'StopLogging',
      ]);
      await advanceClock(server, 10);
      await server.kms().send(new ListKeysCommand({}));
      await advanceClock(server, HOUR_SECONDS);
      await cloudTrail.send(new StartLoggingCommand({ Name: 'paused' }));
      await server.kms().send(new DescribeKeyCommand({ KeyId: 'alias/aws/s3' }));
      await advanceClock(server, 300);
      await until(() => eventsIn(server, bucket).includes('DescribeKey'));
      expect(eventsIn(server, bucket)).not.toContain('ListKeys');
      expect(eventsIn(server, bucket)).not.toContain('ListAliases');
      await advanceClock(server, HOUR_SECONDS);
      await until(() => digestsOf(dir, bucket).length === 2);
      const [, second] = digestsOf(dir, bucket).map((key) => digestAt(dir, bucket, key));
      expect(second).toMatchObject({ previousDigestS3Object: null, previousDigestSignature: null });
    }));

  test('a trail that is changed delivers as it was until then, and as it is from then on', () =>
    withSandbox(async (server) => {
      const dir = trailDirOf(server);
      const cloudTrail = cloudTrailOf(server);
      await startTrail(server, { Name: 'moving', S3BucketName: 'old-place', EnableLogFileValidation: true });
      await advanceClock(server, 300);
      await until(() => eventsIn(server, 'old-place').includes('StartLogging'));
      await server.kms().send(new CreateKeyCommand({}));
      await cloudTrail.send(new UpdateTrailCommand({ Name: 'moving', S3BucketName: 'new-place', S3KeyPrefix: 'in' }));
      await until(() => eventsIn(server, 'old-place').includes('CreateKey'));
      await cloudTrail.send(
        new PutEventSelectorsCommand({ TrailName: 'moving', EventSelectors: [{ ReadWriteType: 'WriteOnly' }] }),
      );
      await advanceClock(server, 10);
      // Events go by the old selectors until the change has been noticed, which is when what came before it is delivered.
      await until(() => eventsIn(server, 'new-place').includes('PutEventSelectors'));
      await server.kms().send(new ListKeysCommand({}));
      await server.kms().send(new CreateKeyCommand({}));
      await advanceClock(server, HOUR_SECONDS);
      await until(() => eventsIn(server, 'new-place').includes('CreateKey'));
      expect(eventsIn(server, 'new-place')).not.toContain('ListKeys');
      await until(() => digestsOf(dir, 'new-place').length > 0);
      expect(digestsOf(dir, 'new-place')[0]).toMatch(/^in\/AWSLogs\//);
    }));

  test('a trail that is deleted ends, and another one of its name is another', () =>
    withSandbox(async (server) => {
      const [dir, cloudTrail] = [trailDirOf(server), cloudTrailOf(server)];
      await startTrail(server, { Name: 'brief', S3BucketName: 'first-life', EnableLogFileValidation: true });
      await advanceClock(server, 300);
      await until(() => eventsIn(server, 'first-life').includes('StartLogging'));
      await server.kms().send(new CreateKeyCommand({}));
      await cloudTrail.send(new DeleteTrailCommand({ Name: 'brief' }));
      await until(() => eventsIn(server, 'first-life').includes('CreateKey') && areAllDigested(dir, 'first-life'));
      await advanceClock(server, 10);
      await cloudTrail.send(new CreateTrailCommand({ Name: 'brief', S3BucketName: 'second-life' }));
      await until(async () => (await statusOf(server, 'brief')).LatestDeliveryTime === undefined);
      await server.kms().send(new ListKeysCommand({}));
      await advanceClock(server, 10);
      await cloudTrail.send(new StartLoggingCommand({ Name: 'brief' }));
      await server.kms().send(new ListAliasesCommand({}));
      await advanceClock(server, 300);
      await until(() => eventsIn(server, 'second-life').includes('ListAliases'));
      expect(eventsIn(server, 'second-life')).not.toContain('ListKeys');
      expect(eventsIn(server, 'first-life')).not.toContain('ListKeys');
    }));
});

describeWith(boto3, 'boto3', () => {
  test('reads a log file as from a bucket of AWS', async () => {
    const server = await startServer({ args: FAST });
    const s3 = await serveS3Directory(trailDirOf(server));
    try {
      await startTrail(server, { Name: 'read-by-boto3', S3BucketName: 'for-python' });
      await server.kms().send(new CreateKeyCommand({ Description: 'é, 鍵' }));
      await until(() => eventsIn(server, 'for-python').includes('CreateKey'));
      const script = `
import boto3, gzip, json, sys
s3 = boto3.client('s3', endpoint_url=sys.argv[1])
keys = [each['Key'] for each in s3.list_objects(Bucket='for-python')['Contents']]
records = [r for key in keys for r in json.loads(gzip.decompress(s3.get_object(Bucket='for-python', Key=key)['Body'].read()))['Records']]
print(json.dumps([r['requestParameters'] for r in records if r['eventName'] == 'CreateKey']))`;
      const { stdout, stderr } = await run('python3', ['-c', script, s3.url], server.awsEnvironment);
      expect(stderr).toBe('');
      expect(JSON.parse(stdout)).toMatchObject([{ description: 'é, 鍵' }]);
    } finally {
      await s3.close();
      await cleanUp(server);
    }
  });
});
