import { setTimeout } from 'node:timers/promises';
import {
  DecryptCommand,
  GetKeyLastUsageCommand,
  type GetKeyLastUsageCommandOutput,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { auditRecordsOf } from './support/audit.ts';
import { encryptedUnder, newKey } from './support/kms.ts';
import { pinnedClient } from './support/pinned-client.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let kms: KMSClient;

beforeEach(async () => {
  server = await startServer({ workers: 2 });
  kms = server.kms();
});

afterEach(() => cleanUp(server));

const lastUsage = async (client: KMSClient, KeyId: string) => {
  const { $metadata: _, ...answer } = await client.send(new GetKeyLastUsageCommand({ KeyId }));
  return answer;
};

type Answer = Omit<GetKeyLastUsageCommandOutput, '$metadata'>;

async function until(ask: () => Promise<Answer>, fits: (answer: Answer) => boolean): Promise<Answer> {
  for (;;) {
    const answer = await ask();
    if (fits(answer)) return answer;
    await setTimeout(50);
  }
}

test('a usage is told with the ids of its request and of its audit record, soon by every worker', async () => {
  const { id } = await newKey(kms);
  const [one, other] = [(await pinnedClient(server, 0)).kms, (await pinnedClient(server, 1)).kms];
  const CiphertextBlob = await encryptedUnder(one, id);
  const { $metadata } = await one.send(new DecryptCommand({ CiphertextBlob }));
  const own = await lastUsage(one, id);
  const record = (await auditRecordsOf(server)).find(({ requestID }) => requestID === $metadata.requestId);
  expect(own.KeyLastUsage).toMatchObject({
    Operation: 'Decrypt',
    KmsRequestId: $metadata.requestId,
    CloudTrailEventId: record?.eventID,
  });
  expect(Math.floor((own.KeyLastUsage?.Timestamp?.getTime() ?? 0) / 1000) * 1000).toBe(
    Date.parse(record?.eventTime ?? ''),
  );
  const others = await until(
    () => lastUsage(other, id),
    ({ KeyLastUsage }) => KeyLastUsage?.Operation !== undefined,
  );
  expect(others).toEqual(own);
});

describe('after the server has ended', () => {
  test('by a clean stop, everything is there', async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, () => newKey(kms)));
    for (const { id } of keys) await encryptedUnder(kms, id);
    expect(await server.stop()).toBe(0);
    const again = await startServer({ dataDir: server.dataDir });
    for (const { id } of keys) {
      expect((await lastUsage(again.kms(), id)).KeyLastUsage).toMatchObject({ Operation: 'Encrypt' });
    }
    expect(await again.stop()).toBe(0);
  });

  test('by a crash, what was written down is there, and what was not does no harm', async () => {
    const { id } = await newKey(kms);
    await encryptedUnder(kms, id);
    const [one, other] = [(await pinnedClient(server, 0)).kms, (await pinnedClient(server, 1)).kms];
    for (const client of [one, other]) {
      await until(
        () => lastUsage(client, id),
        ({ KeyLastUsage }) => KeyLastUsage?.Operation !== undefined,
      );
    }
    await encryptedUnder(kms, id);
    await server.kill();
    const again = await startServer({ dataDir: server.dataDir });
    const { KeyLastUsage, KeyCreationDate, TrackingStartDate } = await lastUsage(again.kms(), id);
    expect(KeyLastUsage).toMatchObject({ Operation: 'Encrypt' });
    expect(TrackingStartDate).toEqual(KeyCreationDate);
    expect(await again.stop()).toBe(0);
  });
});
