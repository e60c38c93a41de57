/** A thread of write-lock.test.ts: opens fresh databases one after the other, each in the same instant as the other threads. */
import { workerData } from 'node:worker_threads';
import { openSqliteStore } from './sqlite-store.ts';
import { writeLock } from './write-lock.ts';

export interface FirstOpenOrders {
  readonly paths: readonly string[];
  readonly memory: SharedArrayBuffer;
  readonly slot: number;
  readonly threads: number;
  /** A counter for each path, of the threads that have come to it. */
  readonly arrived: SharedArrayBuffer;
}

const { paths, memory, slot, threads, arrived } = workerData as FirstOpenOrders;
const counters = new Int32Array(arrived);
for (const [index, path] of paths.entries()) {
  Atomics.add(counters, index, 1);
  // Spins rather than sleeps, so that they leave together.
  while (Atomics.load(counters, index) < threads);
  await openSqliteStore({ path, writeLock: writeLock(memory, slot) }).close();
}
