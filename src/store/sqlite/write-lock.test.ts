import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FirstOpenOrders } from './first-open.test-worker.ts';
import { openSqliteStore } from './sqlite-store.ts';
import type { WorkerOrders } from './write-lock.test-worker.ts';
import { releaseIfOwnedBy, writeLock, writeLockMemory } from './write-lock.ts';

describe('handles of one thread', () => {
  test('a free lock is taken at once, a held one when it is released', async () => {
    const memory = writeLockMemory(2);
    const [first, second] = [writeLock(memory, 0), writeLock(memory, 1)];
    await first.acquire();
    let acquired = false;
    const waiting = second.acquire().then(() => {
      acquired = true;
    });
    await nextTurn();
    expect(acquired).toBe(false);
    first.release();
    await waiting;
    second.release();
    await first.acquire();
    first.release();
  });

  test('a release hands the lock to those who wait, in turn, before the releaser can have it again', async () => {
    const memory = writeLockMemory(4);
    const locks = [0, 1, 2, 3].map((slot) => writeLock(memory, slot));
    const order: number[] = [];
    async function takeTwice(slot: number): Promise<void> {
      for (let turn = 0; turn < 2; turn++) {
        await locks[slot]?.acquire();
        order.push(slot);
        await nextTurn();
        locks[slot]?.release();
      }
    }
    await Promise.all([2, 0, 3, 1].map(takeTwice));
    expect(order).toEqual([2, 3, 0, 1, 2, 3, 0, 1]);
  });

  test('only the owner releases', async () => {
    const memory = writeLockMemory(2);
    await writeLock(memory, 0).acquire();
    expect(() => writeLock(memory, 1).release()).toThrow('only the owner');
  });

  test('slots outside the lock are refused', () => {
    expect(() => writeLock(writeLockMemory(2), 2)).toThrow('invariant broken');
    expect(() => writeLockMemory(0)).toThrow('invariant broken');
  });

  test('gives up after the time-out, without keeping a place in the queue', async () => {
    const memory = writeLockMemory(3);
    const holder = writeLock(memory, 0);
    await holder.acquire();
    await expect(writeLock(memory, 1, 20).acquire()).rejects.toMatchObject({ code: 'StoreUnavailable' });
    const patient = writeLock(memory, 2).acquire();
    holder.release();
    await patient;
    writeLock(memory, 2).release();
    await holder.acquire();
  });

  test('the supervisor frees what a dead slot held, and only that', async () => {
    const memory = writeLockMemory(3);
    await writeLock(memory, 1).acquire();
    const waiting = writeLock(memory, 2).acquire();
    expect(releaseIfOwnedBy(memory, 0)).toBe(false);
    expect(releaseIfOwnedBy(memory, 1)).toBe(true);
    await waiting;
    expect(releaseIfOwnedBy(memory, 1)).toBe(false);
    writeLock(memory, 2).release();
    await writeLock(memory, 1).acquire();
  });

  test('a slot that died waiting is passed over', async () => {
    const memory = writeLockMemory(3);
    const holder = writeLock(memory, 0);
    await holder.acquire();
    void writeLock(memory, 1).acquire();
    const alive = writeLock(memory, 2).acquire();
    expect(releaseIfOwnedBy(memory, 1)).toBe(false);
    holder.release();
    await alive;
  });
});

describe('threads on one database', () => {
  let directory: string;
  let path: string;
  let workers: Worker[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'keyhold-lock-'));
    path = join(directory, 'state.db');
    workers = [];
  });

  afterEach(async () => {
    await Promise.all(workers.map((worker) => worker.terminate()));
    rmSync(directory, { recursive: true });
  });

  function start(orders: WorkerOrders | FirstOpenOrders, file = './write-lock.test-worker.ts'): Worker {
    const worker = new Worker(new URL(file, import.meta.url), { workerData: orders });
    workers.push(worker);
    return worker;
  }

  async function finished(worker: Worker): Promise<void> {
    // `once` rejects on the worker's 'error'.
    const [exitCode] = await once(worker, 'exit');
    expect(exitCode).toBe(0);
  }

  test('lose no update', async () => {
    const threads = 4;
    const perThread = 150;
    const memory = writeLockMemory(threads);
    const store = openSqliteStore({ path });
    await store.transact((transaction) => transaction.create('t', 'counter', Buffer.from('0')));

    await Promise.all(
      Array.from({ length: threads }, (_, slot) => finished(start({ path, memory, slot, task: perThread }))),
    );

    const counter = await store.get('t', 'counter');
    expect(Buffer.from(counter?.body ?? []).toString()).toBe(`${threads * perThread}`);
    expect(counter?.version).toBe(threads * perThread + 1);
    expect(await store.list('log', { prefix: '', limit: 10_000 })).toHaveLength(threads * perThread);
    expect(await store.head()).toBe(1 + 2 * threads * perThread);
    await store.close();
  });

  // Two, because more would take turns on two cores. Without taking turns at the switch to the write-ahead log, some three
  // of a hundred such openings failed with "database is locked".
  test('may both be the first to open it', async () => {
    const threads = 2;
    const paths = Array.from({ length: 150 }, (_, round) => join(directory, `fresh-${round}.db`));
    const arrived = new SharedArrayBuffer(paths.length * Int32Array.BYTES_PER_ELEMENT);
    const memory = writeLockMemory(threads);
    await Promise.all(
      Array.from({ length: threads }, (_, slot) =>
        finished(start({ paths, memory, slot, threads, arrived }, './first-open.test-worker.ts')),
      ),
    );
  });

  test('go on after one of them died in a transaction, another while it waited', async () => {
    const memory = writeLockMemory(3);
    const store = openSqliteStore({ path, writeLock: writeLock(memory, 0, 10_000) });
    const holder = start({ path, memory, slot: 1, task: 'hold' });
    expect(await once(holder, 'message')).toEqual(['holding']);
    const waiter = start({ path, memory, slot: 2, task: 'wait' });
    expect(await once(waiter, 'message')).toEqual(['waiting']);
    const patient = store.transact((transaction) => transaction.create('t', 'patient', Buffer.from('x')));

    await waiter.terminate();
    expect(releaseIfOwnedBy(memory, 2)).toBe(false);
    await holder.terminate();
    expect(releaseIfOwnedBy(memory, 1)).toBe(true);

    await patient;
    const keys = (await store.list('t', { prefix: '', limit: 10 })).map((entry) => entry.key);
    expect(keys).toEqual(['patient']);
    expect(await store.head()).toBe(1);
    await store.close();
  });
});
