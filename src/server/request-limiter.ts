import { createHmac } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../runtime/clock.ts';
import { KeyholdError } from '../runtime/errors.ts';
import type { Random } from '../runtime/random.ts';
import type { Scope } from '../services/caller.ts';
import type { AnyOperation, Service } from '../services/perform.ts';
import type { Rate, RequestQuotas } from './request-quotas.ts';

/**
 * Request quotas, counted for all workers together: for each quota, account and Region, the requests of the current window
 * of time, which begins with a whole second as AWS's "each one-second interval" is taken to. A request of another account's
 * key counts against the account that makes it ("Cross-account requests", developer guide).
 *
 * The counters are a table of words in shared memory, each of them changed by one compare-and-exchange: no worker ever
 * waits for another, and one that dies leaves nothing locked. A word holds whose it is, which window it counts and how far;
 * a word whose window is past is nobody's. So the table needs no tidying, and is full only while there are more counters
 * in use within one window than it has room for. A counter that then finds no word shares one:
 *
 * INVARIANT: no counter lets more through in a window than its rate. What goes wrong, goes wrong by throttling too early.
 */
export interface RequestCounters {
  readonly words: SharedArrayBuffer;
  /** A secret of this process, so that no caller can choose a Region whose counter is another one's. */
  readonly seed: Uint8Array;
}

/** Throws ThrottlingException if the request exceeds a quota. */
export type Throttle = (service: Service, operation: AnyOperation, input: object, scope: Scope) => void;

/** Words for each length of window, so that within a window no word becomes free that was taken. */
const WORDS = 8192;
/** How many words, from its own on, a counter looks through. */
const PROBES = 8;

// A word, from its low end: the count, the number of the window, and whose it is.
const COUNT_BITS = 20n;
const WINDOW_BITS = 24n;
const OWNER_SHIFT = COUNT_BITS + WINDOW_BITS;
const COUNT_MASK = (1n << COUNT_BITS) - 1n;
const WINDOW_MASK = (1n << WINDOW_BITS) - 1n;
const OWNER_BITS = 20;

/**
 * A window this little ahead is the newer one that another worker has just begun, and counts for this one too. A clock that
 * was set back further begins anew; one that was set back less lets one window's worth through until it has caught up.
 */
const MOST_WINDOWS_AHEAD = 60n;

/** Counters that one worker remembers the place of. */
const REMEMBERED_COUNTERS = 4096;

interface Counter extends Rate {
  /** Where the words begin that are for windows of its length. */
  readonly base: number;
  /** The first of its own, counted from there. */
  readonly first: number;
  readonly owner: bigint;
}

export function requestCounters(quotas: RequestQuotas, random: Random): RequestCounters {
  const bytes = BigUint64Array.BYTES_PER_ELEMENT * WORDS * windowLengths(quotas).length;
  return { words: new SharedArrayBuffer(bytes), seed: random.bytes(32) };
}

export function requestLimiter(quotas: RequestQuotas, counters: RequestCounters, clock: Clock): Throttle {
  const words = new BigUint64Array(counters.words);
  const lengths = windowLengths(quotas);
  const known = new LRUCache<string, Counter>({ max: REMEMBERED_COUNTERS });

  function counterOf(rate: Rate, name: string): Counter {
    const remembered = known.get(name);
    if (remembered !== undefined) return remembered;
    const digest = createHmac('sha256', counters.seed).update(name).digest();
    const counter = {
      ...rate,
      base: lengths.indexOf(rate.windowMs) * WORDS,
      first: digest.readUInt32BE(0) % WORDS,
      owner: BigInt(digest.readUInt32BE(4) >>> (32 - OWNER_BITS)),
    };
    known.set(name, counter);
    return counter;
  }

  return (service, operation, input, scope) => {
    for (const { quota, region = scope.region } of service.requestCharges?.(operation.name, input) ?? []) {
      const rates = quotas.get(quota);
      const rate = rates?.byRegion.get(region) ?? rates?.default;
      if (rate === undefined) continue;
      // None of the three has a slash in it but the quota, which is last.
      const counter = counterOf(rate, `${scope.caller.principal.accountId}/${region}/${quota}`);
      if (!take(words, counter, clock.now())) throw throttled();
    }
  };
}

/** Counts one more request, if its window has room for it. */
function take(words: BigUint64Array, { base, first, owner, windowMs, requests }: Counter, nowMs: number): boolean {
  const window = BigInt(Math.floor(nowMs / windowMs)) & WINDOW_MASK;
  for (;;) {
    // The counter's own word; or else the first that is free; or else, with none of either, somebody's.
    let at: number | undefined;
    let seen = 0n;
    for (let probe = 0; probe < PROBES; probe++) {
      const here = base + ((first + probe) % WORDS);
      const word = Atomics.load(words, here);
      const isOwn = isCurrent(word, window) && word >> OWNER_SHIFT === owner;
      const isFree = !isCurrent(word, window) && at === undefined;
      if (isOwn || isFree) [at, seen] = [here, word];
      if (isOwn) break;
    }
    if (at === undefined) [at, seen] = [base + first, Atomics.load(words, base + first)];

    const current = isCurrent(seen, window);
    const count = current ? seen & COUNT_MASK : 0n;
    if (count >= BigInt(requests)) return false;
    const counted = current ? seen + 1n : (owner << OWNER_SHIFT) | (window << COUNT_BITS) | 1n;
    // Another worker may have been there meanwhile: then all is looked at again.
    if (Atomics.compareExchange(words, at, seen, counted) === seen) return true;
  }
}

function isCurrent(word: bigint, window: bigint): boolean {
  const ahead = (((word >> COUNT_BITS) & WINDOW_MASK) - window) & WINDOW_MASK;
  return word !== 0n && ahead <= MOST_WINDOWS_AHEAD;
}

/** Of all rates, in ascending order. */
function windowLengths(quotas: RequestQuotas): number[] {
  const lengths = new Set<number>();
  for (const quota of quotas.values()) {
    if (quota.default !== undefined) lengths.add(quota.default.windowMs);
    for (const { windowMs } of quota.byRegion.values()) lengths.add(windowMs);
  }
  return [...lengths].sort((a, b) => a - b);
}

function throttled(): KeyholdError {
  return new KeyholdError(
    'ThrottlingException',
    'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
  );
}
