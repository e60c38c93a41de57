import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { KeyholdError } from '../../runtime/errors.ts';
import type { RawStore } from '../contract.ts';
import { APPLICATION_ID, SCHEMA_VERSION } from './migrations.ts';
import { LIST_SQL } from './record-reads.ts';
import { openSqliteStore, type SqliteStore } from './sqlite-store.ts';
import { writeLock, writeLockMemory } from './write-lock.ts';

let directory: string;
let path: string;
const opened: RawStore[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyhold-sqlite-'));
  path = join(directory, 'state.db');
});

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  rmSync(directory, { recursive: true });
});

function open(options: Partial<Parameters<typeof openSqliteStore>[0]> = {}): SqliteStore {
  const store = openSqliteStore({ path, ...options });
  opened.push(store);
  return store;
}

function create(store: RawStore, key: string, body = 'body'): Promise<void> {
  return store.transact((transaction) => transaction.create('t', key, Buffer.from(body)));
}

function withDatabase<T>(use: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(path);
  try {
    return use(database);
  } finally {
    database.close();
  }
}

function refusal(): KeyholdError {
  try {
    open();
  } catch (error) {
    return error as KeyholdError;
  }
  throw new Error('the database was not refused');
}

test('keeps what was committed across openings', async () => {
  const first = open();
  await create(first, 'kept');
  await first.close();
  const second = open();
  expect((await second.get('t', 'kept'))?.version).toBe(1);
  expect(await second.head()).toBe(1);
});

test('sequences are not used again, even when the log was emptied', async () => {
  const first = open();
  await create(first, 'a');
  await first.close();
  withDatabase((database) => database.exec('DELETE FROM changes'));
  const second = open();
  await create(second, 'b');
  expect(await second.head()).toBe(2);
});

test('its files are for their owner only', async () => {
  const umask = process.umask(0);
  try {
    await create(open(), 'a');
    const files = readdirSync(directory).sort();
    expect(files).toEqual(['state.db', 'state.db-shm', 'state.db-wal']);
    for (const file of files) expect(statSync(join(directory, file)).mode & 0o777).toBe(0o600);
  } finally {
    process.umask(umask);
  }
});

test('marks the file as its own, with the schema version, in WAL mode', async () => {
  await open().close();
  withDatabase((database) => {
    expect(database.prepare('PRAGMA application_id').get()).toEqual({ application_id: APPLICATION_ID });
    expect(database.prepare('PRAGMA user_version').get()).toEqual({ user_version: SCHEMA_VERSION });
    expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
  });
});

test('refuses a newer schema, and leaves it as it is', async () => {
  await open().close();
  withDatabase((database) => database.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`));
  const before = readFileSync(path);
  const error = refusal();
  expect(error.code).toBe('StoreUnavailable');
  expect(error.message).toContain(`schema version ${SCHEMA_VERSION + 1}`);
  expect(readFileSync(path).equals(before)).toBe(true);
});

test.each([
  [
    // The trigger that makes every later revocation undo itself.
    'trigger undo',
    `CREATE TRIGGER undo AFTER UPDATE ON records BEGIN
       UPDATE records SET body = OLD.body, version = OLD.version WHERE tbl = NEW.tbl AND key = NEW.key; END`,
  ],
  ['view recent', 'CREATE VIEW recent AS SELECT * FROM changes'],
  ['index fast', 'CREATE INDEX fast ON changes (tbl)'],
  ['table notes', 'CREATE TABLE notes (text TEXT)'],
  ['table sqlite_stat1', 'ANALYZE'],
  ['table fts', 'CREATE VIRTUAL TABLE fts USING fts5(text)'],
  ['table records', 'ALTER TABLE records ADD COLUMN older BLOB'],
  [
    'table changes',
    'DROP TABLE changes; CREATE TABLE changes (sequence INTEGER PRIMARY KEY, tbl TEXT NOT NULL, key TEXT NOT NULL)',
  ],
  ['trigger a\\nb', 'CREATE TRIGGER "a\nb" AFTER DELETE ON records BEGIN SELECT 1; END'],
])('refuses a database that holds an object of someone else: %s', async (object, sql) => {
  await create(open(), 'a');
  await opened.pop()?.close();
  withDatabase((database) => database.exec(sql));
  const before = readFileSync(path);
  expect(refusal()).toMatchObject({
    code: 'StoreUnavailable',
    message: `${path} holds "${object}", which Keyhold did not make`,
  });
  expect(readFileSync(path).equals(before)).toBe(true);
});

test('refuses a database that lacks a table', async () => {
  await open().close();
  withDatabase((database) => database.exec('DROP TABLE changes'));
  expect(refusal()).toMatchObject({
    code: 'StoreUnavailable',
    message: `${path} is damaged: it lacks "table changes"`,
  });
});

test('takes a database that was vacuumed, and one that is a copy', async () => {
  await create(open(), 'a');
  await opened.pop()?.close();
  withDatabase((database) => database.exec(`VACUUM; VACUUM INTO '${path}.copy'`));
  for (const each of [path, `${path}.copy`]) expect((await open({ path: each }).get('t', 'a'))?.version).toBe(1);
});

test('a version that no number holds is tampering, and hides no other record’s name', async () => {
  const store = open();
  await create(store, 'a');
  await create(store, 'b');
  for (const version of ['9007199254740992', '9223372036854775807', '-9223372036854775808']) {
    withDatabase((database) => database.exec(`UPDATE records SET version = ${version} WHERE key = 'a'`));
    await expect(store.get('t', 'a')).rejects.toMatchObject({ code: 'TamperedRecord' });
    expect(await store.names('t', { prefix: '', limit: 10 })).toEqual(['a', 'b']);
  }
});

test.each([
  ['with another application id', 'PRAGMA application_id = 12345; CREATE TABLE t (x)'],
  ['without an application id', 'CREATE TABLE records (x)'],
  ['with only a version', 'PRAGMA user_version = 1'],
])("refuses someone else's database %s, and leaves it as it is", (_description, sql) => {
  withDatabase((database) => database.exec(sql));
  const before = readFileSync(path);
  expect(refusal()).toMatchObject({ code: 'StoreUnavailable', message: `${path} is not a Keyhold database` });
  expect(readFileSync(path).equals(before)).toBe(true);
  expect(readdirSync(directory)).toEqual(['state.db']);
});

test('refuses what is no database, in one line', () => {
  writeFileSync(path, 'some notes that are not a database at all, '.repeat(100));
  const error = refusal();
  expect(error).toMatchObject({ code: 'StoreUnavailable' });
  expect(error.message).toBe(`${path} cannot be opened: file is not a database`);
});

test('refuses a path that cannot be a file', () => {
  mkdirSync(path);
  expect(refusal()).toMatchObject({ code: 'StoreUnavailable' });
  path = join(directory, 'missing', 'state.db');
  expect(refusal()).toMatchObject({ code: 'StoreUnavailable' });
});

test('takes an empty file as a new store, and names of special meaning as files', async () => {
  writeFileSync(path, '');
  await create(open(), 'a');
  const before = process.cwd();
  process.chdir(directory);
  try {
    await open({ path: ':memory:' }).close();
    await open({ path: 'file:x?mode=memory' }).close();
  } finally {
    process.chdir(before);
  }
  expect(readdirSync(directory)).toEqual(expect.arrayContaining([':memory:', 'file:x?mode=memory']));
});

test('two stores on one file see what the other has committed, and only that', async () => {
  const memory = writeLockMemory(2);
  const [left, right] = [open({ writeLock: writeLock(memory, 0) }), open({ writeLock: writeLock(memory, 1) })];
  await left.transact(async (transaction) => {
    await transaction.create('t', 'a', Buffer.from('x'));
    expect(await right.get('t', 'a')).toBeUndefined();
    expect(await right.head()).toBe(0);
  });
  expect((await right.get('t', 'a'))?.version).toBe(1);
  await right.transact((transaction) => transaction.replace('t', 'a', Buffer.from('y'), 1));
  expect(await left.changesSince(1)).toEqual({
    complete: true,
    changes: [{ sequence: 2, table: 't', key: 'a' }],
    head: 2,
  });
});

test('two stores that transact at the same time wait for each other without blocking the thread', async () => {
  const memory = writeLockMemory(2);
  const stores = [open({ writeLock: writeLock(memory, 0) }), open({ writeLock: writeLock(memory, 1) })];
  await create(stores[0] as RawStore, 'counter', '0');
  // With SQLite's own lock alone the second store would block this thread, the first could not go on, and both would fail.
  const increment = (_: unknown, index: number) =>
    (stores[index % 2] as RawStore).transact(async (transaction) => {
      const record = await transaction.get('t', 'counter');
      await new Promise(setImmediate);
      const next = Number(Buffer.from(record?.body ?? []).toString()) + 1;
      await transaction.replace('t', 'counter', Buffer.from(`${next}`), record?.version ?? 0);
    });
  await Promise.all(Array.from({ length: 100 }, increment));
  expect(Buffer.from((await stores[1]?.get('t', 'counter'))?.body ?? []).toString()).toBe('100');
});

test('listing is a search in an index range, and sorts nothing', async () => {
  open();
  withDatabase((database) => {
    const plan = database
      .prepare(`EXPLAIN QUERY PLAN ${LIST_SQL}`)
      .all('t', Buffer.from('a'), Buffer.from('b'), 1)
      .map((row) => row['detail']);
    expect(plan).toEqual(['SEARCH records USING PRIMARY KEY (tbl=? AND key>? AND key<?)']);
  });
});

test('what was removed is gone from the database and, after scrubbing, from the log', async () => {
  const store = open();
  const marker = 'material-that-is-to-be-destroyed';
  await create(store, 'material', marker.repeat(10));
  await store.scrub();
  const contents = () => readdirSync(directory).map((file) => readFileSync(join(directory, file)));
  expect(contents().some((content) => content.includes(marker))).toBe(true);
  await store.transact((transaction) => transaction.remove('t', 'material', 1));
  await store.scrub();
  expect(statSync(`${path}-wal`).size).toBe(0);
  expect(contents().some((content) => content.includes(marker))).toBe(false);
});

test('scrubbing that a reader prevents says so', async () => {
  const store = open();
  await create(store, 'a');
  const reader = new DatabaseSync(path, { readOnly: true });
  reader.exec('BEGIN; SELECT count(*) FROM records');
  await create(store, 'b');
  await expect(store.scrub()).rejects.toMatchObject({ code: 'StoreUnavailable' });
  reader.close();
  await store.scrub();
});

test('a transaction in which a statement failed commits nothing, even if its work ignores the error', async () => {
  const store = open();
  // A trigger stands in for a full disk, where SQLite also rolls back on its own.
  withDatabase((database) =>
    database.exec(`CREATE TRIGGER full BEFORE INSERT ON records WHEN NEW.key = 'poison'
      BEGIN SELECT RAISE(ROLLBACK, 'the disk is full'); END`),
  );
  const failed = store.transact(async (transaction) => {
    await transaction.create('t', 'before', Buffer.from('x'));
    await transaction.create('t', 'poison', Buffer.from('x')).catch(() => {});
    await transaction.create('t', 'after', Buffer.from('x')).catch(() => {});
  });
  await expect(failed).rejects.toMatchObject({ code: 'StoreUnavailable' });
  expect(await store.list('t', { prefix: '', limit: 10 })).toEqual([]);
  expect(await store.head()).toBe(0);
  await create(store, 'next');
  expect(await store.head()).toBe(1);
});
