import type { Clock } from '../runtime/clock.ts';
import { type Epoch, sharedEpoch } from '../store/change-feed.ts';
import { writeLockMemory } from '../store/sqlite/write-lock.ts';
import { type MetricsMemory, metricsMemory } from './metrics/memory.ts';
import { sinkMoments } from './sinks/sink-health.ts';

/** The memory that all threads share: how many commits there were, who writes, what the sandbox's clock says, and the metrics. */
export interface SharedMemory {
  readonly epoch: SharedArrayBuffer;
  readonly writeLock: SharedArrayBuffer;
  readonly clockOffsetMs: SharedArrayBuffer;
  readonly metrics: MetricsMemory;
  /** Of each worker's audit stream, the last line that is in its file for good. */
  readonly auditWritten: SharedArrayBuffer;
  /** Of each audit sink, up to which moment it has all records. */
  readonly sinkMoments: SharedArrayBuffer;
}

/** The monitor writes to the store like a worker, in the slot after theirs. */
export function monitorSlot(workers: number): number {
  return workers;
}

export function sharedMemory(workers: number): SharedMemory {
  return {
    epoch: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT),
    writeLock: writeLockMemory(workers + 1),
    clockOffsetMs: new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT),
    metrics: metricsMemory(workers),
    auditWritten: new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT * workers),
    sinkMoments: sinkMoments(),
  };
}

export function epochOf(memory: SharedMemory): Epoch {
  return sharedEpoch(memory.epoch);
}

/** The sandbox's clock: real time and an offset that only grows. */
export interface MovableClock extends Clock {
  /** Moves the clock of every worker forward. */
  advance(seconds: number): void;
}

export function movableClock(memory: SharedMemory, real: Clock): MovableClock {
  const offset = new BigInt64Array(memory.clockOffsetMs);
  return {
    now: () => real.now() + Number(Atomics.load(offset, 0)),
    advance: (seconds) => {
      Atomics.add(offset, 0, BigInt(seconds) * 1000n);
    },
  };
}
