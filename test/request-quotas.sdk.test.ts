import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import {
  CreateKeyCommand,
  DescribeKeyCommand,
  GenerateRandomCommand,
  type KMSClient,
  ListKeysCommand,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AuditRecord } from '../src/audit/record.ts';
import { auditRecordsOf } from './support/audit.ts';
import { expectRefusal, newKey } from './support/kms.ts';
import { pinnedClient } from './support/pinned-client.ts';
import { cleanUp, runToEnd, startServer, type TestServer, temporaryDirectory } from './support/server.ts';
import { treeOf } from './support/tree.ts';

/** Request quotas as clients see them: counted for both workers together, and told as AWS tells them. */

const QUOTA = 5;
const message = 'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.';
const quotas = {
  'Cryptographic operations (symmetric)': { default: QUOTA, 'eu-west-1': 100 },
  CreateKey: 1 / 3600,
  ListKeys: 1,
};

let server: TestServer;
let clients: KMSClient[];

beforeAll(async () => {
  const file = join(temporaryDirectory(), 'quotas.json');
  writeFileSync(file, JSON.stringify(quotas));
  server = await startServer({ workers: 2, args: ['--request-quotas', file] });
  clients = [(await pinnedClient(server, 0)).kms, (await pinnedClient(server, 1)).kms];
});

afterAll(() => cleanUp(server));

const second = () => Math.floor(Date.now() / 1000);

/** Runs `burst` again until one run of it lies within one second, by the clock that the server goes by. */
async function withinOneSecond<T>(burst: () => Promise<T>): Promise<T> {
  for (;;) {
    await setTimeout(1000 - (Date.now() % 1000));
    const before = second();
    const result = await burst();
    if (second() === before) return result;
  }
}

const outcomes = (settled: PromiseSettledResult<unknown>[]) => ({
  passed: settled.filter(({ status }) => status === 'fulfilled').length,
  refusals: settled.filter((each) => each.status === 'rejected').map(({ reason }) => reason as Error),
});

const random = () => new GenerateRandomCommand({ NumberOfBytes: 16 });

test('of a burst through both workers, as many pass within a second as the quota says', async () => {
  const { passed, refusals } = await withinOneSecond(async () =>
    outcomes(
      await Promise.allSettled(Array.from({ length: 24 }, (_, n) => (clients[n % 2] as KMSClient).send(random()))),
    ),
  );
  expect({ passed, refused: refusals.length }).toEqual({ passed: QUOTA, refused: 24 - QUOTA });
  for (const refusal of refusals) {
    expect(refusal).toMatchObject({
      name: 'ThrottlingException',
      message,
      $metadata: { httpStatusCode: 400, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    });
  }
});

test('another Region has a quota of its own, and what has none is not limited', async () => {
  const { id } = await newKeyOnce();
  const [kms] = clients as [KMSClient];
  const elsewhere = server.kms({ region: 'eu-west-1' });
  const run = (client: KMSClient, command: GenerateRandomCommand | DescribeKeyCommand) =>
    Promise.allSettled(Array.from({ length: 20 }, () => client.send(command as GenerateRandomCommand)));
  const passed = await withinOneSecond(async () => [
    outcomes(await run(elsewhere, random())).passed,
    outcomes(await run(kms, new DescribeKeyCommand({ KeyId: id }))).passed,
  ]);
  expect(passed).toEqual([20, 20]);
});

/** The quota lets one key be made in an hour; a test that begins at its end may find the next one begun. */
let made: ReturnType<typeof newKey> | undefined;
function newKeyOnce() {
  made ??= newKey(clients[0] as KMSClient);
  return made;
}

test('a change that is turned away has not happened, and both workers turn it away', async () => {
  const { id } = await newKeyOnce();
  const hour = () => Math.floor(Date.now() / 3_600_000);
  const before = hour();
  const settled = await Promise.allSettled(clients.map((kms) => kms.send(new CreateKeyCommand({}))));
  // Should the hour have come to its end right here, one of the two may pass.
  if (hour() === before) {
    expect(outcomes(settled)).toMatchObject({ passed: 0, refusals: [{ message }, { message }] });
  }
  const { Keys = [] } = await (clients[0] as KMSClient).send(new ListKeysCommand({}));
  expect(Keys.map(({ KeyId }) => KeyId)).toEqual(hour() === before ? [id] : expect.arrayContaining([id]));
});

test('what is turned away is recorded as any refusal is', async () => {
  const throttled = (await auditRecordsOf(server)).filter(({ errorCode }) => errorCode === 'ThrottlingException');
  const of = (name: string) => throttled.filter(({ eventName }) => eventName === name) as [AuditRecord];
  expect(of('GenerateRandom').length).toBeGreaterThanOrEqual(24 - QUOTA);
  expect(of('GenerateRandom')[0]).toMatchObject({
    userIdentity: { type: 'IAMUser', accountId: server.accountId },
    errorMessage: message,
    requestParameters: null,
    responseElements: null,
  });
});

test('the SDK takes it for throttling, waits, and is then served', async () => {
  const kms = server.kms({ maxAttempts: 10 });
  const answers = await Promise.all([1, 2, 3].map(() => kms.send(new ListKeysCommand({}))));
  const attempts = answers.map(({ $metadata }) => $metadata.attempts ?? 0);
  expect(Math.max(...attempts)).toBeGreaterThan(1);
  const errorTypes: string[] = [];
  const watching = server.kms({
    retryStrategy: {
      acquireInitialRetryToken: async () => ({ getRetryCount: () => 0, getRetryDelay: () => 0 }),
      refreshRetryTokenForRetry: async (_, { errorType }) => {
        errorTypes.push(errorType);
        throw new Error('no retry');
      },
      recordSuccess: () => {},
    },
  });
  await withinOneSecond(() => Promise.allSettled([1, 2, 3].map(() => watching.send(new ListKeysCommand({})))));
  expect(errorTypes.length).toBeGreaterThanOrEqual(2);
  expect(new Set(errorTypes)).toEqual(new Set(['THROTTLING']));
});

test('a signature that is not right uses up nothing of the account’s quota', async () => {
  const forged = server.kms({ credentials: { ...server.credentials, secretAccessKey: 'guessed' } });
  const { passed } = await withinOneSecond(async () => {
    for (let count = 0; count < 10; count++) {
      await expectRefusal(forged.send(random()), 'InvalidSignatureException');
    }
    return outcomes(await Promise.allSettled(Array.from({ length: 8 }, () => clients[0]?.send(random()))));
  });
  expect(passed).toBe(QUOTA);
});

test('AWS’s own quotas are there by the name aws, and without the option there are none', async () => {
  const withAws = await startServer({ args: ['--request-quotas', 'aws'] });
  const without = await startServer();
  try {
    const create = (each: TestServer) =>
      withinOneSecond(async () =>
        outcomes(await Promise.allSettled(Array.from({ length: 9 }, () => each.kms().send(new CreateKeyCommand({}))))),
      );
    expect((await create(withAws)).passed).toBe(5);
    expect((await create(without)).passed).toBe(9);
  } finally {
    await cleanUp(withAws);
    await cleanUp(without);
  }
});

test.each([
  ['{"CreateKeys": 5}', 'there is no quota "CreateKeys"'],
  ['{"CreateKey": 0}', '"CreateKey" wants a rate'],
  ['CreateKey: 5\n', 'it is not JSON'],
  [undefined, 'cannot read the request quotas: ENOENT'],
])('a start with the file %j is refused, and changes nothing', async (text, why) => {
  const directory = temporaryDirectory();
  const file = join(directory, 'quotas.json');
  if (text !== undefined) writeFileSync(file, text);
  const before = treeOf(directory);
  const args = ['--data-dir', join(directory, 'data'), '--listen', '127.0.0.1:0', '--request-quotas', file];
  const run = await runToEnd(args);
  expect(run.stderr).toContain(why);
  expect(run.stderr).toMatch(/^keyhold: [^\n]+\n$/);
  expect({ status: run.status, stdout: run.stdout }).toEqual({ status: 2, stdout: '' });
  expect(treeOf(directory)).toEqual(before);
});
