/**
 * A thread of write-lock.test.ts: opens its own store on the shared file and runs counting transactions, or takes the
 * lock in a transaction that never ends.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { openSqliteStore } from './sqlite-store.ts';
import { writeLock } from './write-lock.ts';

export interface WorkerOrders {
  readonly path: string;
  readonly memory: SharedArrayBuffer;
  readonly slot: number;
  /** How many times to increment the counter, or to hold the lock for ever. */
  readonly task: number | 'hold' | 'wait';
}

const { path, memory, slot, task } = workerData as WorkerOrders;
const store = openSqliteStore({ path, writeLock: writeLock(memory, slot) });

if (typeof task === 'number') {
  const increments = Array.from({ length: task }, () =>
    store.transact(async (transaction) => {
      const record = await transaction.get('t', 'counter');
      if (record === undefined) throw new Error('there is no counter');
      const next = Number(Buffer.from(record.body).toString()) + 1;
      // Lets the other threads run in the middle of this transaction.
      if (next % 10 === 0) await new Promise(setImmediate);
      await transaction.replace('t', 'counter', Buffer.from(`${next}`), record.version);
      await transaction.create('log', `${next}`.padStart(9, '0'), Buffer.from(`${slot}`));
    }),
  );
  await Promise.all(increments);
  await store.close();
} else {
  if (task === 'wait') parentPort?.postMessage('waiting');
  await store.transact(async (transaction) => {
    await transaction.create('t', `uncommitted ${slot}`, Buffer.from('x'));
    parentPort?.postMessage('holding');
    await new Promise((resolve) => setTimeout(resolve, 600_000));
  });
}
