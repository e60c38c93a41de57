import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SealedBox } from '../crypto/sealed-box.ts';
import { SecretBytes } from '../crypto/secret-bytes.ts';
import { KeyholdError } from '../runtime/errors.ts';
import { systemRandom } from '../runtime/random.ts';
import { openMemoryStore } from './memory/memory-store.ts';
import { type RecordSealer, type Store, sealedStore, table } from './sealed-store.ts';
import { openSqliteStore, type SqliteStore } from './sqlite/sqlite-store.ts';

interface Alias {
  readonly target: string;
  readonly note?: string;
}

const aliases = table<Alias>('alias');
const policies = table<Alias>('policy');
const SECRET = 'the-plaintext-that-must-not-be-found';

function randomSealer(): RecordSealer {
  const key = new SecretBytes(randomBytes(32));
  const box = new SealedBox('keyhold test record');
  const random = systemRandom();
  return {
    seal: (associatedData, plaintext) => box.seal(key, random, plaintext, associatedData),
    open: (associatedData, sealed) => box.open(key, sealed, associatedData),
  };
}

let directory: string;
let path: string;
let raw: SqliteStore;
let store: Store;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyhold-sealed-'));
  path = join(directory, 'state.db');
  raw = openSqliteStore({ path });
  store = sealedStore(raw, randomSealer());
});

afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

/** Changes the database as someone with the file and a SQLite shell would. */
function byHand(sql: string, ...values: (string | number | Uint8Array)[]): void {
  const database = new DatabaseSync(path);
  try {
    const { changes } = database.prepare(sql).run(...values);
    expect(changes).toBeGreaterThan(0);
  } finally {
    database.close();
  }
}

function bodyOf(tableName: string, key: string): Uint8Array {
  const database = new DatabaseSync(path);
  try {
    const row = database.prepare('SELECT body FROM records WHERE tbl = ? AND key = ?').get(tableName, key);
    return row?.['body'] as Uint8Array;
  } finally {
    database.close();
  }
}

function createTwo(): Promise<void> {
  return store.transact(async (transaction) => {
    await transaction.create(aliases, 'one', { target: 'key-1', note: SECRET });
    await transaction.create(aliases, 'two', { target: 'key-2' });
  });
}

/** Expects that both ways to read refuse the record, by its name and without its contents. */
async function expectTampered(tableName: 'alias' | 'policy', key: string): Promise<void> {
  const from = tableName === 'alias' ? aliases : policies;
  for (const reading of [store.get(from, key), store.list(from, { prefix: key, limit: 10 })]) {
    const error = await reading.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(KeyholdError);
    expect(error).toMatchObject({ code: 'TamperedRecord' });
    expect((error as Error).message).toContain(tableName);
    expect((error as Error).message).toContain(JSON.stringify(key));
    expect((error as Error).message).not.toContain(SECRET);
  }
}

test('values come back as they went in, with their versions', async () => {
  await createTwo();
  await store.transact(async (transaction) => {
    expect(await transaction.get(aliases, 'two')).toEqual({ version: 1, value: { target: 'key-2' } });
    await transaction.replace(aliases, 'two', { target: 'ключ-🔑' }, 1);
    expect(await transaction.get(aliases, 'two')).toEqual({ version: 2, value: { target: 'ключ-🔑' } });
  });
  expect(await store.list(aliases, { prefix: '', limit: 10 })).toEqual([
    { key: 'one', version: 1, value: { target: 'key-1', note: SECRET } },
    { key: 'two', version: 2, value: { target: 'ключ-🔑' } },
  ]);
  await store.transact((transaction) => transaction.remove(aliases, 'two', 2));
  expect(await store.get(aliases, 'two')).toBeUndefined();
  expect(await store.head()).toBe(4);
  expect(await store.changesSince(3)).toEqual({
    complete: true,
    changes: [{ sequence: 4, table: 'alias', key: 'two' }],
    head: 4,
  });
});

test('a conflict passes through', async () => {
  await createTwo();
  await expect(
    store.transact((transaction) => transaction.replace(aliases, 'one', { target: 'x' }, 2)),
  ).rejects.toMatchObject({ code: 'StoreConflict' });
  await expect(store.transact((transaction) => transaction.remove(aliases, 'one', 2))).rejects.toMatchObject({
    code: 'StoreConflict',
  });
});

test('any flipped bit of a body is refused', async () => {
  await store.transact((transaction) => transaction.create(aliases, 'one', { target: 'k' }));
  const body = bodyOf('alias', 'one');
  for (let bit = 0; bit < body.length * 8; bit++) {
    const flipped = Uint8Array.from(body);
    const index = bit >> 3;
    flipped[index] = (flipped[index] as number) ^ (1 << (bit & 7));
    byHand('UPDATE records SET body = ? WHERE key = ?', flipped, 'one');
    await expect(store.get(aliases, 'one')).rejects.toMatchObject({ code: 'TamperedRecord' });
  }
  await expectTampered('alias', 'one');
  byHand('UPDATE records SET body = ? WHERE key = ?', body, 'one');
  expect(await store.get(aliases, 'one')).toEqual({ version: 1, value: { target: 'k' } });
});

test('a truncated, extended or emptied body is refused', async () => {
  await createTwo();
  const body = bodyOf('alias', 'one');
  for (const edited of [
    ...Array.from({ length: body.length }, (_, length) => body.subarray(0, length)),
    body.subarray(1),
    Buffer.concat([body, Buffer.alloc(1)]),
  ]) {
    byHand('UPDATE records SET body = ? WHERE key = ?', edited, 'one');
    await expectTampered('alias', 'one');
  }
});

test('a swapped body is refused', async () => {
  await createTwo();
  const one = bodyOf('alias', 'one');
  byHand('UPDATE records SET body = ? WHERE key = ?', bodyOf('alias', 'two'), 'one');
  byHand('UPDATE records SET body = ? WHERE key = ?', one, 'two');
  await expectTampered('alias', 'one');
  await expectTampered('alias', 'two');
});

test('a record moved to another key or table is refused', async () => {
  await createTwo();
  byHand("UPDATE records SET key = 'three' WHERE key = 'one'");
  byHand("UPDATE records SET tbl = 'policy' WHERE key = 'two'");
  await expectTampered('alias', 'three');
  await expectTampered('policy', 'two');
});

test('a tampered record hides no other’s name', async () => {
  await createTwo();
  byHand("UPDATE records SET body = x'00' WHERE key = 'one'");
  await expect(store.list(aliases, { prefix: '', limit: 10 })).rejects.toMatchObject({ code: 'TamperedRecord' });
  expect(await store.names(aliases, { prefix: '', limit: 10 })).toEqual(['one', 'two']);
  expect(await store.names(policies, { prefix: '', limit: 10 })).toEqual([]);
});

test('an edited version is refused, also within a transaction', async () => {
  await createTwo();
  byHand('UPDATE records SET version = 7 WHERE key = ?', 'one');
  await expectTampered('alias', 'one');
  await expect(store.transact((transaction) => transaction.get(aliases, 'one'))).rejects.toMatchObject({
    code: 'TamperedRecord',
  });
});

test('the body of an older version is refused under the newer one', async () => {
  await createTwo();
  const older = bodyOf('alias', 'one');
  await store.transact((transaction) => transaction.replace(aliases, 'one', { target: 'key-3' }, 1));
  byHand('UPDATE records SET body = ? WHERE key = ?', older, 'one');
  await expectTampered('alias', 'one');
});

test('a database sealed under another key is refused', async () => {
  await createTwo();
  store = sealedStore(raw, randomSealer());
  await expectTampered('alias', 'one');
});

test('columns of another type, in tables that were replaced, are refused', async () => {
  await createTwo();
  const database = new DatabaseSync(path);
  database.exec(`DROP TABLE records; CREATE TABLE records (tbl TEXT, key TEXT, version, body, PRIMARY KEY (tbl, key));
    INSERT INTO records VALUES ('alias', 'one', 1, '{"target":"evil"}'), ('alias', 'two', 'x', x'00')`);
  database.close();
  await expectTampered('alias', 'one');
  await expectTampered('alias', 'two');
});

test('what is sealed but is no JSON is refused, and not quoted', async () => {
  const forgetful: RecordSealer = { seal: (_, plaintext) => Uint8Array.from(plaintext), open: (_, sealed) => sealed };
  const memory = openMemoryStore();
  await memory.transact((transaction) => transaction.create('alias', 'one', Buffer.from(`${SECRET}{`)));
  const error = await sealedStore(memory, forgetful)
    .get(aliases, 'one')
    .catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'TamperedRecord', cause: undefined });
});

test('other failures of the sealer are not called tampering', async () => {
  await createTwo();
  const failing: RecordSealer = {
    ...randomSealer(),
    open() {
      throw new KeyholdError('KeyUnavailableException');
    },
  };
  await expect(sealedStore(raw, failing).get(aliases, 'one')).rejects.toMatchObject({
    code: 'KeyUnavailableException',
  });
});

test('the plaintext is wiped, and is in none of the files', async () => {
  const seen: Uint8Array[] = [];
  const sealer = randomSealer();
  store = sealedStore(raw, {
    seal(associatedData, plaintext) {
      seen.push(plaintext);
      return sealer.seal(associatedData, plaintext);
    },
    open(associatedData, sealed) {
      const plaintext = sealer.open(associatedData, sealed);
      seen.push(plaintext);
      return plaintext;
    },
  });
  await createTwo();
  await store.get(aliases, 'one');
  expect(seen).toHaveLength(3);
  for (const plaintext of seen) expect(plaintext.every((byte) => byte === 0)).toBe(true);

  const files = readdirSync(directory);
  expect(files.sort()).toEqual(['state.db', 'state.db-shm', 'state.db-wal']);
  const contents = () => files.map((file) => readFileSync(join(directory, file)));
  // The test can see something: keys are in the clear.
  expect(contents().some((content) => content.includes('alias'))).toBe(true);
  expect(contents().some((content) => content.includes(SECRET))).toBe(false);
  await raw.scrub();
  expect(contents().some((content) => content.includes(SECRET))).toBe(false);
});
