import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  CloudTrailClient,
  type Event,
  LookupEventsCommand,
  type LookupEventsRequest,
  paginateLookupEvents,
} from '@aws-sdk/client-cloudtrail';
import { CreateKeyCommand, DecryptCommand, EncryptCommand, ListKeysCommand } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditRecordsOf } from './support/audit.ts';
import { awsCliFor } from './support/aws-cli.ts';
import { awsCli, boto3, describeWith, run } from './support/clients.ts';
import { start } from './support/each-test.ts';
import { cleanUp, readCredentials, runToEnd, startServer, type TestServer } from './support/server.ts';

/** CloudTrail's event history, through AWS's own clients. */

type Credentials = TestServer['credentials'];

function cloudTrail(server: TestServer, credentials = server.credentials, region = 'us-east-1'): CloudTrailClient {
  return new CloudTrailClient({ endpoint: server.url, region, credentials, maxAttempts: 1 });
}

/** All pages. */
async function lookUp(client: CloudTrailClient, request: LookupEventsRequest = {}): Promise<Event[]> {
  const events: Event[] = [];
  for await (const { Events = [] } of paginateLookupEvents({ client }, request)) events.push(...Events);
  return events;
}

function by(AttributeKey: string, AttributeValue: string): LookupEventsRequest {
  return { LookupAttributes: [{ AttributeKey: AttributeKey as 'EventName', AttributeValue }] };
}

/** What was answered a moment ago is not in the history yet. */
async function eventually<T>(look: () => Promise<T[]>, count = 1): Promise<T[]> {
  for (const deadline = Date.now() + 30_000; ; await pause(100)) {
    const found = await look();
    if (found.length >= count || Date.now() > deadline) {
      expect(found.length).toBeGreaterThanOrEqual(count);
      return found;
    }
  }
}

async function makeAccount(dataDir: string): Promise<{ accountId: string; credentials: Credentials }> {
  const { stdout } = await runToEnd(['account', 'create', '--data-dir', dataDir]);
  const accountId = /Made account (\d{12})/.exec(stdout)?.[1] ?? '';
  return { accountId, credentials: readCredentials(join(dataDir, `credentials-${accountId}`)) };
}

describe('the event history', () => {
  let server: TestServer;
  let other: { accountId: string; credentials: Credentials };
  let keyArn: string;
  const ENCRYPTIONS = 120;
  beforeAll(async () => {
    server = await startServer({ workers: 2 });
    other = await makeAccount(server.dataDir);
    const policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { AWS: [server.accountId, other.accountId].map((id) => `arn:aws:iam::${id}:root`) },
          Action: 'kms:*',
          Resource: '*',
        },
      ],
    });
    const { KeyMetadata } = await server.kms().send(new CreateKeyCommand({ Policy: policy }));
    keyArn = KeyMetadata?.Arn ?? '';
    // On connections of their own, so that both workers have some.
    for (let at = 0; at < ENCRYPTIONS; at++) {
      const kms = server.kms();
      await kms.send(new EncryptCommand({ KeyId: keyArn, Plaintext: Buffer.from('x') }));
      kms.destroy();
    }
    await eventually(() => lookUp(cloudTrail(server), by('EventName', 'Encrypt')), ENCRYPTIONS);
  });
  afterAll(() => cleanUp(server));

  test('has every event as it is recorded, the newest first, in pages', async () => {
    const events = await lookUp(cloudTrail(server), { ...by('EventName', 'Encrypt'), MaxResults: 25 });
    const records = (await auditRecordsOf(server)).filter(({ eventName }) => eventName === 'Encrypt');
    expect(records).toHaveLength(ENCRYPTIONS);
    const shown = events.map(({ CloudTrailEvent = '' }) => JSON.parse(CloudTrailEvent));
    expect(shown.map(({ eventID }) => eventID).sort()).toEqual(records.map(({ eventID }) => eventID).sort());
    const byId = new Map(records.map((record) => [record.eventID, record]));
    for (const record of shown) expect(record).toEqual(byId.get(record.eventID));
    const times = events.map(({ EventTime }) => EventTime?.getTime() ?? 0);
    expect(times).toEqual([...times].sort((a, b) => b - a));
    expect(events[0]).toEqual({
      EventId: shown[0].eventID,
      EventName: 'Encrypt',
      ReadOnly: 'true',
      AccessKeyId: server.credentials.accessKeyId,
      EventTime: new Date(shown[0].eventTime),
      EventSource: 'kms.amazonaws.com',
      Username: 'administrator',
      Resources: [{ ResourceType: 'AWS::KMS::Key', ResourceName: keyArn }],
      CloudTrailEvent: expect.any(String),
    });
  });

  test('has its own lookups, and is asked by time', async () => {
    const client = cloudTrail(server);
    const [own] = await eventually(() => lookUp(client, by('EventName', 'LookupEvents')));
    expect(JSON.parse(own?.CloudTrailEvent ?? '').requestParameters.lookupAttributes).toEqual([
      { attributeKey: 'EventName', attributeValue: expect.any(String) },
    ]);
    const [event] = await lookUp(client, by('EventName', 'CreateKey'));
    const EndTime = event?.EventTime ?? new Date(0);
    expect(await lookUp(client, { ...by('EventName', 'CreateKey'), StartTime: EndTime, EndTime })).toHaveLength(1);
    const before = new Date(EndTime.getTime() - 1000);
    expect(await lookUp(client, { ...by('EventName', 'CreateKey'), EndTime: before })).toEqual([]);
    const after = new Date(EndTime.getTime() + 1000);
    expect(await lookUp(client, { ...by('EventName', 'CreateKey'), StartTime: after })).toEqual([]);
  });

  test('is that of one account in one Region: both see a key that both use, and nothing else of each other', async () => {
    const theirs = cloudTrail(server, other.credentials);
    const kms = server.kms({ credentials: other.credentials });
    await kms.send(new EncryptCommand({ KeyId: keyArn, Plaintext: Buffer.from('x') }));
    await kms.send(new ListKeysCommand({}));
    const [shared, ...rest] = await eventually(() => lookUp(theirs, by('ResourceName', keyArn)));
    expect(rest).toEqual([]);
    expect(shared).toMatchObject({ Username: 'administrator', AccessKeyId: other.credentials.accessKeyId });
    const { sharedEventID } = JSON.parse(shared?.CloudTrailEvent ?? '');
    expect(sharedEventID).toBeDefined();
    const ours = await eventually(() => lookUp(cloudTrail(server), by('EventName', 'Encrypt')), ENCRYPTIONS + 1);
    const owners = ours.filter(
      ({ CloudTrailEvent = '' }) => JSON.parse(CloudTrailEvent).sharedEventID === sharedEventID,
    );
    expect(owners).toHaveLength(1);
    expect(owners[0]?.EventId).not.toBe(shared?.EventId);
    // AWS shows a key's owner neither the name nor the access key of who used it.
    expect(owners[0]).not.toHaveProperty('Username');
    expect(owners[0]).not.toHaveProperty('AccessKeyId');

    const listed = await eventually(() => lookUp(theirs, by('EventName', 'ListKeys')));
    expect(await lookUp(cloudTrail(server), by('EventId', listed[0]?.EventId ?? ''))).toEqual([]);
    expect(await lookUp(theirs, by('EventId', owners[0]?.EventId ?? ''))).toEqual([]);
    for (const { CloudTrailEvent = '' } of await lookUp(theirs)) {
      expect(JSON.parse(CloudTrailEvent).recipientAccountId).toBe(other.accountId);
    }
    const elsewhere = cloudTrail(server, server.credentials, 'eu-west-1');
    for (const { EventName } of await lookUp(elsewhere)) expect(EventName).toBe('LookupEvents');
  });

  test('a token goes with its request, its account and its Region alone', async () => {
    const request = { ...by('EventName', 'Encrypt'), MaxResults: 10 };
    const { NextToken = '' } = await cloudTrail(server).send(new LookupEventsCommand(request));
    const refused = { name: 'InvalidNextTokenException' };
    const next = (client: CloudTrailClient, more: LookupEventsRequest) =>
      client.send(new LookupEventsCommand({ ...request, ...more }));
    expect((await next(cloudTrail(server), { NextToken, MaxResults: 20 })).Events).toHaveLength(20);
    await expect(next(cloudTrail(server), { NextToken, ...by('EventName', 'Decrypt') })).rejects.toMatchObject(refused);
    await expect(next(cloudTrail(server), { NextToken, StartTime: new Date(0) })).rejects.toMatchObject(refused);
    await expect(next(cloudTrail(server, other.credentials), { NextToken })).rejects.toMatchObject(refused);
    await expect(next(cloudTrail(server, server.credentials, 'eu-west-1'), { NextToken })).rejects.toMatchObject(
      refused,
    );
    for (const forged of [
      '',
      'x',
      `${NextToken}AAAA`,
      NextToken.slice(4),
      Buffer.from('{"w0":1}').toString('base64'),
    ]) {
      await expect(next(cloudTrail(server), { NextToken: forged })).rejects.toMatchObject(refused);
    }
  });

  test.each<[string, object]>([
    ['InvalidLookupAttributesException', by('eventName', 'Encrypt')],
    ['InvalidLookupAttributesException', by('EventName', 'x'.repeat(2001))],
    ['InvalidLookupAttributesException', by('EventName', '_'.repeat(1001))],
    ['InvalidLookupAttributesException', by('EventName', '')],
    [
      'InvalidLookupAttributesException',
      { LookupAttributes: ['a', 'b'].map((AttributeValue) => ({ AttributeKey: 'EventName', AttributeValue })) },
    ],
    ['InvalidLookupAttributesException', { ...by('Username', 'root'), EventCategory: 'insight' }],
    ['InvalidTimeRangeException', { StartTime: new Date(2000), EndTime: new Date(1000) }],
    ['InvalidMaxResultsException', { MaxResults: 0 }],
    ['InvalidMaxResultsException', { MaxResults: 51 }],
    ['InvalidEventCategoryException', { EventCategory: 'management' }],
  ])('refuses with %s: %j', async (name, request) => {
    await expect(cloudTrail(server).send(new LookupEventsCommand(request))).rejects.toMatchObject({ name });
  });

  test('has no insights', async () => {
    expect(await lookUp(cloudTrail(server), { EventCategory: 'insight' })).toEqual([]);
  });

  describeWith(awsCli, 'through the AWS CLI', () => {
    const aws = (...args: string[]) => awsCliFor(server).answer('cloudtrail', 'lookup-events', ...args);
    const attribute = (key: string, value: string) => [
      '--lookup-attributes',
      `AttributeKey=${key},AttributeValue=${value}`,
    ];

    test('is found by each attribute', async () => {
      const { Events } = await aws(...attribute('EventName', 'CreateKey'));
      expect(Events).toHaveLength(1);
      const [{ EventId, AccessKeyId, Username }] = Events;
      for (const [key, value] of [
        ['EventId', EventId],
        ['AccessKeyId', AccessKeyId],
        ['Username', Username],
        ['EventSource', 'kms.amazonaws.com'],
        ['ReadOnly', 'false'],
        ['ResourceType', 'AWS::KMS::Key'],
        ['ResourceName', keyArn],
      ]) {
        const found = await aws(...attribute(key, value));
        expect(
          found.Events.map((each: Event) => each.EventId),
          key,
        ).toContain(EventId);
        expect((await aws(...attribute(key, 'nothing'))).Events, key).toEqual([]);
      }
    });

    test('is taken page by page, and by time', async () => {
      const { Events, NextToken } = await aws(...attribute('EventName', 'Encrypt'), '--max-items', '3');
      expect(Events).toHaveLength(3);
      const rest = await aws(...attribute('EventName', 'Encrypt'), '--max-items', '3', '--starting-token', NextToken);
      expect(rest.Events).toHaveLength(3);
      const ids = [...Events, ...rest.Events].map(({ EventId }: Event) => EventId);
      expect(new Set(ids).size).toBe(6);
      const page = await aws('--no-paginate', '--max-results', '5');
      expect(page.Events).toHaveLength(5);
      expect((await aws('--no-paginate', '--max-results', '5', '--next-token', page.NextToken)).Events).toHaveLength(5);
      expect((await aws('--start-time', '2100-01-01')).Events).toEqual([]);
      expect((await aws('--end-time', '2020-01-01T00:00:00Z')).Events).toEqual([]);
    });
  });

  describeWith(boto3, 'through boto3', () => {
    test('is gone through by its paginator', async () => {
      const script = `
import boto3, json
pages = boto3.client('cloudtrail', endpoint_url='${server.url}').get_paginator('lookup_events').paginate(
    LookupAttributes=[{'AttributeKey': 'ResourceName', 'AttributeValue': '${keyArn}'}], PaginationConfig={'PageSize': 50})
print(json.dumps([[event['EventId'], event['EventTime'].isoformat()] for page in pages for event in page['Events']]))`;
      const { stdout, stderr } = await run('python3', ['-c', script], server.awsEnvironment);
      expect(stderr).toBe('');
      const events = await lookUp(cloudTrail(server), by('ResourceName', keyArn));
      expect(JSON.parse(stdout).map(([id]: [string]) => id)).toEqual(events.map(({ EventId }) => EventId));
    });
  });
});

test('names of users, roles’ sessions and what was made are what events are found by', async () => {
  const server = await start();
  const aws = awsCliFor(server).answer;
  await aws('iam', 'create-user', '--user-name', 'bob');
  const trust = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS: server.accountId }, Action: 'sts:AssumeRole' }],
  });
  const { Role } = await aws('iam', 'create-role', '--role-name', 'app', '--assume-role-policy-document', trust);
  const policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 'kms:*', Resource: '*' }],
  });
  await aws('iam', 'put-role-policy', '--role-name', 'app', '--policy-name', 'p', '--policy-document', policy);
  const { Credentials, AssumedRoleUser } = await aws(
    ...['sts', 'assume-role', '--role-arn', Role.Arn, '--role-session-name', 'nightly'],
  );
  const session = {
    accessKeyId: Credentials.AccessKeyId,
    secretAccessKey: Credentials.SecretAccessKey,
    sessionToken: Credentials.SessionToken,
  };
  await server.kms({ credentials: session }).send(new ListKeysCommand({}));
  const root = readCredentials(join(server.dataDir, 'root-credentials'));
  await server.kms({ credentials: root }).send(new ListKeysCommand({}));

  const client = cloudTrail(server);
  const [used] = await eventually(() => lookUp(client, by('Username', 'nightly')));
  expect(used).toMatchObject({ EventName: 'ListKeys', AccessKeyId: session.accessKeyId, Username: 'nightly' });
  expect(await eventually(() => lookUp(client, by('Username', 'root')))).toMatchObject([{ EventName: 'ListKeys' }]);
  const [made] = await lookUp(client, by('ResourceName', 'bob'));
  expect(made).toMatchObject({ EventName: 'CreateUser', ReadOnly: 'false', Username: 'administrator' });
  const names = made?.Resources?.map(({ ResourceName }) => ResourceName).sort();
  expect(names).toEqual([expect.stringMatching(/^AIDA/), `arn:aws:iam::${server.accountId}:user/bob`, 'bob']);
  const [assumed] = await lookUp(client, by('EventName', 'AssumeRole'));
  const kinds = assumed?.Resources?.map(({ ResourceType, ResourceName }) => `${ResourceType} ${ResourceName}`);
  expect(kinds?.sort()).toEqual(
    [
      `AWS::IAM::AccessKey ${session.accessKeyId}`,
      `AWS::IAM::Role ${Role.Arn}`,
      `AWS::STS::AssumedRole ${AssumedRoleUser.AssumedRoleId}`,
      `AWS::STS::AssumedRole ${AssumedRoleUser.Arn}`,
      'AWS::STS::AssumedRole nightly',
    ].sort(),
  );
});

test('the history ends 90 days ago', async () => {
  const server = await start({ args: ['--sandbox'] });
  await server.kms().send(new ListKeysCommand({}));
  const client = cloudTrail(server);
  await eventually(() => lookUp(client, by('EventName', 'ListKeys')));
  const advance = (seconds: number) =>
    fetch(`${server.url}/_sandbox/clock`, { method: 'POST', body: JSON.stringify({ advanceSeconds: seconds }) });
  expect((await advance(89 * 86_400)).status).toBe(200);
  expect(await lookUp(client, by('EventName', 'ListKeys'))).toHaveLength(1);
  await advance(2 * 86_400);
  expect(await lookUp(client, { ...by('EventName', 'ListKeys'), StartTime: new Date(0) })).toEqual([]);
});

test.each<[string, (index: string) => void, boolean]>([
  ['a stop', () => undefined, false],
  ['a crash', () => undefined, true],
  ['a stop, without its index', (index) => rmSync(index, { recursive: true }), false],
  [
    'a crash, with a damaged index',
    (index) => {
      for (const name of readdirSync(index)) appendFileSync(join(index, name), 'rubbish');
    },
    true,
  ],
])('is whole after %s', async (_, damage, isCrash) => {
  const first = await start();
  const kms = first.kms();
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  const requests = Array.from({ length: 1200 }, () =>
    kms.send(new EncryptCommand({ KeyId: KeyMetadata?.KeyId, Plaintext: Buffer.from('x') })),
  );
  const [encrypted] = await Promise.all(requests);
  const index = join(first.dataDir, 'audit', 'index');
  // One chunk has been written; more are to come.
  await eventually(async () => (existsSync(index) ? readdirSync(index) : []));
  if (isCrash) await first.kill();
  else expect(await first.stop()).toBe(0);
  damage(index);

  const server = await start({ dataDir: first.dataDir });
  await server.kms().send(new DecryptCommand({ CiphertextBlob: encrypted?.CiphertextBlob }));
  const client = cloudTrail(server);
  const found = await eventually(() => lookUp(client, by('ResourceName', KeyMetadata?.Arn ?? '')), 1202);
  expect(found).toHaveLength(1202);
  expect(new Set(found.map(({ EventId }) => EventId)).size).toBe(1202);
  expect(found[0]?.EventName).toBe('Decrypt');
  expect(server.output.stderr).not.toMatch(/"level":[56]0/);
  const audit = await runToEnd(['audit', 'verify', '--data-dir', server.dataDir]);
  expect(audit.stdout).toContain('Verified');
  // It is kept a moment after it answers.
  await eventually(async () => (existsSync(index) ? readdirSync(index) : []));
  for (const name of readdirSync(index)) expect(readFileSync(join(index, name)).length).toBeGreaterThan(4000);
});
