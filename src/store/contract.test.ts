import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { KeyholdError } from '../runtime/errors.ts';
import type { ChangeLogLimits } from './change-log.ts';
import type { ListOptions, RawReader, RawStore, RawTransaction } from './contract.ts';
import { openMemoryStore } from './memory/memory-store.ts';
import { openSqliteStore } from './sqlite/sqlite-store.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type OpenStore = (changeLogLimits?: ChangeLogLimits) => RawStore;

const openSqlite: OpenStore = (changeLogLimits) => {
  const directory = mkdtempSync(join(tmpdir(), 'keyhold-store-'));
  cleanups.push(() => rmSync(directory, { recursive: true }));
  const store = openSqliteStore({ path: join(directory, 'state.db'), ...(changeLogLimits && { changeLogLimits }) });
  cleanups.push(() => store.close());
  return store;
};

const openMemory: OpenStore = (changeLogLimits) => openMemoryStore(changeLogLimits && { changeLogLimits });

const bytes = (text: string) => Buffer.from(text, 'utf8');

/** A record or entry with its body as text, which compares and prints well. */
function legible<R extends { body: Uint8Array }>(record: R) {
  return { ...record, body: Buffer.from(record.body).toString('utf8') };
}

async function getText(reader: RawReader, table: string, key: string) {
  const record = await reader.get(table, key);
  return record && legible(record);
}

async function keysOf(reader: RawReader, table: string, prefix = '', after?: string, limit = 1000): Promise<string[]> {
  const options = { prefix, limit, ...(after !== undefined && { after }) };
  const keys = (await reader.list(table, options)).map((entry) => entry.key);
  expect(await reader.names(table, options)).toEqual(keys);
  return keys;
}

function createAll(store: RawStore, table: string, keys: readonly string[]): Promise<void> {
  return store.transact(async (transaction) => {
    for (const key of keys) await transaction.create(table, key, bytes(`body of ${key}`));
  });
}

const conflict = expect.objectContaining({ code: 'StoreConflict' });

describe.each([
  ['sqlite', openSqlite],
  ['memory', openMemory],
] as const)('the %s store', (_name, open) => {
  test('reads what was created, with its version', async () => {
    const store = open();
    await createAll(store, 'key', ['a']);
    expect(await getText(store, 'key', 'a')).toEqual({ version: 1, body: 'body of a' });
    expect(await store.list('key', { prefix: '', limit: 10 }).then((entries) => entries.map(legible))).toEqual([
      { key: 'a', version: 1, body: 'body of a' },
    ]);
  });

  test('keeps tables apart', async () => {
    const store = open();
    await createAll(store, 'key', ['a']);
    expect(await store.get('alias', 'a')).toBeUndefined();
    expect(await keysOf(store, 'alias')).toEqual([]);
  });

  test('keeps an empty body and every byte value', async () => {
    const store = open();
    const every = Uint8Array.from({ length: 256 }, (_, value) => value);
    await store.transact(async (transaction) => {
      await transaction.create('t', 'empty', new Uint8Array());
      await transaction.create('t', 'every', every);
    });
    expect((await store.get('t', 'empty'))?.body).toHaveLength(0);
    expect(Buffer.from((await store.get('t', 'every'))?.body ?? []).equals(every)).toBe(true);
  });

  test('is not changed through the buffers that went in and came out', async () => {
    const store = open();
    const body = bytes('secret');
    await store.transact((transaction) => transaction.create('t', 'k', body));
    body.fill(0);
    (await store.get('t', 'k'))?.body.fill(0);
    for (const entry of await store.list('t', { prefix: '', limit: 1 })) entry.body.fill(0);
    expect((await getText(store, 't', 'k'))?.body).toBe('secret');
  });

  test('orders keys by the bytes of their UTF-8, not by UTF-16', async () => {
    const store = open();
    const ordered = ['A', 'a', 'a\u0001', 'aa', 'é', '\uff5e', '\u{1f511}', '\u{10ffff}'];
    await createAll(store, 't', ordered.toReversed());
    expect(await keysOf(store, 't')).toEqual(ordered);
    for (const [index, key] of ordered.entries()) {
      expect(await keysOf(store, 't', '', key)).toEqual(ordered.slice(index + 1));
    }
  });

  test('lists by prefix: all that begin with it and nothing else', async () => {
    const store = open();
    const keys = ['a', 'a%', 'a%b', 'a_', 'ab', 'abc', 'ac', 'A', 'b', 'é', 'éa', 'ê', '\u007f', '\u0080', '\u07ff'];
    keys.push('\u{10fffe}', '\u{10ffff}', '\u{10ffff}\u{10ffff}', '\u{10ffff}z', '\ud7ff', '\ue000', '\uffff');
    await createAll(store, 't', keys);
    for (const prefix of [...keys, '', 'zz', 'abcd', '*', '\u{10ffff}\u{10ffff}']) {
      const expected = keys.filter((key) => key.startsWith(prefix));
      expect(new Set(await keysOf(store, 't', prefix)), JSON.stringify(prefix)).toEqual(new Set(expected));
    }
  });

  test('pages: after is excluded, need not exist, and the limit holds', async () => {
    const store = open();
    await createAll(store, 't', ['p/1', 'p/2', 'p/3', 'p/4', 'q/1']);
    expect(await keysOf(store, 't', 'p/', undefined, 2)).toEqual(['p/1', 'p/2']);
    expect(await keysOf(store, 't', 'p/', 'p/2', 2)).toEqual(['p/3', 'p/4']);
    expect(await keysOf(store, 't', 'p/', 'p/4', 2)).toEqual([]);
    expect(await keysOf(store, 't', 'p/', 'p/22', 2)).toEqual(['p/3', 'p/4']);
    expect(await keysOf(store, 't', 'p/', 'a', 2)).toEqual(['p/1', 'p/2']);
    expect(await keysOf(store, 't', 'p/', 'z', 2)).toEqual([]);
    expect(await keysOf(store, 't', '', 'p/3', 9)).toEqual(['p/4', 'q/1']);
  });

  test.each([0, -1, 1.5, Number.NaN])('refuses to list with limit %d', async (limit) => {
    await expect(open().list('t', { prefix: '', limit })).rejects.toThrow('invariant broken');
    await expect(open().names('t', { prefix: '', limit })).rejects.toThrow('invariant broken');
  });

  test.each(['', 'a\0b', '\ud800', 'a\udc00'])(
    'finds nothing under the impossible key %j, and writes none',
    async (key) => {
      const store = open();
      await createAll(store, 't', ['a', 'a\ufffd', '\ufffd']);
      expect(await store.get('t', key)).toBeUndefined();
      if (key !== '') expect(await keysOf(store, 't', key)).toEqual([]);
      await expect(store.transact((transaction) => transaction.create('t', key, bytes('x')))).rejects.toThrow(
        'invariant',
      );
    },
  );

  test('takes names of object properties as keys', async () => {
    const store = open();
    expect(await store.get('t', '__proto__')).toBeUndefined();
    await createAll(store, 't', ['__proto__', 'constructor']);
    expect((await getText(store, 't', '__proto__'))?.body).toBe('body of __proto__');
    expect(await store.get('constructor', 'constructor')).toBeUndefined();
  });

  test('counts versions, and begins again after a removal', async () => {
    const store = open();
    await createAll(store, 't', ['k']);
    await store.transact((transaction) => transaction.replace('t', 'k', bytes('two'), 1));
    await store.transact((transaction) => transaction.replace('t', 'k', bytes('three'), 2));
    expect(await getText(store, 't', 'k')).toEqual({ version: 3, body: 'three' });
    await store.transact((transaction) => transaction.remove('t', 'k', 3));
    expect(await store.get('t', 'k')).toBeUndefined();
    await createAll(store, 't', ['k']);
    expect((await store.get('t', 'k'))?.version).toBe(1);
  });

  test('refuses to create what exists and to change what has changed or is not there', async () => {
    const store = open();
    await createAll(store, 't', ['k']);
    await store.transact((transaction) => transaction.replace('t', 'k', bytes('two'), 1));
    const attempts: ((transaction: RawTransaction) => Promise<void>)[] = [
      (transaction) => transaction.create('t', 'k', bytes('x')),
      (transaction) => transaction.replace('t', 'k', bytes('x'), 1),
      (transaction) => transaction.replace('t', 'k', bytes('x'), 3),
      (transaction) => transaction.remove('t', 'k', 1),
      (transaction) => transaction.replace('t', 'other', bytes('x'), 1),
      (transaction) => transaction.replace('t', 'other', bytes('x'), 0),
      (transaction) => transaction.remove('t', 'other', 1),
    ];
    for (const attempt of attempts) await expect(store.transact(attempt)).rejects.toEqual(conflict);
    expect(await getText(store, 't', 'k')).toEqual({ version: 2, body: 'two' });
    expect(await keysOf(store, 't')).toEqual(['k']);
  });

  test('a conflict that the work handles does not end its transaction', async () => {
    const store = open();
    await createAll(store, 't', ['k']);
    await store.transact(async (transaction) => {
      await expect(transaction.create('t', 'k', bytes('x'))).rejects.toEqual(conflict);
      await transaction.create('t', 'other', bytes('kept'));
    });
    expect(await keysOf(store, 't')).toEqual(['k', 'other']);
  });

  test('shows a transaction its own writes, and nobody else until it commits', async () => {
    const store = open();
    await createAll(store, 't', ['changed', 'removed']);
    const before = await store.head();
    await store.transact(async (transaction) => {
      await transaction.create('t', 'created', bytes('new'));
      await transaction.replace('t', 'changed', bytes('new'), 1);
      await transaction.remove('t', 'removed', 1);

      expect(await getText(transaction, 't', 'created')).toEqual({ version: 1, body: 'new' });
      expect(await getText(transaction, 't', 'changed')).toEqual({ version: 2, body: 'new' });
      expect(await transaction.get('t', 'removed')).toBeUndefined();
      expect(await keysOf(transaction, 't')).toEqual(['changed', 'created']);
      await transaction.replace('t', 'created', bytes('newer'), 1);

      expect(await store.get('t', 'created')).toBeUndefined();
      expect(await getText(store, 't', 'changed')).toEqual({ version: 1, body: 'body of changed' });
      expect(await keysOf(store, 't')).toEqual(['changed', 'removed']);
      expect(await store.head()).toBe(before);
    });
    expect(await getText(store, 't', 'created')).toEqual({ version: 2, body: 'newer' });
    expect(await keysOf(store, 't')).toEqual(['changed', 'created']);
  });

  test('leaves nothing of a transaction whose work fails, and rejects with its error', async () => {
    const store = open();
    await createAll(store, 't', ['changed', 'removed']);
    const before = await store.head();
    const failure = new Error('the work failed');
    const failed = store.transact(async (transaction) => {
      await transaction.create('t', 'created', bytes('new'));
      await transaction.replace('t', 'changed', bytes('new'), 1);
      await transaction.remove('t', 'removed', 1);
      throw failure;
    });
    await expect(failed).rejects.toBe(failure);
    expect(await keysOf(store, 't')).toEqual(['changed', 'removed']);
    expect((await store.get('t', 'changed'))?.version).toBe(1);
    expect(await store.head()).toBe(before);
    await createAll(store, 't', ['created']);
    expect(await store.head()).toBe(before + 1);
  });

  test('a transaction cannot be used after its work has settled', async () => {
    const store = open();
    let leaked: RawTransaction | undefined;
    await store.transact(async (transaction) => {
      leaked = transaction;
    });
    await expect(leaked?.get('t', 'k')).rejects.toThrow('invariant broken');
    await expect(leaked?.list('t', { prefix: '', limit: 1 })).rejects.toThrow('invariant broken');
    await expect(leaked?.names('t', { prefix: '', limit: 1 })).rejects.toThrow('invariant broken');
    await expect(leaked?.create('t', 'k', bytes('late'))).rejects.toThrow('invariant broken');
    expect(await store.get('t', 'k')).toBeUndefined();
  });

  test('runs concurrent transactions one after the other', async () => {
    const store = open();
    await store.transact((transaction) => transaction.create('t', 'counter', bytes('0')));
    const increment = () =>
      store.transact(async (transaction) => {
        const record = await getText(transaction, 't', 'counter');
        // Gives every other transaction the chance to interfere.
        await new Promise(setImmediate);
        await transaction.replace('t', 'counter', bytes(`${Number(record?.body) + 1}`), record?.version ?? 0);
        return Number(record?.body);
      });
    const seen = await Promise.all(Array.from({ length: 200 }, increment));
    expect(seen).toEqual(Array.from({ length: 200 }, (_, index) => index));
    expect(await getText(store, 't', 'counter')).toEqual({ version: 201, body: '200' });
  });

  test('logs each written record once per transaction, in order', async () => {
    const store = open();
    expect(await store.head()).toBe(0);
    expect(await store.changesSince(0)).toEqual({ complete: true, changes: [], head: 0 });
    await createAll(store, 't', ['a', 'b']);
    await store.transact(async (transaction) => {
      await transaction.replace('t', 'b', bytes('2'), 1);
      await transaction.create('u', 'b', bytes('1'));
      await transaction.replace('t', 'b', bytes('3'), 2);
      await transaction.remove('t', 'a', 1);
    });
    const changes = [
      { sequence: 1, table: 't', key: 'a' },
      { sequence: 2, table: 't', key: 'b' },
      { sequence: 3, table: 't', key: 'b' },
      { sequence: 4, table: 'u', key: 'b' },
      { sequence: 5, table: 't', key: 'a' },
    ];
    expect(await store.head()).toBe(5);
    for (let sequence = 0; sequence <= 5; sequence++) {
      expect(await store.changesSince(sequence)).toEqual({ complete: true, changes: changes.slice(sequence), head: 5 });
    }
    await store.transact((transaction) => transaction.get('t', 'b'));
    expect(await store.head()).toBe(5);
  });

  test('an unlogged transaction commits, rolls back and conflicts as any other, and leaves the change log as it was', async () => {
    const store = open();
    await createAll(store, 'key', ['a']);
    const before = [await store.head(), await store.changesSince(0)];
    const unlogged = <T>(work: (transaction: RawTransaction) => Promise<T>) => store.transact(work, { unlogged: true });
    await unlogged(async (transaction) => {
      await transaction.create('use', 'a', bytes('one'));
      await transaction.replace('key', 'a', bytes('two'), 1);
    });
    expect(await getText(store, 'use', 'a')).toEqual({ version: 1, body: 'one' });
    expect(await getText(store, 'key', 'a')).toEqual({ version: 2, body: 'two' });
    await expect(unlogged((transaction) => transaction.create('use', 'a', bytes('other')))).rejects.toThrow(conflict);
    await expect(
      unlogged(async (transaction) => {
        await transaction.remove('use', 'a', 1);
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect(await getText(store, 'use', 'a')).toEqual({ version: 1, body: 'one' });
    expect([await store.head(), await store.changesSince(0)]).toEqual(before);
    await createAll(store, 'key', ['b']);
    expect(await store.head()).toBe((before[0] as number) + 1);
  });

  test('a follower of another history is told to start anew', async () => {
    const store = open();
    await createAll(store, 't', ['a']);
    expect(await store.changesSince(2)).toEqual({ complete: false, head: 1 });
    expect(await store.changesSince(Number.NaN)).toEqual({ complete: false, head: 1 });
  });

  test('prunes the log, and says when it does not reach back', async () => {
    const store = open({ kept: 20, prunedEvery: 5, answered: 1000 });
    for (let index = 1; index <= 42; index++) await createAll(store, 't', [`k${index}`]);
    // The last pruning was at 40 and left 21 to 40.
    expect(await store.changesSince(19)).toEqual({ complete: false, head: 42 });
    const answer = await store.changesSince(20);
    expect(answer.complete && answer.changes.map((change) => change.sequence)).toEqual(
      Array.from({ length: 22 }, (_, index) => 21 + index),
    );
  });

  test('prunes after a transaction that alone is longer than the log', async () => {
    const store = open({ kept: 10, prunedEvery: 5, answered: 1000 });
    const keys = Array.from({ length: 33 }, (_, index) => `k${index}`);
    await createAll(store, 't', keys);
    expect(await store.changesSince(22)).toEqual({ complete: false, head: 33 });
    expect(await store.changesSince(23)).toMatchObject({ complete: true, head: 33 });
    expect(await keysOf(store, 't')).toHaveLength(33);
  });

  test('does not tell a follower that is too far behind', async () => {
    const store = open({ kept: 100, prunedEvery: 10, answered: 3 });
    await createAll(store, 't', ['a', 'b', 'c', 'd', 'e']);
    expect(await store.changesSince(1)).toEqual({ complete: false, head: 5 });
    expect(await store.changesSince(2)).toMatchObject({
      complete: true,
      changes: [{ key: 'c' }, { key: 'd' }, { key: 'e' }],
    });
  });

  test('closes after the queued transactions, and then refuses everything', async () => {
    const store = open();
    const queued = createAll(store, 't', ['a']);
    const alsoQueued = store.transact(async (transaction) => {
      await new Promise(setImmediate);
      return keysOf(transaction, 't');
    });
    await Promise.all([store.close(), store.close()]);
    await queued;
    expect(await alsoQueued).toEqual(['a']);
    const unavailable = expect.objectContaining({ code: 'StoreUnavailable' });
    await expect(store.get('t', 'a')).rejects.toEqual(unavailable);
    await expect(store.list('t', { prefix: '', limit: 1 })).rejects.toEqual(unavailable);
    await expect(store.names('t', { prefix: '', limit: 1 })).rejects.toEqual(unavailable);
    await expect(store.head()).rejects.toEqual(unavailable);
    await expect(store.changesSince(0)).rejects.toEqual(unavailable);
    await expect(createAll(store, 't', ['b'])).rejects.toEqual(unavailable);
    await store.close();
  });
});

test('the memory store fails a commit when told to, once', async () => {
  const faults: { failNextCommit?: Error } = {};
  const store = openMemoryStore({ faults });
  faults.failNextCommit = new KeyholdError('StoreUnavailable', 'the disk is full');
  await expect(createAll(store, 't', ['a'])).rejects.toThrow('the disk is full');
  expect(await keysOf(store, 't')).toEqual([]);
  expect(await store.head()).toBe(0);
  await createAll(store, 't', ['a']);
  expect(await keysOf(store, 't')).toEqual(['a']);
});

describe('both stores, given the same operations, give the same answers', () => {
  const tableName = fc.constantFrom('t', 'u');
  // Few keys, so that operations meet, around the edges of UTF-8's and UTF-16's orders.
  const key = fc.constantFrom(
    'a',
    'a\u0001',
    'ab',
    'a%',
    'é',
    '\ud7ff',
    '\ue000',
    '\uffff',
    '\u{10000}',
    '\u{10ffff}',
    '\ud800',
  );
  const prefix = fc.oneof(key, fc.constantFrom('', 'A'), fc.string({ unit: 'binary', maxLength: 2 }));
  const version = fc.integer({ min: 0, max: 4 });
  const body = fc.uint8Array({ maxLength: 8 });
  const get = fc.record({ kind: fc.constant('get' as const), table: tableName, key });
  const list = fc.record(
    {
      kind: fc.constant('list' as const),
      table: tableName,
      prefix,
      after: prefix,
      limit: fc.integer({ min: 1, max: 5 }),
    },
    { requiredKeys: ['kind', 'table', 'prefix', 'limit'] },
  );
  const create = fc.record({ kind: fc.constant('create' as const), table: tableName, key, body });
  const replace = fc.record({ kind: fc.constant('replace' as const), table: tableName, key, body, version });
  const remove = fc.record({ kind: fc.constant('remove' as const), table: tableName, key, version });
  const transaction = fc.record({
    kind: fc.constant('transact' as const),
    steps: fc.array(fc.oneof(get, list, create, replace, remove), { maxLength: 8 }),
    /** Whether the work goes on after a refused step, and whether it fails in the end. */
    handlesConflicts: fc.boolean(),
    fails: fc.boolean(),
  });
  const changesSince = fc.record({
    kind: fc.constant('changesSince' as const),
    sequence: fc.integer({ min: 0, max: 60 }),
  });
  const command = fc.oneof({ weight: 3, arbitrary: transaction }, get, list, changesSince);

  type ListStep = ListOptions & { kind: 'list'; table: string };
  type Step = typeof get | typeof list | typeof create | typeof replace | typeof remove;
  type ValueOf<A> = A extends fc.Arbitrary<infer V> ? V : never;

  /** What came of something, as plain data: its result, or the kind of its refusal. */
  async function outcome(promise: Promise<unknown>): Promise<unknown> {
    try {
      return { result: await promise };
    } catch (error) {
      return { refused: error instanceof KeyholdError ? error.code : String(error) };
    }
  }

  function plain(record: { body: Uint8Array } | undefined) {
    return record && { ...record, body: Buffer.from(record.body).toString('hex') };
  }

  async function readStep(reader: RawReader, step: ValueOf<typeof get> | ListStep): Promise<unknown> {
    if (step.kind === 'get') return plain(await reader.get(step.table, step.key));
    return (await reader.list(step.table, step)).map(plain);
  }

  async function runStep(transaction: RawTransaction, step: ValueOf<Step>): Promise<unknown> {
    switch (step.kind) {
      case 'create':
        return transaction.create(step.table, step.key, step.body);
      case 'replace':
        return transaction.replace(step.table, step.key, step.body, step.version);
      case 'remove':
        return transaction.remove(step.table, step.key, step.version);
      default:
        return readStep(transaction, step);
    }
  }

  async function runTransaction(store: RawStore, { steps, handlesConflicts, fails }: ValueOf<typeof transaction>) {
    const outcomes: unknown[] = [];
    const end = await outcome(
      store.transact(async (transaction) => {
        for (const step of steps) {
          const ran = runStep(transaction, step);
          outcomes.push(await outcome(ran));
          if (!handlesConflicts) await ran;
        }
        if (fails) throw new Error('rolled back on purpose');
      }),
    );
    return { outcomes, end };
  }

  function run(store: RawStore, command: ValueOf<typeof transaction | typeof get | typeof list | typeof changesSince>) {
    switch (command.kind) {
      case 'transact':
        return runTransaction(store, command);
      case 'changesSince':
        return outcome(store.changesSince(command.sequence));
      default:
        return outcome(readStep(store, command));
    }
  }

  test('in any order', async () => {
    const limits = { kept: 12, prunedEvery: 4, answered: 9 };
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 40 }), async (commands) => {
        const sqlite = openSqlite(limits);
        const memory = openMemory(limits);
        for (const next of commands) expect(await run(sqlite, next)).toEqual(await run(memory, next));
        for (const table of ['t', 'u']) {
          const all = { kind: 'list', table, prefix: '', limit: 1000 } as const;
          expect(await readStep(sqlite, all)).toEqual(await readStep(memory, all));
        }
        expect(await sqlite.head()).toBe(await memory.head());
        await sqlite.close();
      }),
      { seed: 20260101, numRuns: 150 },
    );
  });
});
