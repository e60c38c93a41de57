import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { CreateTrailCommand, StartLoggingCommand, StopLoggingCommand } from '@aws-sdk/client-cloudtrail';
import { CreateKeyCommand, ListKeysCommand } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { awsCliReadsEndpointUrl } from './support/aws-cli.ts';
import { awsCli, describeWith, run } from './support/clients.ts';
import { metadataPath, serveS3Directory } from './support/s3-directory.ts';
import { cleanUp, startServer, type TestServer, temporaryDirectory } from './support/server.ts';
import {
  areAllDigested,
  cloudTrailOf,
  digestAt,
  digestsOf,
  logFilesOf,
  recordsIn,
  trailDirOf,
  until,
} from './support/trails.ts';

/**
 * `aws cloudtrail validate-logs`, unmodified, over what was delivered, and over copies that somebody was at. The keys it
 * verifies with come from ListPublicKeys. It asks S3 at an address of its own, which older CLIs cannot be told.
 */
const BUCKET = 'audit-of-us';
const PREFIX = 'proofs/of-2026';
/** Debian 12 has a CLI that cannot be told where another S3 is; CI, which installs that, is not red for it. */
const isTooOld = awsCli.isInstalled() && !awsCliReadsEndpointUrl();
if (isTooOld) console.warn('skipped: the AWS CLI is older than 1.29 and 2.13, and does not read AWS_ENDPOINT_URL_S3');
const describeValidation = (title: string, tests: () => void) =>
  isTooOld ? describe.skip(title, tests) : describeWith(awsCli, title, tests);

describeValidation('aws cloudtrail validate-logs', () => {
  let server: TestServer;
  let trailArn: string;
  const startTime = new Date(Date.now() - 60_000).toISOString();

  beforeAll(async () => {
    server = await startServer({ args: ['--trail-interval', '1', '--trail-digest-interval', '2'] });
    const cloudTrail = cloudTrailOf(server);
    const trail = { Name: 'all-of-it', S3BucketName: BUCKET, S3KeyPrefix: PREFIX, IsMultiRegionTrail: true };
    const made = await cloudTrail.send(new CreateTrailCommand({ ...trail, EnableLogFileValidation: true }));
    trailArn = made.TrailARN as string;
    await cloudTrail.send(new StartLoggingCommand({ Name: trail.Name }));
    const kms = server.kms();
    const elsewhere = server.kms({ region: 'eu-west-1' });
    const digests = () => digestsOf(trailDirOf(server), BUCKET).filter((key) => key.includes('/us-east-1/'));
    // Some files in each of several digests.
    for (let round = 1; round <= 3; round++) {
      await kms.send(new CreateKeyCommand({}));
      await elsewhere.send(new ListKeysCommand({}));
      await until(() => digests().length >= 2 * round);
    }
    await cloudTrail.send(new StopLoggingCommand({ Name: trail.Name }));
    const stopped = () => recordsIn(trailDirOf(server), BUCKET).some(({ eventName }) => eventName === 'StopLogging');
    await until(stopped);
    await until(() => areAllDigested(trailDirOf(server), BUCKET));
  }, 240_000);

  afterAll(() => cleanUp(server));

  /** Runs it over a copy of the directory that somebody was at. */
  async function validate(tamper: (trailDir: string) => void = () => {}, region = 'us-east-1') {
    const trailDir = join(temporaryDirectory(), 'trails');
    cpSync(trailDirOf(server), trailDir, { recursive: true });
    tamper(trailDir);
    const s3 = await serveS3Directory(trailDir);
    try {
      const args = ['cloudtrail', 'validate-logs', '--trail-arn', trailArn, '--start-time', startTime, '--verbose'];
      const environment = { ...server.awsEnvironment, AWS_ENDPOINT_URL_S3: s3.url };
      const { status, stdout, stderr } = await run('aws', [...args, '--region', region], environment);
      return { status, said: `${stdout}${stderr}` };
    } finally {
      await s3.close();
      rmSync(join(trailDir, '..'), { recursive: true });
    }
  }

  const path = (trailDir: string, key: string): string => join(trailDir, BUCKET, key);
  const ofRegion = (keys: readonly string[], region = 'us-east-1'): string[] =>
    keys.filter((key) => key.includes(`/${region}/`));
  const someLog = (trailDir: string): string => ofRegion(logFilesOf(trailDir, BUCKET))[1] as string;
  /** One in the middle of the chain, which others lead to. */
  const someDigest = (trailDir: string): string => ofRegion(digestsOf(trailDir, BUCKET))[2] as string;
  const change = (file: string, edit: (text: string) => string): void =>
    writeFileSync(file, gzipSync(edit(gunzipSync(readFileSync(file)).toString('utf8'))));

  test.each(['us-east-1', 'eu-west-1'])('finds what was delivered of %s valid, all of it', async (region) => {
    const { status, said } = await validate(undefined, region);
    const trailDir = trailDirOf(server);
    const [digests, logs] = [digestsOf(trailDir, BUCKET), logFilesOf(trailDir, BUCKET)].map((keys) =>
      ofRegion(keys, region),
    ) as [string[], string[]];
    expect(logs.length).toBeGreaterThan(0);
    expect(said).toContain(`${digests.length}/${digests.length} digest files valid`);
    expect(said).toContain(`${logs.length}/${logs.length} log files valid`);
    for (const key of digests) expect(said).toContain(`Digest file\ts3://${BUCKET}/${key}\tvalid`);
    for (const key of logs) expect(said).toContain(`Log file\ts3://${BUCKET}/${key}\tvalid`);
    expect(said).not.toContain('INVALID');
    expect(said).not.toContain('No log files were delivered');
    expect(status).toBe(0);
  });

  const damages: readonly [string, (trailDir: string) => string | RegExp][] = [
    [
      'a log file that was changed',
      (trailDir) => {
        const key = someLog(trailDir);
        change(path(trailDir, key), (text) => text.replace('"eventName":"', '"eventName":"Not'));
        return `Log file\ts3://${BUCKET}/${key}\tINVALID: hash value doesn't match`;
      },
    ],
    [
      'a log file that was deleted',
      (trailDir) => {
        const key = someLog(trailDir);
        rmSync(path(trailDir, key));
        return `Log file\ts3://${BUCKET}/${key}\tINVALID: not found`;
      },
    ],
    [
      'a log file in the place of another',
      (trailDir) => {
        const [first, second] = ofRegion(logFilesOf(trailDir, BUCKET)) as [string, string];
        cpSync(path(trailDir, first), path(trailDir, second));
        return `Log file\ts3://${BUCKET}/${second}\tINVALID: hash value doesn't match`;
      },
    ],
    [
      'a log file that was added to a digest',
      (trailDir) => {
        const key = someDigest(trailDir);
        const [entry] = ofRegion(logFilesOf(trailDir, BUCKET)).map((s3Object) => ({ s3Bucket: BUCKET, s3Object }));
        change(path(trailDir, key), (text) => {
          const digest = JSON.parse(text);
          return JSON.stringify({ ...digest, logFiles: [...digest.logFiles, entry] });
        });
        return `Digest file\ts3://${BUCKET}/${key}\tINVALID: signature verification failed`;
      },
    ],
    [
      'a digest that was deleted',
      (trailDir) => {
        const key = someDigest(trailDir);
        rmSync(path(trailDir, key));
        return `Digest file\ts3://${BUCKET}/${key}\tINVALID: not found`;
      },
    ],
    [
      'a digest that was moved to the place of another',
      (trailDir) => {
        const [, first, second] = ofRegion(digestsOf(trailDir, BUCKET)) as [string, string, string];
        cpSync(path(trailDir, first), path(trailDir, second));
        cpSync(metadataPath(path(trailDir, first)), metadataPath(path(trailDir, second)));
        return `Digest file\ts3://${BUCKET}/${second}\tINVALID: has been moved from its original location`;
      },
    ],
    [
      'a signature that is another one',
      (trailDir) => {
        const key = someDigest(trailDir);
        const file = metadataPath(path(trailDir, key));
        const metadata = JSON.parse(readFileSync(file, 'utf8'));
        const signature = metadata.signature.replace(/^./, (first: string) => (first === '0' ? '1' : '0'));
        writeFileSync(file, JSON.stringify({ ...metadata, signature }));
        return `Digest file\ts3://${BUCKET}/${key}\tINVALID: signature verification failed`;
      },
    ],
    [
      'a signature that is gone',
      (trailDir) => {
        const key = someDigest(trailDir);
        rmSync(metadataPath(path(trailDir, key)));
        return `Digest file\ts3://${BUCKET}/${key}\tINVALID: signature verification failed`;
      },
    ],
  ];

  test.each(damages)('finds %s', async (_, damage) => {
    let expected: string | RegExp = '';
    const { status, said } = await validate((trailDir) => {
      expected = damage(trailDir);
    });
    expect(said).toContain(expected);
    expect(status).toBe(1);
  });

  test('says nothing of a log file that no digest names, as AWS does not', async () => {
    const { status, said } = await validate((trailDir) => {
      const key = someLog(trailDir);
      cpSync(path(trailDir, key), path(trailDir, key.replace(/_[^_]+$/, '_0000000000000000.json.gz')));
    });
    expect(said).not.toContain('0000000000000000');
    expect(status).toBe(0);
  });

  test('digests follow each other without a gap', () => {
    const trailDir = trailDirOf(server);
    const keys = ofRegion(digestsOf(trailDir, BUCKET));
    const chain = keys.map((key) => digestAt(trailDir, BUCKET, key));
    for (const [at, digest] of chain.entries()) {
      expect(digest.previousDigestS3Object).toBe(keys[at - 1] ?? null);
      if (at > 0) expect(digest.digestStartTime).toBe(chain[at - 1]?.digestEndTime);
    }
  });
});
