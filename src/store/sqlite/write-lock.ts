import { invariant, KeyholdError } from '../../runtime/errors.ts';

/**
 * The lock that lets one thread of the process write at a time. SQLite has its own, but waiting for that one blocks the
 * whole thread, and with it every request that only reads; this one is awaited.
 *
 * The threads share one array of Int32:
 *
 *     word 0          the owner: 0 for nobody, otherwise slot + 1
 *     word 1 + slot   WAITING while that slot's thread waits for the lock, otherwise IDLE
 *
 * A thread that releases the lock hands it straight to the next waiting slot, round robin, so a busy thread cannot starve
 * the others by taking the lock again before they wake.
 *
 * INVARIANT: word 0 is zero only if nobody waits, except within `passOn`, which looks again after it has written zero.
 */
const OWNER = 0;
const NOBODY = 0;
const IDLE = 0;
const WAITING = 1;

const DEFAULT_TIMEOUT_MS = 30_000;

/** One thread's handle on the lock. At most one `acquire` of a slot may be pending or held at a time. */
export interface WriteLock {
  /** Resolves when this slot owns the lock. Rejects with StoreUnavailable when that takes longer than the time-out. */
  acquire(): Promise<void>;
  release(): void;
}

/** The memory that the threads share, for slots 0 to `slots` - 1. Hand it to each worker in its `workerData`. */
export function writeLockMemory(slots: number): SharedArrayBuffer {
  invariant(Number.isSafeInteger(slots) && slots > 0, 'a write lock has at least one slot');
  return new SharedArrayBuffer((1 + slots) * Int32Array.BYTES_PER_ELEMENT);
}

/** The handle of the thread that works as `slot`. */
export function writeLock(memory: SharedArrayBuffer, slot: number, timeoutMs = DEFAULT_TIMEOUT_MS): WriteLock {
  const words = new Int32Array(memory);
  invariant(Number.isSafeInteger(slot) && slot >= 0 && slot < slotsOf(words), 'the slot is one of the lock');
  const self = slot + 1;

  async function acquire(): Promise<void> {
    if (Atomics.compareExchange(words, OWNER, NOBODY, self) === NOBODY) return;
    Atomics.store(words, self, WAITING);
    // The owner may have let go between the two lines above, and would not have seen us waiting.
    if (Atomics.compareExchange(words, OWNER, NOBODY, self) === NOBODY) {
      Atomics.store(words, self, IDLE);
      return;
    }
    if (!(await handedOver())) {
      throw new KeyholdError('StoreUnavailable', `the store's write lock was not free within ${timeoutMs} ms`);
    }
  }

  /** Waits until another thread has made us the owner (true), or gives up (false). */
  async function handedOver(): Promise<boolean> {
    const wait = Atomics.waitAsync(words, self, WAITING);
    if (!wait.async) return true;
    let gaveUp = false;
    // Node's timer rather than waitAsync's own time-out, because only the former keeps the thread's event loop alive; and
    // an interval, because the lock may be ours when it fires while the notification is still on its way.
    const timer = setInterval(() => {
      if (Atomics.compareExchange(words, self, WAITING, IDLE) !== WAITING) return;
      gaveUp = true;
      Atomics.notify(words, self);
    }, timeoutMs);
    await wait.value;
    clearInterval(timer);
    return !gaveUp;
  }

  function release(): void {
    invariant(Atomics.load(words, OWNER) === self, 'only the owner releases the write lock');
    passOn(words, self);
  }

  return { acquire, release };
}

/**
 * Frees the lock if `slot`'s thread died while it held or awaited it; returns whether the lock was its. For the supervisor,
 * after the thread's exit (so that SQLite has rolled its transaction back) and before another thread takes the slot.
 */
export function releaseIfOwnedBy(memory: SharedArrayBuffer, slot: number): boolean {
  const words = new Int32Array(memory);
  const dead = slot + 1;
  // The supervisor owns the lock under a number of its own, so that a thread that was just handing the lock to the dead one
  // can see it taken, and only one of the two passes it on.
  const supervisor = slotsOf(words) + 1;
  Atomics.store(words, dead, IDLE);
  if (Atomics.compareExchange(words, OWNER, dead, supervisor) !== dead) return false;
  passOn(words, supervisor);
  return true;
}

/** Gives the lock from `self`, who owns it, to the next who waits, or to nobody. */
function passOn(words: Int32Array, self: number): void {
  for (;;) {
    const next = nextWaiting(words, self);
    if (next === undefined) {
      Atomics.store(words, OWNER, NOBODY);
      // Someone may have begun to wait after we looked and before we let go: take the lock back to hand it over. If
      // someone else was faster, it is theirs to pass on.
      if (nextWaiting(words, self) === undefined) return;
      if (Atomics.compareExchange(words, OWNER, NOBODY, self) !== NOBODY) return;
      continue;
    }
    Atomics.store(words, OWNER, next);
    if (Atomics.compareExchange(words, next, WAITING, IDLE) === WAITING) {
      Atomics.notify(words, next);
      return;
    }
    // The one we chose has given up or died meanwhile. Take the lock back, unless the supervisor has.
    if (Atomics.compareExchange(words, OWNER, next, self) !== next) return;
  }
}

/** The number of the first waiting thread after `self`, going round. */
function nextWaiting(words: Int32Array, self: number): number | undefined {
  const slots = slotsOf(words);
  for (let step = 0; step < slots; step++) {
    const candidate = ((self + step) % slots) + 1;
    if (Atomics.load(words, candidate) === WAITING) return candidate;
  }
  return undefined;
}

function slotsOf(words: Int32Array): number {
  return words.length - 1;
}
