import { createHmac, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  CreateKeyCommand,
  DecryptCommand,
  DeleteImportedKeyMaterialCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateRandomCommand,
  ImportKeyMaterialCommand,
  type KMSClient,
  ReEncryptCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { GetSessionTokenCommand, STSClient } from '@aws-sdk/client-sts';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { lengthPrefixed } from '../src/crypto/canonical.ts';
import { openDomainKeys } from '../src/custody/domain-keys.ts';
import { openRootKeyFile } from '../src/custody/root-key/file-root-key.ts';
import { materialsTable } from '../src/keys/tables.ts';
import { systemRandom } from '../src/runtime/random.ts';
import { sealedStore } from '../src/store/sealed-store.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { importRequest } from './support/import-material.ts';
import { secretsInRecords } from './support/known-secrets.ts';
import { findNeedles, type Needle, needlesOf } from './support/needles.ts';
import { apiRequest, bytesOf, openLane } from './support/raw-http.ts';
import { cleanUp, startServer, type TestServer, temporaryDirectory } from './support/server.ts';
import { signerFor } from './support/sign.ts';
import { filesBelow } from './support/tree.ts';

/** Secrets are where they belong and nowhere else: not in the database, its write-ahead log, the audit files or the logs. */

const servers: TestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await cleanUp(server);
});

type Haystacks = Map<string, Buffer>;

/** All files of a data directory as they are now, and what the server has printed. */
function everything(server: TestServer, moment: string): Haystacks {
  const haystacks: Haystacks = new Map();
  for (const path of filesBelow(server.dataDir)) {
    haystacks.set(`${relative(server.dataDir, path)} ${moment}`, readFileSync(path));
  }
  haystacks.set(`the standard output ${moment}`, Buffer.from(server.output.stdout));
  haystacks.set(`the standard error ${moment}`, Buffer.from(server.output.stderr));
  return haystacks;
}

/** The two files that hold a secret on purpose. */
function isSecretFile(where: string): boolean {
  return where.startsWith('root.key ') || where.startsWith('credentials ');
}

test('the search finds a secret in every form in which it may turn up', () => {
  const secret = randomBytes(32);
  const needles = needlesOf('secret', secret);
  const forms: Record<string, (before: Buffer) => string | Buffer> = {
    raw: (before) => Buffer.concat([before, secret, before]),
    hex: (before) => Buffer.concat([before, secret]).toString('hex'),
    base64: (before) => Buffer.concat([before, secret, before]).toString('base64'),
    base64url: (before) => Buffer.concat([before, secret, before]).toString('base64url'),
    'JSON of a Buffer': (before) => JSON.stringify({ before, secret }),
    'first half in base64': (before) => Buffer.concat([before, secret.subarray(0, 16)]).toString('base64'),
    'second half': (before) => Buffer.concat([before, secret.subarray(16)]),
  };
  for (const [name, form] of Object.entries(forms)) {
    for (const length of [0, 1, 2, 3, 4, 5]) {
      const haystack = Buffer.from(form(randomBytes(length)));
      expect(findNeedles(needles, [['haystack', haystack]]), `${name} after ${length} bytes`).not.toEqual([]);
    }
  }
  expect(findNeedles(needles, [['noise', Buffer.from(randomBytes(100_000).toString('base64'))]])).toEqual([]);
});

describe('the search of the records of every server that tests start', () => {
  test('finds what a client has sent or got, and what it signs with', async () => {
    const server = await startServer();
    servers.push(server);
    const secrets: Record<string, string> = { 'the secret access key': server.credentials.secretAccessKey };
    const { KeyMetadata } = await server.kms().send(new CreateKeyCommand({}));
    const dataKey = await server
      .kms()
      .send(new GenerateDataKeyCommand({ KeyId: KeyMetadata?.KeyId, KeySpec: 'AES_256' }));
    const Plaintext = randomBytes(40);
    await server.kms().send(new EncryptCommand({ KeyId: KeyMetadata?.KeyId, Plaintext }));
    secrets['the data key, in base64'] = Buffer.from(dataKey.Plaintext ?? []).toString('base64');
    secrets['the data key, in hex'] = Buffer.from(dataKey.Plaintext ?? []).toString('hex');
    secrets['the plaintext, in base64url'] = Plaintext.toString('base64url');
    const sts = new STSClient({ endpoint: server.url, region: 'us-east-1', credentials: server.credentials });
    const session = await sts.send(new GetSessionTokenCommand({}));
    secrets['the session token'] = session.Credentials?.SessionToken ?? '';
    secrets['the secret of the session'] = session.Credentials?.SecretAccessKey ?? '';
    expect(secretsInRecords(server.dataDir)).toEqual([]);

    const directory = temporaryDirectory();
    for (const [what, secret] of Object.entries(secrets)) {
      const record = { eventName: 'Encrypt', errorMessage: `Value '${secret}' is not valid`, sequence: what };
      mkdirSync(join(directory, 'audit'), { recursive: true });
      writeFileSync(join(directory, 'audit', 'w0.jsonl'), `${JSON.stringify({ record })}\n`);
      expect(secretsInRecords(directory), what).toHaveLength(1);
    }
    rmSync(directory, { recursive: true });
  });
});

describe('after a server has worked with them', () => {
  /** Everything that was on the disk or printed: with the server running, killed, and stopped. */
  const haystacks: Haystacks = new Map();
  let needles: Needle[] = [];
  let secretNames: string[] = [];
  let keyIds: string[] = [];

  beforeAll(async () => {
    const logging = ['--log-level', 'trace'];
    const first = await startServer({ workers: 2, args: logging });
    servers.push(first);
    const secrets = new Map<string, Uint8Array>();
    keyIds = [
      await useSecrets(first, first.kms(), 'first', secrets),
      await useSecrets(first, first.kms(), 'second', secrets),
    ];
    await provokeRefusals(first, keyIds[0] ?? '', secrets);
    await provokeFault(first);
    add(everything(first, 'while the server runs'));
    await first.kill();
    add(everything(first, 'after a crash'));
    const second = await startServer({ dataDir: first.dataDir, workers: 2, args: logging });
    await useSecrets(second, second.kms(), 'third', secrets);
    expect(await second.stop()).toBe(0);
    add(everything(second, 'after a clean stop'));
    await addKeysOf(first, secrets);
    secretNames = [...secrets.keys()];
    needles = secretNames.flatMap((name) => needlesOf(name, secrets.get(name) as Uint8Array));
    await cleanUp(first);
  });

  function add(more: Haystacks): void {
    for (const [where, bytes] of more) haystacks.set(where, bytes);
  }

  test('they are not in any file or log', () => {
    expect(
      findNeedles(
        needles,
        [...haystacks].filter(([where]) => !isSecretFile(where)),
      ),
    ).toEqual([]);
  });

  test('the search was for every secret, in every place', () => {
    expect(secretNames.sort()).toEqual(
      [
        ...['first', 'second', 'third'].flatMap((run) => [
          `the plaintext encrypted in the ${run} run`,
          `the data key of the ${run} run`,
          `the random bytes of the ${run} run`,
        ]),
        'the plaintext of a request that was refused',
        'the root key',
        'the domain key',
        "the domain key's key for records",
        "the domain key's key for key material",
        "the domain key's key for import token",
        'the first key material',
        'the second key material',
        'the third key material',
        'the secret access key',
        'the signing key of the day',
      ].sort(),
    );
    const places = [...haystacks.keys()].map((where) => basename(where.split(' ')[0] ?? ''));
    for (const place of ['keyhold.db', 'keyhold.db-wal', 'keyhold.db-shm', 'w0.jsonl', 'w1.jsonl', 'lock', 'the']) {
      expect(places).toContain(place);
    }
    for (const where of ['keyhold.db-wal while the server runs', 'keyhold.db-wal after a crash']) {
      expect(haystacks.get(where)?.length, where).toBeGreaterThan(0);
    }
    // What is not secret is found, so the bytes that were searched are those that the server wrote.
    const [keyId = ''] = keyIds;
    const withKeyId = [...haystacks].filter(([, bytes]) => bytes.includes(keyId)).map(([where]) => where);
    expect(withKeyId).toEqual(
      expect.arrayContaining(['keyhold.db-wal after a crash', 'keyhold.db after a clean stop']),
    );
    expect(withKeyId.some((where) => where.startsWith('audit/'))).toBe(true);
    expect(haystacks.get('the standard error while the server runs')?.includes('is not authentic')).toBe(true);
  });

  test('and where they belong, they are found', () => {
    const found = findNeedles(
      needles,
      [...haystacks].filter(([where]) => isSecretFile(where)),
    );
    for (const secret of ['the root key', 'the secret access key']) {
      expect(
        found.some((line) => line.startsWith(secret)),
        secret,
      ).toBe(true);
    }
    for (const line of found) expect(line).toMatch(/^the (root key|secret access key)/);
  });
});

/** Uses every operation that takes or gives a secret, and notes the secrets. Gives the id of the key that was used. */
async function useSecrets(
  server: TestServer,
  kms: KMSClient,
  run: string,
  secrets: Map<string, Uint8Array>,
): Promise<string> {
  const plaintext = randomBytes(64);
  const context = { purpose: run };
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Description: run }));
  const keyId = KeyMetadata?.KeyId ?? '';
  const encrypted = await kms.send(
    new EncryptCommand({ KeyId: keyId, Plaintext: plaintext, EncryptionContext: context }),
  );
  const decrypted = await kms.send(
    new DecryptCommand({ CiphertextBlob: encrypted.CiphertextBlob, EncryptionContext: context }),
  );
  expect(Buffer.from(decrypted.Plaintext ?? [])).toEqual(plaintext);
  await kms.send(
    new ReEncryptCommand({
      CiphertextBlob: encrypted.CiphertextBlob,
      SourceEncryptionContext: context,
      DestinationKeyId: keyId,
    }),
  );
  const dataKey = await kms.send(new GenerateDataKeyCommand({ KeyId: keyId, KeySpec: 'AES_256' }));
  const random = await kms.send(new GenerateRandomCommand({ NumberOfBytes: 32 }));
  secrets.set(`the plaintext encrypted in the ${run} run`, plaintext);
  secrets.set(`the data key of the ${run} run`, dataKey.Plaintext ?? new Uint8Array());
  secrets.set(`the random bytes of the ${run} run`, random.Plaintext ?? new Uint8Array());
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
  return keyId;
}

/** Sends a plaintext in requests that are refused, some with messages that tell what was wrong with them. */
async function provokeRefusals(server: TestServer, keyId: string, secrets: Map<string, Uint8Array>): Promise<void> {
  const plaintext = randomBytes(48);
  secrets.set('the plaintext of a request that was refused', plaintext);
  const text = plaintext.toString('base64');
  const sign = signerFor(server.credentials);
  const host = new URL(server.url).host;
  const lane = openLane(server.port);
  const bodies = [
    // JSON.parse quotes what it fails on.
    `{"KeyId":"${keyId}","Plaintext":"${text}`,
    `{"KeyId":"${keyId}","Plaintext":${text}}`,
    `${text}`,
    JSON.stringify({ KeyId: keyId, Plaintext: `${text}!` }),
    JSON.stringify({ KeyId: keyId, Plaintext: [text] }),
    JSON.stringify({ KeyId: keyId, Plaintext: text.repeat(200) }),
    JSON.stringify({ KeyId: keyId, Plaintext: text, EncryptionAlgorithm: 'RSAES_OAEP_SHA_1' }),
    JSON.stringify({ KeyId: keyId, Plaintext: text, DryRun: true }),
    JSON.stringify({ KeyId: 'alias/missing', Plaintext: text }),
  ];
  for (const body of bodies) {
    const { status } = await lane.exchange(bytesOf(sign(apiRequest(host, 'Encrypt', body))));
    expect(status, body.slice(0, 20)).toBe(400);
  }
  const whole = JSON.stringify({ KeyId: keyId, Plaintext: text });
  const forged = signerFor({ ...server.credentials, secretAccessKey: 'not the secret' })(
    apiRequest(host, 'Encrypt', whole),
  );
  expect((await lane.exchange(bytesOf(forged))).status).toBe(400);
  expect((await lane.exchange(bytesOf(sign(apiRequest(host, 'EncryptSomehow', whole))))).status).toBe(400);
  lane.close();
}

/** Has the server log a fault, with its causes. */
async function provokeFault(server: TestServer): Promise<void> {
  const kms = server.kms();
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  const database = new DatabaseSync(join(server.dataDir, 'keyhold.db'));
  const name = `${server.accountId}/us-east-1/${KeyMetadata?.KeyId}`;
  database.prepare("UPDATE records SET version = 7 WHERE tbl = 'materials' AND key LIKE ?").run(`${name}/%`);
  database.close();
  const use = kms.send(new EncryptCommand({ KeyId: KeyMetadata?.KeyId, Plaintext: Buffer.alloc(32) }));
  await expect(use).rejects.toMatchObject({ name: 'KMSInternalException' });
  while (!server.output.stderr.includes('is not authentic')) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Opens the stopped data directory with the server's own code, down to the plaintext key material. */
async function addKeysOf(server: TestServer, secrets: Map<string, Uint8Array>): Promise<void> {
  const random = systemRandom();
  const rootKeyPath = join(server.dataDir, 'root.key');
  const rootKey = openRootKeyFile(rootKeyPath, random);
  const raw = openSqliteStore({ path: join(server.dataDir, 'keyhold.db') });
  try {
    secrets.set('the root key', Buffer.from(readFileSync(rootKeyPath, 'utf8').trim().split(' ')[1] ?? '', 'base64'));
    const [wrapped, ...others] = await raw.list('domain-keys', { prefix: '', limit: 10 });
    if (wrapped === undefined || others.length > 0) throw new Error('there is not exactly one domain key');
    const domainKey = await rootKey.unwrap(wrapped.body, lengthPrefixed('domain key', wrapped.key));
    secrets.set('the domain key', domainKey);
    // As docs/formats/sealed-record.md derives them.
    for (const purpose of ['records', 'key material', 'import token']) {
      const label = Buffer.from(`keyhold domain ${purpose} v1`);
      const input = Buffer.concat([Buffer.from([0, 0, 0, 1]), label, Buffer.from([0, 0, 0, 1, 0])]);
      secrets.set(`the domain key's key for ${purpose}`, createHmac('sha256', domainKey).update(input).digest());
    }

    const domainKeys = await openDomainKeys(raw, rootKey, random);
    const store = sealedStore(raw, domainKeys.sealer('records'));
    const sealer = domainKeys.sealer('key material');
    const ordinals = ['first', 'second', 'third'];
    for (const { key: name } of await raw.list(materialsTable.name, { prefix: '', limit: 10 })) {
      // The one that `provokeFault` has spoilt does not open.
      const record = await store.get(materialsTable, name).catch(() => undefined);
      if (record === undefined) continue;
      const [accountId = '', region = '', keyId = '', materialId = ''] = name.split('/');
      const identity = lengthPrefixed('key material', accountId, region, keyId, materialId);
      const material = sealer.open(identity, Buffer.from(record.value.wrapped ?? '', 'base64'));
      // It is the material itself: its id is made of it.
      expect(createHmac('sha256', material).update('keyhold key material id v1').digest('hex')).toBe(materialId);
      secrets.set(`the ${ordinals.shift()} key material`, material);
    }
  } finally {
    await raw.close();
  }

  const { secretAccessKey } = server.credentials;
  secrets.set('the secret access key', Buffer.from(secretAccessKey));
  const hmac = (key: Buffer | string, data: string) => createHmac('sha256', key).update(data).digest();
  const day = new Date().toISOString().slice(0, 10).replaceAll('-', '');
  const signingKey = hmac(hmac(hmac(hmac(`AWS4${secretAccessKey}`, day), 'us-east-1'), 'kms'), 'aws4_request');
  secrets.set('the signing key of the day', signingKey);
}

test('of a destroyed key, not even the sealed material is left in the database or its write-ahead log', async () => {
  const server = await startServer({ args: ['--sandbox'] });
  servers.push(server);
  const kms = server.kms({ credentials: { accessKeyId: server.accountId, secretAccessKey: 'any' } });
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  const needles = needlesOf('the sealed material', sealedMaterialOf(server, KeyMetadata?.KeyId));
  // A part that crosses no page of the file is found as long as there is the record.
  expect(findNeedles(needles, everything(server, 'before'))).not.toEqual([]);

  await kms.send(new ScheduleKeyDeletionCommand({ KeyId: KeyMetadata?.KeyId, PendingWindowInDays: 7 }));
  await advanceClock(server, 8 * 24 * 60 * 60);
  await expectToVanish(server, needles);
});

test.each(['deleted', 'expired'])(
  'of imported material that was %s, nothing is left either, plain or sealed',
  async (how) => {
    const server = await startServer({ args: ['--sandbox'], workers: 2 });
    servers.push(server);
    const kms = server.kms({ credentials: { accessKeyId: server.accountId, secretAccessKey: 'any' } });
    // The log is emptied after the start as well, which must not be taken for what this test is about.
    const other = await kms.send(new CreateKeyCommand({}));
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: other.KeyMetadata?.KeyId, PendingWindowInDays: 7 }));
    const sealedBefore = needlesOf('another key', sealedMaterialOf(server, other.KeyMetadata?.KeyId));
    await advanceClock(server, 8 * 24 * 60 * 60);
    await expectToVanish(server, sealedBefore);
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Origin: 'EXTERNAL' }));
    const KeyId = KeyMetadata?.KeyId ?? '';
    const material = randomBytes(32);
    const request = await importRequest(kms, KeyId, material);
    const ValidTo = new Date(Date.now() + 9 * 24 * 60 * 60 * 1000);
    await kms.send(new ImportKeyMaterialCommand({ ...request, ValidTo }));
    await kms.send(new EncryptCommand({ KeyId, Plaintext: Buffer.alloc(32) }));

    const plain = [
      ...needlesOf('the material', material),
      ...needlesOf('the wrapped material', request.EncryptedKeyMaterial ?? new Uint8Array()),
      ...needlesOf('the import token', withoutDomainKeyId(request.ImportToken ?? new Uint8Array())),
    ];
    const sealed = needlesOf('the sealed material', sealedMaterialOf(server, KeyId));
    expect(findNeedles(plain, everything(server, 'before'))).toEqual([]);
    expect(findNeedles(sealed, everything(server, 'before'))).not.toEqual([]);
    if (how === 'deleted') await kms.send(new DeleteImportedKeyMaterialCommand({ KeyId }));
    else await advanceClock(server, 2 * 24 * 60 * 60);
    await expectToVanish(server, [...plain, ...sealed]);
  },
);

/** What is sealed begins with the id of the domain key, which is the same in all of it. */
function withoutDomainKeyId(sealed: Uint8Array): Uint8Array {
  return sealed.subarray(17);
}

/** The row of a key's material as it is sealed in the database. */
function sealedMaterialOf(server: TestServer, keyId: string | undefined): Buffer {
  const database = new DatabaseSync(join(server.dataDir, 'keyhold.db'), { readOnly: true });
  try {
    const row = database.prepare("SELECT body FROM records WHERE tbl = 'materials' AND key LIKE ?").get(`%/${keyId}/%`);
    return Buffer.from(withoutDomainKeyId(row?.['body'] as Uint8Array));
  } finally {
    database.close();
  }
}

async function advanceClock(server: TestServer, advanceSeconds: number): Promise<void> {
  const advance = { method: 'POST', body: JSON.stringify({ advanceSeconds }) };
  expect((await fetch(`${server.url}/_sandbox/clock`, advance)).status).toBe(200);
}

/** The write-ahead log is emptied right after the transaction that destroys something. */
async function expectToVanish(server: TestServer, needles: readonly Needle[]): Promise<void> {
  const left = () => findNeedles(needles, everything(server, 'after'));
  for (let attempts = 0; attempts < 200 && left().length > 0; attempts++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(left()).toEqual([]);
}
