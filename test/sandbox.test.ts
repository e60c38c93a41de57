import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GetKeyPolicyCommand,
  type KMSClient,
  ListAliasesCommand,
  ListKeysCommand,
  paginateListKeys,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  encryptedUnder,
  expectRefusal,
  type NewKey,
  newKey,
  noSuchKeyId,
  plaintext,
  policyOf,
  statement,
} from './support/kms.ts';
import { rawRequest } from './support/raw-request.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

const DAY_SECONDS = 24 * 60 * 60;
/** AWS's own examples' account. */
const FOREIGN_ACCOUNT = '111122223333';

let server: TestServer;
let kms: KMSClient;
let foreign: KMSClient;

beforeAll(async () => {
  server = await startServer({ args: ['--sandbox'], workers: 2 });
  kms = as('test');
  foreign = as(FOREIGN_ACCOUNT);
});

afterAll(() => cleanUp(server));

function as(accessKeyId: string, region = 'us-east-1'): KMSClient {
  return server.kms({ region, credentials: { accessKeyId, secretAccessKey: 'anything' } });
}

async function clock(method: 'GET' | 'POST', body = '') {
  const { status, json } = await rawRequest(server, { method, path: '/_sandbox/clock', body, signing: false });
  return { status, ...(json() as { now?: string; error?: string }) };
}

async function now(): Promise<number> {
  return Date.parse((await clock('GET')).now ?? '');
}

const advance = (advanceSeconds: number) => clock('POST', JSON.stringify({ advanceSeconds }));

describe('whoever asks', () => {
  test('is root of account 000000000000, or of the account that the access key id names', async () => {
    expect(server.accountId).toBe('000000000000');
    expect((await newKey(kms)).arn).toMatch(/^arn:aws:kms:us-east-1:000000000000:key\//);
    expect((await newKey(as('AKIAIOSFODNN7EXAMPLE', 'eu-west-1'))).arn).toMatch(
      /^arn:aws:kms:eu-west-1:000000000000:key\//,
    );
    expect((await newKey(foreign)).arn).toMatch(/^arn:aws:kms:us-east-1:111122223333:key\//);
  });

  test('is believed, whatever the signature', async () => {
    const authorization =
      'AWS4-HMAC-SHA256 Credential=anyone/20200101/us-east-1/kms/aws4_request, SignedHeaders=host, Signature=none';
    const { status } = await rawRequest(server, { operation: 'ListKeys', headers: { authorization } });
    expect(status).toBe(200);
  });

  test('still has to say who it is', async () => {
    const answer = await rawRequest(server, { operation: 'ListKeys', signing: false });
    expect(answer.headers['x-amzn-errortype']).toBe('MissingAuthenticationTokenException');
  });

  test.each(['', 'US', 'us-east-1:x', '..'])('cannot make up a Region that no ARN could name: %j', async (region) => {
    const answer = await rawRequest(server, { operation: 'CreateKey', signing: { region } });
    expect(answer.json()).toEqual({
      __type: 'InvalidSignatureException',
      message: 'Credential should be scoped to a valid region. ',
    });
  });

  test('was warned', () => {
    expect(server.output.stdout).toMatch(/SANDBOX/);
  });
});

describe('the clock', () => {
  test('shows the time and moves forward, for every worker', async () => {
    const before = await now();
    const moved = await advance(3600);
    expect(moved.status).toBe(200);
    expect(Date.parse(moved.now ?? '')).toBeGreaterThanOrEqual(before + 3_600_000);
    // Each request has a connection of its own, so both workers are asked.
    for (let n = 0; n < 20; n++) expect(await now()).toBeGreaterThanOrEqual(before + 3_600_000);
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    expect(KeyMetadata?.CreationDate?.getTime()).toBeGreaterThanOrEqual(before + 3_600_000);
  });

  test.each([
    '{"advanceSeconds":-1}',
    '{"advanceSeconds":"1"}',
    '{"advanceSeconds":1.5}',
    '{"advanceSeconds":1e300}',
    '{}',
    '',
    'null',
  ])('is not moved by %s', async (body) => {
    const before = await now();
    const { status, error } = await clock('POST', body);
    expect(status).toBe(400);
    expect(error).toMatch(/advanceSeconds/);
    expect(await now()).toBeLessThan(before + 3_600_000);
  });
});

describe('a key whose deletion is scheduled', () => {
  const rowsOf = (key: NewKey) => {
    const database = new DatabaseSync(join(server.dataDir, 'keyhold.db'), { readOnly: true });
    try {
      return database.prepare('SELECT tbl, body FROM records WHERE instr(key, ?) > 0').all(key.id) as {
        tbl: string;
        body: Uint8Array;
      }[];
    } finally {
      database.close();
    }
  };
  const filesContain = (bytes: Uint8Array) =>
    ['keyhold.db', 'keyhold.db-wal']
      .map((name) => join(server.dataDir, name))
      .some((path) => existsSync(path) && readFileSync(path).includes(bytes));

  test('is there until its window is over, and then it is gone with all that was its own', async () => {
    const key = await newKey(kms);
    const AliasName = 'alias/doomed';
    await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: key.id }));
    const CiphertextBlob = await encryptedUnder(kms, key.id);
    const material = rowsOf(key).find(({ tbl }) => tbl === 'materials')?.body ?? new Uint8Array();
    expect(material.length).toBeGreaterThan(32);

    const { DeletionDate } = await kms.send(new ScheduleKeyDeletionCommand({ KeyId: key.id, PendingWindowInDays: 7 }));
    await advance(7 * DAY_SECONDS - 3600);
    const pending = await kms.send(new DescribeKeyCommand({ KeyId: AliasName }));
    expect(pending.KeyMetadata).toMatchObject({ KeyState: 'PendingDeletion', DeletionDate });
    await expectRefusal(
      kms.send(new DecryptCommand({ CiphertextBlob })),
      'KMSInvalidStateException',
      `${key.arn} is pending deletion.`,
    );
    expect(filesContain(material)).toBe(true);

    // From the moment it is due it does not exist, whether or not anyone has got round to destroying it.
    await advance(3600);
    const gone = `Key '${key.arn}' does not exist`;
    await expectRefusal(kms.send(new DescribeKeyCommand({ KeyId: key.id })), 'NotFoundException', gone);
    await expectRefusal(kms.send(new DescribeKeyCommand({ KeyId: AliasName })), 'NotFoundException');
    await expectRefusal(kms.send(new CancelKeyDeletionCommand({ KeyId: key.id })), 'NotFoundException', gone);
    await expectRefusal(
      kms.send(new DecryptCommand({ CiphertextBlob })),
      'AccessDeniedException',
      'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.',
    );
    await expectRefusal(kms.send(new DecryptCommand({ CiphertextBlob, KeyId: key.id })), 'NotFoundException', gone);
    const { Keys } = await kms.send(new ListKeysCommand({ Limit: 1000 }));
    expect(Keys?.map(({ KeyId }) => KeyId)).not.toContain(key.id);

    await vi.waitFor(() => expect(rowsOf(key)).toEqual([]), { timeout: 60_000, interval: 100 });
    await vi.waitFor(() => expect(filesContain(material)).toBe(false), { timeout: 60_000, interval: 100 });
    const { Aliases } = await kms.send(new ListAliasesCommand({ Limit: 100 }));
    expect(Aliases?.map((alias) => alias.AliasName)).not.toContain(AliasName);
    await expectRefusal(
      kms.send(new DescribeKeyCommand({ KeyId: AliasName })),
      'NotFoundException',
      `Alias arn:aws:kms:us-east-1:000000000000:${AliasName} is not found.`,
    );
    const successor = await newKey(kms);
    await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: successor.id }));
    expect((await kms.send(new DescribeKeyCommand({ KeyId: AliasName }))).KeyMetadata?.KeyId).toBe(successor.id);
  });

  test('stays where the deletion was cancelled, and the window begins anew when it is scheduled again', async () => {
    const [key, witness] = [await newKey(kms), await newKey(kms)];
    const schedule = (KeyId: string) => kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
    await schedule(key.id);
    await schedule(witness.id);
    await advance(6 * DAY_SECONDS);
    await kms.send(new CancelKeyDeletionCommand({ KeyId: key.id }));
    await schedule(key.id);
    await advance(2 * DAY_SECONDS);
    // Once its witness is destroyed, the first schedule's time has come and gone for this key too.
    await vi.waitFor(() => expect(rowsOf(witness)).toEqual([]), { timeout: 60_000, interval: 100 });
    expect((await kms.send(new DescribeKeyCommand({ KeyId: key.id }))).KeyMetadata?.KeyState).toBe('PendingDeletion');
    await kms.send(new CancelKeyDeletionCommand({ KeyId: key.id }));
    expect(rowsOf(key).map(({ tbl }) => tbl)).not.toContain('deletions');
    await advance(30 * DAY_SECONDS);
    expect((await kms.send(new DescribeKeyCommand({ KeyId: key.id }))).KeyMetadata?.KeyState).toBe('Disabled');
  });

  test('does not disturb a listing that it leaves', async () => {
    const region = as('test', 'ap-south-1');
    const keys = await Promise.all(Array.from({ length: 8 }, () => newKey(region)));
    const order = ((await region.send(new ListKeysCommand({}))).Keys ?? []).map(({ KeyId = '' }) => KeyId);
    expect(order).toHaveLength(keys.length);
    // The last of the first page, whom the marker names, and one of a page to come.
    const doomed = [order[1] ?? '', order[5] ?? ''];
    for (const KeyId of doomed) await region.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
    const listed: string[] = [];
    for await (const page of paginateListKeys({ client: region, pageSize: 2 }, {})) {
      listed.push(...(page.Keys ?? []).map(({ KeyId = '' }) => KeyId));
      if (listed.length === 2) await advance(7 * DAY_SECONDS);
    }
    expect(listed).toEqual(order.filter((id) => id !== order[5]));
  });
});

describe("another account's key", () => {
  const denied = (principal: string, permission: string, resource: string) =>
    `User: arn:aws:iam::${principal}:root is not authorized to perform: ${permission} on resource: ${resource} ` +
    'because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access';
  const shared = (...actions: string[]) =>
    policyOf(statement('Allow', '000000000000', 'kms:*'), statement('Allow', FOREIGN_ACCOUNT, actions));

  test('is refused in the same words whether it is there or not', async () => {
    const key = await newKey(kms);
    for (const id of [key.id, noSuchKeyId]) {
      const KeyId = `arn:aws:kms:us-east-1:000000000000:key/${id}`;
      await expectRefusal(
        foreign.send(new EncryptCommand({ KeyId, Plaintext: plaintext })),
        'AccessDeniedException',
        denied(FOREIGN_ACCOUNT, 'kms:Encrypt', KeyId),
      );
    }
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/hidden', TargetKeyId: key.id }));
    for (const alias of ['alias/hidden', 'alias/nowhere']) {
      const KeyId = `arn:aws:kms:us-east-1:000000000000:${alias}`;
      await expectRefusal(
        foreign.send(new DescribeKeyCommand({ KeyId })),
        'AccessDeniedException',
        denied(FOREIGN_ACCOUNT, 'kms:DescribeKey', KeyId),
      );
    }
    // By its id alone it is looked for among one's own.
    await expectRefusal(
      foreign.send(new DescribeKeyCommand({ KeyId: key.id })),
      'NotFoundException',
      `Key 'arn:aws:kms:us-east-1:${FOREIGN_ACCOUNT}:key/${key.id}' does not exist`,
    );
  });

  test('is used by its ARN, or through an alias, where its policy lets the other account', async () => {
    const key = await newKey(kms, { Policy: shared('kms:Encrypt', 'kms:Decrypt', 'kms:DescribeKey') });
    const AliasName = 'alias/shared';
    await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: key.id }));
    for (const KeyId of [key.arn, `arn:aws:kms:us-east-1:000000000000:${AliasName}`]) {
      const encrypted = await foreign.send(new EncryptCommand({ KeyId, Plaintext: plaintext }));
      expect(encrypted.KeyId).toBe(key.arn);
      const { CiphertextBlob } = encrypted;
      expect((await foreign.send(new DecryptCommand({ CiphertextBlob }))).KeyId).toBe(key.arn);
      expect((await foreign.send(new DecryptCommand({ CiphertextBlob, KeyId }))).KeyId).toBe(key.arn);
      expect((await kms.send(new DecryptCommand({ CiphertextBlob }))).KeyId).toBe(key.arn);
      const { KeyMetadata } = await foreign.send(new DescribeKeyCommand({ KeyId }));
      expect(KeyMetadata).toMatchObject({ AWSAccountId: '000000000000', KeyId: key.id });
    }
    await expectRefusal(
      as('444455556666').send(new DescribeKeyCommand({ KeyId: key.arn })),
      'AccessDeniedException',
      denied('444455556666', 'kms:DescribeKey', key.arn),
    );
  });

  test('is not decrypted with, in the same words as a key that never was', async () => {
    const key = await newKey(kms);
    const CiphertextBlob = await encryptedUnder(kms, key.id);
    await expectRefusal(
      foreign.send(new DecryptCommand({ CiphertextBlob })),
      'AccessDeniedException',
      'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.',
    );
    await expectRefusal(
      foreign.send(new DecryptCommand({ CiphertextBlob, KeyId: key.arn })),
      'AccessDeniedException',
      denied(FOREIGN_ACCOUNT, 'kms:Decrypt', key.arn),
    );
  });

  test('is not for operations that AWS has for its own account only, whatever its policy says', async () => {
    const key = await newKey(kms, { Policy: shared('kms:*') });
    await expectRefusal(
      foreign.send(new GetKeyPolicyCommand({ KeyId: key.arn })),
      'AccessDeniedException',
      denied(FOREIGN_ACCOUNT, 'kms:GetKeyPolicy', key.arn),
    );
    await expectRefusal(
      foreign.send(new ScheduleKeyDeletionCommand({ KeyId: key.arn })),
      'AccessDeniedException',
      denied(FOREIGN_ACCOUNT, 'kms:ScheduleKeyDeletion', key.arn),
    );
    await expectRefusal(
      foreign.send(new CreateAliasCommand({ AliasName: 'alias/theirs', TargetKeyId: key.arn })),
      'AccessDeniedException',
    );
  });

  test('is not listed, and neither are its aliases', async () => {
    const key = await newKey(kms);
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/not-listed', TargetKeyId: key.id }));
    const stranger = as('777788889999');
    expect((await stranger.send(new ListKeysCommand({}))).Keys).toEqual([]);
    const { Aliases } = await stranger.send(new ListAliasesCommand({ Limit: 100 }));
    expect(Aliases?.filter(({ AliasName }) => !AliasName?.startsWith('alias/aws/'))).toEqual([]);
    await expectRefusal(stranger.send(new ListAliasesCommand({ KeyId: key.arn })), 'NotFoundException');
  });
});

test('the clock comes to an end before dates do, and no worker with it', async () => {
  const other = await startServer({ args: ['--sandbox'] });
  try {
    const century = JSON.stringify({ advanceSeconds: 100 * 365 * 24 * 60 * 60 });
    let refused: { status: number } | undefined;
    for (let step = 0; step < 80 && refused === undefined; step++) {
      const answer = await fetch(`${other.url}/_sandbox/clock`, { method: 'POST', body: century });
      if (answer.status !== 200) refused = answer;
    }
    expect(refused?.status).toBe(400);
    const { KeyMetadata } = await other.kms().send(new CreateKeyCommand({}));
    expect(KeyMetadata?.CreationDate?.getUTCFullYear()).toBeGreaterThan(8000);
    expect(other.output.stderr).not.toContain('died');
  } finally {
    await cleanUp(other);
  }
});
