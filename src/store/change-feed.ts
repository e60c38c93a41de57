import type { LRUCache } from 'lru-cache';
import type { MaybePromise } from '../runtime/maybe-promise.ts';
import type { Change } from './contract.ts';
import type { Store } from './sealed-store.ts';

/** Counts commits of all workers of this machine, in memory they share; see {@link sharedEpoch}. */
export interface Epoch {
  current(): number;
  advance(): void;
}

/**
 * An epoch in a buffer that worker threads share. Reading it costs nanoseconds, which is what lets every request of every
 * worker ask whether anything has changed.
 */
export function sharedEpoch(buffer: SharedArrayBuffer): Epoch {
  const counter = new Int32Array(buffer);
  return {
    current: () => Atomics.load(counter, 0),
    advance: () => {
      Atomics.add(counter, 0, 1);
    },
  };
}

/** A store that announces each commit to the change log before whoever asked for it is answered. */
export function announcing(store: Store, epoch: Epoch): Store {
  return {
    get: (table, key) => store.get(table, key),
    list: (table, options) => store.list(table, options),
    names: (table, options) => store.names(table, options),
    head: () => store.head(),
    changesSince: (sequence) => store.changesSince(sequence),
    close: () => store.close(),
    transact: async (work, options) => {
      if (options?.unlogged === true) return store.transact(work, options);
      try {
        return await store.transact(work, options);
      } finally {
        // Also after a failure: whether a commit that threw has reached the disk is not for us to guess.
        epoch.advance();
      }
    },
  };
}

/** What subscribers are told: one record's change, or that they can no longer know and must forget everything. */
export type FeedEvent = Change | 'everything';

/**
 * Keeps caches as new as the store's change log. `cached` is the one way to fill and read a cache, and holds the rule that
 * gives the revocation bound:
 *
 * INVARIANT: nothing read before a commit is served from a cache to a request that begins after the commit was answered.
 */
export interface ChangeFeed {
  subscribe(listener: (event: FeedEvent) => void): void;
  /**
   * Gives the cached value, at once if it is there, or loads it; what does not exist is not cached.
   *
   * @param looked told whether it was there; it is quick, and does not throw
   */
  cached<T extends object | string>(
    cache: LRUCache<string, T>,
    name: string,
    load: () => Promise<T | undefined>,
    looked?: Looked,
  ): MaybePromise<T | undefined>;
}

/** How often something is loaded that cannot be loaded while others commit. */
const MOST_ATTEMPTS = 3;

/** Told of each look into a cache. */
export type Looked = (isHit: boolean) => void;

export async function changeFeed(store: Store, epoch: Epoch): Promise<ChangeFeed> {
  const listeners: ((event: FeedEvent) => void)[] = [];
  let seenEpoch = epoch.current();
  let seenSequence = await store.head();
  let catchingUp: Promise<void> | undefined;

  async function catchUp(): Promise<void> {
    while (seenEpoch !== epoch.current()) {
      // Read first, so that a commit during the query is looked for again.
      const reached = epoch.current();
      const since = await store.changesSince(seenSequence);
      if (since.complete) {
        for (const change of since.changes) for (const listener of listeners) listener(change);
      } else {
        for (const listener of listeners) listener('everything');
      }
      seenSequence = since.head;
      seenEpoch = reached;
    }
  }

  async function refresh(): Promise<void> {
    catchingUp ??= catchUp().finally(() => {
      catchingUp = undefined;
    });
    await catchingUp;
  }

  return {
    subscribe: (listener) => {
      listeners.push(listener);
    },
    cached(cache, name, load, looked) {
      const known = seenEpoch === epoch.current() ? cache.get(name) : undefined;
      if (known === undefined) return catchUpAndLoad(cache, name, load, looked);
      looked?.(true);
      return known;
    },
  };

  async function catchUpAndLoad<T extends object | string>(
    cache: LRUCache<string, T>,
    name: string,
    load: () => Promise<T | undefined>,
    looked: Looked | undefined,
    attempts = MOST_ATTEMPTS,
  ): Promise<T | undefined> {
    // Again and again, for the catching up that was joined may have ended just before the newest commit was announced.
    while (seenEpoch !== epoch.current()) await refresh();
    const known = cache.get(name);
    looked?.(known !== undefined);
    if (known !== undefined) return known;
    const before = epoch.current();
    let loaded: T | undefined;
    try {
      loaded = await load();
    } catch (error) {
      // Of what takes several reads, a commit in between can have taken away what the first of them led to: a user who was
      // renamed is not gone, and nobody has tampered with anything.
      if (before === epoch.current() || attempts <= 1) throw error;
      return catchUpAndLoad(cache, name, load, undefined, attempts - 1);
    }
    // Had a commit come in between, this might be the state before it, cached after its change was announced. It is
    // still what the store held after this request began, so it may be used once.
    if (loaded !== undefined && before === epoch.current() && before === seenEpoch) cache.set(name, loaded);
    return loaded;
  }
}
