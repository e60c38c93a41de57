import { KeyholdError } from '../runtime/errors.ts';

/** More waiting transactions than this are no longer a queue but an outage; refusing them keeps memory bounded. */
const MAX_QUEUED = 10_000;

export interface SerialQueue {
  /** Runs `task` when all before it have settled, whatever came of them. Rejects with StoreUnavailable if the queue is full. */
  run<T>(task: () => Promise<T>): Promise<T>;
}

/** Runs tasks one at a time, in the order they were handed in. */
export function serialQueue(): SerialQueue {
  let last: Promise<unknown> = Promise.resolve();
  let queued = 0;

  async function run<T>(task: () => Promise<T>): Promise<T> {
    if (queued >= MAX_QUEUED) throw new KeyholdError('StoreUnavailable', 'too many transactions are waiting');
    queued += 1;
    const result = last.then(task);
    last = result.then(settled, settled);
    return result;
  }

  function settled(): void {
    queued -= 1;
  }

  return { run };
}
