import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EncryptCommand,
  GetKeyPolicyCommand,
  type KMSClient,
  KMSServiceException,
  ListKeysCommand,
} from '@aws-sdk/client-kms';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { AuditRecord } from '../src/audit/record.ts';
import { verifyAuditDirectory } from '../src/audit/verify.ts';
import { cleanUp, runToEnd, startServer, type TestServer, temporaryDirectory } from './support/server.ts';
import { treeOf } from './support/tree.ts';

/**
 * The store is not trusted: whoever edits a record in the database, by hand, sees it refused, the log name it, and all other
 * keys go on working.
 */

const plaintext = Buffer.from('what the key is for');

interface VictimKey {
  readonly keyId: string;
  /** The beginning of the names of all its records. */
  readonly name: string;
  readonly alias: string;
  readonly blob: Uint8Array;
}

async function makeKey(server: TestServer, kms: KMSClient, label: string): Promise<VictimKey> {
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Description: label }));
  const keyId = KeyMetadata?.KeyId ?? '';
  const alias = `alias/${label}`;
  await kms.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: keyId }));
  const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId: keyId, Plaintext: plaintext }));
  return { keyId, name: `${server.accountId}/us-east-1/${keyId}`, alias, blob: CiphertextBlob as Uint8Array };
}

function edit<Result>(dataDir: string, work: (database: DatabaseSync) => Result): Result {
  const database = new DatabaseSync(join(dataDir, 'keyhold.db'));
  try {
    return work(database);
  } finally {
    database.close();
  }
}

/** The name of the one record in a table that belongs to a key. */
function recordOf(database: DatabaseSync, table: string, key: VictimKey): string {
  const name = table === 'aliases' ? key.name.slice(0, -key.keyId.length) + key.alias : key.name;
  const rows = database
    .prepare('SELECT key FROM records WHERE tbl = ? AND (key = ? OR key LIKE ?)')
    .all(table, name, `${name}/%`);
  expect(rows, `rows of ${name} in ${table}`).toHaveLength(1);
  return rows[0]?.['key'] as string;
}

function bodyOf(database: DatabaseSync, table: string, name: string): Buffer {
  const row = database.prepare('SELECT body FROM records WHERE tbl = ? AND key = ?').get(table, name);
  return Buffer.from(row?.['body'] as Uint8Array);
}

function setBody(database: DatabaseSync, table: string, name: string, body: Uint8Array): void {
  const { changes } = database.prepare('UPDATE records SET body = ? WHERE tbl = ? AND key = ?').run(body, table, name);
  expect(changes).toBe(1);
}

function flipBit(database: DatabaseSync, table: string, name: string, at: number): void {
  const body = bodyOf(database, table, name);
  const index = at < 0 ? body.length + at : at;
  body[index] = (body[index] as number) ^ 1;
  setBody(database, table, name, body);
}

type Edit = (database: DatabaseSync, table: string, victim: string, other: string) => void;

/** What may be done to a record. `other` is the same record of another key, which stays as it is unless the edit says so. */
const edits: Record<string, Edit> = {
  'its format version changed': (database, table, victim) => flipBit(database, table, victim, 0),
  'its domain key id changed': (database, table, victim) => flipBit(database, table, victim, 1),
  'its nonce changed': (database, table, victim) => flipBit(database, table, victim, 17),
  'a bit of its ciphertext changed': (database, table, victim) => flipBit(database, table, victim, 40),
  'a bit of its tag changed': (database, table, victim) => flipBit(database, table, victim, -1),
  'its end cut off': (database, table, victim) => {
    setBody(database, table, victim, bodyOf(database, table, victim).subarray(0, -1));
  },
  'nothing left in it': (database, table, victim) => setBody(database, table, victim, Buffer.alloc(0)),
  "the body of another key's record": (database, table, victim, other) => {
    setBody(database, table, victim, bodyOf(database, table, other));
  },
  'another version': (database, table, victim) => {
    database.prepare('UPDATE records SET version = version + 1 WHERE tbl = ? AND key = ?').run(table, victim);
  },
  "another key's record in its place": (database, table, victim, other) => {
    const row = database.prepare('SELECT version, body FROM records WHERE tbl = ? AND key = ?').get(table, other);
    database.prepare('DELETE FROM records WHERE tbl = ? AND key = ?').run(table, victim);
    database
      .prepare('INSERT INTO records (tbl, key, version, body) VALUES (?, ?, ?, ?)')
      .run(table, victim, row?.['version'] as number, row?.['body'] as Uint8Array);
  },
  'a record of another table in its place': (database, table, victim) => {
    // A key and its policy have the same name, and only their tables keep them apart.
    const twin = { keys: 'policies', policies: 'keys' }[table];
    const stranger = database.prepare("SELECT body FROM records WHERE tbl = 'deployment'").get()?.[
      'body'
    ] as Uint8Array;
    setBody(database, table, victim, twin === undefined ? stranger : bodyOf(database, twin, victim));
  },
};

type Use = (kms: KMSClient, key: VictimKey) => Promise<unknown>;

const encrypt: Use = (kms, key) => kms.send(new EncryptCommand({ KeyId: key.keyId, Plaintext: plaintext }));
const encryptByAlias: Use = (kms, key) => kms.send(new EncryptCommand({ KeyId: key.alias, Plaintext: plaintext }));
const decrypt: Use = (kms, key) => kms.send(new DecryptCommand({ CiphertextBlob: key.blob }));
const describeKey: Use = (kms, key) => kms.send(new DescribeKeyCommand({ KeyId: key.keyId }));
const getKeyPolicy: Use = (kms, key) => kms.send(new GetKeyPolicyCommand({ KeyId: key.keyId }));
const disableKey: Use = (kms, key) => kms.send(new DisableKeyCommand({ KeyId: key.keyId }));

/** What an edited record of each table stops, and what it leaves alone. */
const tables: Record<string, { readonly refused: readonly Use[]; readonly untouched: readonly Use[] }> = {
  keys: { refused: [encrypt, decrypt, encryptByAlias, describeKey, getKeyPolicy, disableKey], untouched: [] },
  policies: { refused: [encrypt, decrypt, encryptByAlias, describeKey, getKeyPolicy, disableKey], untouched: [] },
  'aliases-of-key': { refused: [encrypt, decrypt, encryptByAlias, describeKey], untouched: [] },
  materials: { refused: [encrypt, decrypt, encryptByAlias], untouched: [describeKey, getKeyPolicy] },
  aliases: { refused: [encryptByAlias], untouched: [encrypt, decrypt, describeKey] },
};

/** The error that a use of a key ends with. */
async function failureOf(use: Promise<unknown>): Promise<KMSServiceException> {
  const error = await use.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error, 'it was not refused').toBeInstanceOf(KMSServiceException);
  return error as KMSServiceException;
}

/** The client learns that there was a fault and nothing else; the log says which record it was. */
async function expectTamperingRefused(server: TestServer, use: Promise<unknown>, logged: string): Promise<void> {
  const error = await failureOf(use);
  expect({ name: error.name, message: error.message, status: error.$metadata.httpStatusCode }).toEqual({
    name: 'KMSInternalException',
    message: 'The request was rejected because of an internal error. Try again.',
    status: 500,
  });
  const line = await logLineOf(server, error.$metadata.requestId ?? 'no request id');
  const { level, err } = JSON.parse(line) as { level: number; err: { code: string; message: string } };
  expect({ level, code: err.code }).toEqual({ level: 50, code: 'TamperedRecord' });
  // The log goes on with the causes.
  expect(`${err.message}: `.slice(0, logged.length + 2)).toBe(`${logged}: `);
}

/** The whole line about a request; it is written before the answer, but may reach us after it. */
async function logLineOf(server: TestServer, requestId: string): Promise<string> {
  for (;;) {
    const line = server.output.stderr
      .split('\n')
      .slice(0, -1)
      .find((each) => each.includes(requestId));
    if (line !== undefined) return line;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function expectWorks(kms: KMSClient, key: VictimKey): Promise<void> {
  expect(Buffer.from((await kms.send(new DecryptCommand({ CiphertextBlob: key.blob }))).Plaintext ?? [])).toEqual(
    plaintext,
  );
  for (const use of [encrypt, encryptByAlias, describeKey, getKeyPolicy]) await use(kms, key);
}

describe('a record edited while the server was stopped', () => {
  let server: TestServer;
  let kms: KMSClient;
  let bystander: VictimKey;
  const victims = new Map<string, { readonly key: VictimKey; readonly record: string; readonly version: number }>();

  beforeAll(async () => {
    const before = await startServer();
    const making = before.kms();
    bystander = await makeKey(before, making, 'bystander');
    const keys = new Map<string, VictimKey>();
    for (const table of Object.keys(tables)) {
      for (const how of Object.keys(edits)) {
        keys.set(`${table}: ${how}`, await makeKey(before, making, `victim-${keys.size}`));
      }
    }
    await before.stop();

    edit(before.dataDir, (database) => {
      for (const table of Object.keys(tables)) {
        const other = recordOf(database, table, bystander);
        for (const [how, tamper] of Object.entries(edits)) {
          const key = keys.get(`${table}: ${how}`) as VictimKey;
          const record = recordOf(database, table, key);
          tamper(database, table, record, other);
          const row = database.prepare('SELECT version FROM records WHERE tbl = ? AND key = ?').get(table, record);
          victims.set(`${table}: ${how}`, { key, record, version: row?.['version'] as number });
        }
      }
    });
    server = await startServer({ dataDir: before.dataDir });
    kms = server.kms();
  });

  afterAll(() => cleanUp(server));

  describe.each(Object.entries(tables))('in %s', (table, { refused, untouched }) => {
    test.each(Object.keys(edits))('is refused with %s', async (how) => {
      const { key, record, version } = victims.get(`${table}: ${how}`) as NonNullable<ReturnType<typeof victims.get>>;
      for (const use of refused) {
        const logged = `record ${table} "${record}" version ${version} is not authentic`;
        await expectTamperingRefused(server, use(kms, key), logged);
      }
      for (const use of untouched) await use(kms, key);
      await expectWorks(kms, bystander);
    });
  });

  test('is told to nobody by the audit trail either, which records the fault', async () => {
    const { key } = victims.get('policies: another version') as NonNullable<ReturnType<typeof victims.get>>;
    const error = await failureOf(encrypt(kms, key));
    const records: AuditRecord[] = [];
    const [verdict] = await verifyAuditDirectory(join(server.dataDir, 'audit'), (record) => records.push(record));
    expect(verdict?.problem).toBeUndefined();
    expect(records.find(({ requestID }) => requestID === error.$metadata.requestId)).toMatchObject({
      eventName: 'Encrypt',
      errorCode: 'KMSInternalException',
      errorMessage: '',
      requestParameters: { keyId: key.keyId },
    });
  });
});

describe('a record edited while the server runs, before anyone has asked for it', () => {
  test('is refused, and accepted again once it is what it was', async () => {
    const server = await startServer({ workers: 2 });
    try {
      const kms = server.kms();
      const bystander = await makeKey(server, kms, 'bystander');
      const made = await kms.send(new CreateKeyCommand({}));
      const keyId = made.KeyMetadata?.KeyId ?? '';
      const victim = { keyId, name: `${server.accountId}/us-east-1/${keyId}`, alias: '', blob: new Uint8Array() };
      for (const table of ['policies', 'keys', 'materials']) {
        const { record, body } = edit(server.dataDir, (database) => {
          const name = recordOf(database, table, victim);
          const original = bodyOf(database, table, name);
          flipBit(database, table, name, -1);
          return { record: name, body: original };
        });
        // On connections of their own, so that both workers are asked.
        for (let i = 0; i < 6; i++) {
          const logged = `record ${table} "${record}" version 1 is not authentic`;
          await expectTamperingRefused(server, encrypt(server.kms(), victim), logged);
        }
        await expectWorks(kms, bystander);
        edit(server.dataDir, (database) => setBody(database, table, record, body));
      }
      await encrypt(kms, victim);
    } finally {
      await cleanUp(server);
    }
  });
});

describe('a record that was removed', () => {
  let server: TestServer;
  let kms: KMSClient;
  let bystander: VictimKey;
  let withoutPolicy: VictimKey;
  let withoutMaterial: VictimKey;

  beforeAll(async () => {
    const before = await startServer();
    const making = before.kms();
    bystander = await makeKey(before, making, 'bystander');
    withoutPolicy = await makeKey(before, making, 'without-policy');
    withoutMaterial = await makeKey(before, making, 'without-material');
    await before.stop();
    edit(before.dataDir, (database) => {
      const remove = database.prepare('DELETE FROM records WHERE tbl = ? AND key = ?');
      remove.run('policies', recordOf(database, 'policies', withoutPolicy));
      remove.run('materials', recordOf(database, 'materials', withoutMaterial));
    });
    server = await startServer({ dataDir: before.dataDir });
    kms = server.kms();
  });

  afterAll(() => cleanUp(server));

  test('leaves a key without a policy, which nobody may use', async () => {
    for (const use of [encrypt, decrypt, encryptByAlias, describeKey, getKeyPolicy, disableKey]) {
      await expectTamperingRefused(server, use(kms, withoutPolicy), `key ${withoutPolicy.name} has no policy row`);
    }
    await expectWorks(kms, bystander);
  });

  test('leaves a key without material, which says so', async () => {
    const arn = `arn:aws:kms:us-east-1:${server.accountId}:key/${withoutMaterial.keyId}`;
    for (const use of [encrypt, encryptByAlias, decrypt]) {
      await expectTamperingRefused(server, use(kms, withoutMaterial), `${arn} has no row for its key material`);
    }
    await expectWorks(kms, bystander);
  });
});

describe('a record that all others depend on', () => {
  let directory = '';
  let original = '';
  let accountId = '';
  let accessKeyId = '';
  let count = 0;
  let server: TestServer | undefined;

  beforeAll(async () => {
    directory = temporaryDirectory();
    original = join(directory, 'original');
    const before = await startServer({ dataDir: original });
    ({ accountId } = before);
    ({ accessKeyId } = before.credentials);
    await makeKey(before, before.kms(), 'any');
    await before.stop();
  });
  afterEach(async () => {
    await server?.kill();
    server = undefined;
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  function editedCopy(work: (database: DatabaseSync) => void): string {
    count++;
    const dataDir = join(directory, `copy-${count}`);
    cpSync(original, dataDir, { recursive: true });
    edit(dataDir, work);
    return dataDir;
  }

  const recordOfTable = { 'access-keys': () => accessKeyId, users: () => `${accountId}/administrator` };
  const someEdits = ['a bit of its ciphertext changed', 'another version', 'a record of another table in its place'];

  describe.each(['access-keys', 'users'] as const)('in %s', (table) => {
    test.each(someEdits)('with %s, lets nobody in', async (how) => {
      const name = recordOfTable[table]();
      let version = 0;
      const dataDir = editedCopy((database) => {
        edits[how]?.(database, table, name, name);
        const row = database.prepare('SELECT version FROM records WHERE tbl = ? AND key = ?').get(table, name);
        version = row?.['version'] as number;
      });
      server = await startServer({ dataDir });
      const logged = `record ${table} "${name}" version ${version} is not authentic`;
      await expectTamperingRefused(server, server.kms().send(new ListKeysCommand({})), logged);
    });
  });

  test('an access key copied under another id signs nothing, and the original goes on', async () => {
    const copied = `AKIA${'A'.repeat(16)}`;
    const dataDir = editedCopy((database) => {
      database
        .prepare("INSERT INTO records SELECT tbl, ?, version, body FROM records WHERE tbl = 'access-keys' AND key = ?")
        .run(copied, accessKeyId);
    });
    server = await startServer({ dataDir });
    const kms = server.kms({ credentials: { ...server.credentials, accessKeyId: copied } });
    const logged = `record access-keys "${copied}" version 1 is not authentic`;
    await expectTamperingRefused(server, kms.send(new ListKeysCommand({})), logged);
    await server.kms().send(new ListKeysCommand({}));
  });

  test('an access key without its user signs nothing', async () => {
    const dataDir = editedCopy((database) => database.exec("DELETE FROM records WHERE tbl = 'users'"));
    server = await startServer({ dataDir });
    const logged = `access key ${accessKeyId} belongs to no user`;
    await expectTamperingRefused(server, server.kms().send(new ListKeysCommand({})), logged);
  });

  test.each<[string, string, (database: DatabaseSync) => void]>([
    [
      'an edited deployment record',
      'record deployment "this" version 1 is not authentic',
      (database) => flipBit(database, 'deployment', 'this', -1),
    ],
    [
      // Otherwise the start would take itself for the first one, and make another account and administrator.
      'no deployment record',
      'the record of the deployment is missing',
      (database) => database.exec("DELETE FROM records WHERE tbl = 'deployment'"),
    ],
    [
      // A change log that says that nothing was ever written must not make it one either.
      'neither a deployment record nor a change log',
      'the record of the deployment is missing',
      (database) => database.exec("DELETE FROM changes; DELETE FROM records WHERE tbl = 'deployment'"),
    ],
    [
      'nothing left but a domain key',
      'the record of the deployment is missing',
      (database) => database.exec("DELETE FROM changes; DELETE FROM records WHERE tbl <> 'domain-keys'"),
    ],
    ...['deployment', 'accounts', 'users', 'access-keys', 'keys'].map(
      (table): [string, string, (database: DatabaseSync) => void] => [
        `nothing left but ${table}`,
        'the store holds no domain key',
        (database) => database.exec(`DELETE FROM changes; DELETE FROM records WHERE tbl <> '${table}'`),
      ],
    ),
    [
      'a trigger that undoes what is changed',
      'keyhold.db holds "trigger undo", which Keyhold did not make',
      (database) =>
        database.exec(`CREATE TRIGGER undo AFTER UPDATE ON records BEGIN
          UPDATE records SET body = OLD.body, version = OLD.version WHERE tbl = OLD.tbl AND key = OLD.key; END`),
    ],
    [
      'an edited domain key',
      'the root key does not open the domain keys',
      (database) => {
        const row = database.prepare("SELECT key FROM records WHERE tbl = 'domain-keys'").get();
        flipBit(database, 'domain-keys', row?.['key'] as string, -1);
      },
    ],
    [
      'a domain key under another id',
      'the root key does not open the domain keys',
      (database) => database.exec(`UPDATE records SET key = '${'0'.repeat(32)}' WHERE tbl = 'domain-keys'`),
    ],
    [
      'no domain key',
      'the store holds no domain key',
      (database) => database.exec("DELETE FROM records WHERE tbl = 'domain-keys'"),
    ],
  ])('a start with %s is refused, also with --sandbox, and changes nothing', async (_, message, work) => {
    const dataDir = editedCopy(work);
    const before = treeOf(dataDir);
    for (const more of [[], ['--sandbox']]) {
      const run = await runToEnd(['--data-dir', dataDir, '--listen', '127.0.0.1:0', ...more]);
      expect(run.stderr).toContain(message);
      expect(run.stderr).toMatch(/^keyhold: [^\n]+\n$/);
      expect(run.status).toBe(2);
      expect(treeOf(dataDir)).toEqual(before);
    }
  });
});
