import { LRUCache } from 'lru-cache';
import { beforeEach, describe, expect, test } from 'vitest';
import { announcing, type ChangeFeed, changeFeed, type Epoch, type FeedEvent, sharedEpoch } from './change-feed.ts';
import { openMemoryStore } from './memory/memory-store.ts';
import { sealedMemoryStore } from './sealed-memory-store.test-helper.ts';
import { type Store, table } from './sealed-store.ts';

const colours = table<string>('colours');
const shapes = table<string>('shapes');

/** The memory of one machine, and the store of one of its workers; all workers see the same records. */
let epoch: Epoch;
let records: Store;
let store: Store;

beforeEach(() => {
  epoch = sharedEpoch(new SharedArrayBuffer(4));
  records = sealedMemoryStore();
  store = announcing(records, epoch);
});

/** Sets a record, and announces it if the store does. */
function put(into: Store, name: string, value: string): Promise<void> {
  return into.transact(async (transaction) => {
    const old = await transaction.get(colours, name);
    if (old === undefined) await transaction.create(colours, name, value);
    else await transaction.replace(colours, name, value, old.version);
  });
}

/** One worker: a feed, and a cache of colours that follows it. `loads` counts the reads of the store. */
async function worker(of: Store = store) {
  const feed = await changeFeed(of, epoch);
  const cache = new LRUCache<string, string>({ max: 100 });
  const events: FeedEvent[] = [];
  const counts = { loads: 0 };
  feed.subscribe((event) => {
    events.push(event);
    if (event === 'everything') cache.clear();
    else if (event.table === colours.name) cache.delete(event.key);
  });
  const colour = (name: string) =>
    feed.cached(cache, name, async () => {
      counts.loads += 1;
      return (await of.get(colours, name))?.value;
    });
  return { feed, cache, events, counts, colour };
}

test('what is asked for twice is read once', async () => {
  await put(store, 'sky', 'blue');
  const { colour, counts } = await worker();
  expect(await colour('sky')).toBe('blue');
  expect(await colour('sky')).toBe('blue');
  expect(counts.loads).toBe(1);
});

test('what does not exist is not remembered as missing', async () => {
  const { colour, counts } = await worker();
  expect(await colour('sky')).toBeUndefined();
  expect(await colour('sky')).toBeUndefined();
  expect(counts.loads).toBe(2);
  await put(store, 'sky', 'blue');
  expect(await colour('sky')).toBe('blue');
});

test('a commit of any worker is seen by every worker’s next request', async () => {
  await put(store, 'sky', 'blue');
  const workers = await Promise.all([worker(), worker(), worker()]);
  for (const { colour } of workers) expect(await colour('sky')).toBe('blue');
  await put(store, 'sky', 'grey');
  for (const { colour } of workers) expect(await colour('sky')).toBe('grey');
});

test('what has not changed stays cached', async () => {
  await put(store, 'sky', 'blue');
  await put(store, 'grass', 'green');
  const { colour, counts } = await worker();
  await colour('sky');
  await colour('grass');
  await put(store, 'sky', 'grey');
  await store.transact((transaction) => transaction.create(shapes, 'grass', 'blade'));
  await colour('sky');
  await colour('grass');
  expect(counts.loads).toBe(3);
});

test('subscribers are told of each changed record once, in order, of all tables', async () => {
  const { events, colour } = await worker();
  await put(store, 'sky', 'blue');
  await store.transact((transaction) => transaction.create(shapes, 'cube', 'x'));
  await colour('sky');
  await colour('sky');
  expect(events).toEqual([
    { sequence: 1, table: 'colours', key: 'sky' },
    { sequence: 2, table: 'shapes', key: 'cube' },
  ]);
});

test('a feed that begins later is told only of what comes after it', async () => {
  await put(store, 'sky', 'blue');
  const { events, colour } = await worker();
  await put(store, 'grass', 'green');
  await colour('sky');
  expect(events).toEqual([{ sequence: 2, table: 'colours', key: 'grass' }]);
});

test('a follower that has fallen too far behind forgets everything', async () => {
  const raw = openMemoryStore({ changeLogLimits: { kept: 4, prunedEvery: 2, answered: 3 } });
  records = sealedMemoryStore(raw);
  store = announcing(records, epoch);
  await put(store, 'sky', 'blue');
  const { events, colour, cache } = await worker();
  await colour('sky');
  for (let count = 0; count < 5; count++) await put(store, `other ${count}`, 'any');
  await put(store, 'sky', 'grey');
  expect(await colour('sky')).toBe('grey');
  expect(events).toEqual(['everything']);
  expect(cache.size).toBe(1);
  await put(store, 'sky', 'red');
  expect(await colour('sky')).toBe('red');
  expect(events.at(-1)).toMatchObject({ key: 'sky' });
});

test('a transaction that failed is announced too, for it may have reached the disk', async () => {
  const before = epoch.current();
  await expect(store.transact(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(epoch.current()).toBe(before + 1);
});

test('what is not logged is not announced, for there is nothing to be told of', async () => {
  const before = epoch.current();
  await store.transact((transaction) => transaction.create(shapes, 'a', 'round'), { unlogged: true });
  expect(epoch.current()).toBe(before);
  expect((await store.get(shapes, 'a'))?.value).toBe('round');
});

test('an announced commit is announced before whoever asked for it goes on', async () => {
  const before = epoch.current();
  await put(store, 'sky', 'blue');
  expect(epoch.current()).toBe(before + 1);
});

test('when the change log cannot be read, nothing is served from the cache, and the next request tries again', async () => {
  await put(store, 'sky', 'blue');
  let broken = false;
  const breaking: Store = {
    ...store,
    changesSince: (sequence) => (broken ? Promise.reject(new Error('disk gone')) : store.changesSince(sequence)),
  };
  const { colour } = await worker(breaking);
  await colour('sky');
  await put(store, 'sky', 'grey');
  broken = true;
  await expect(colour('sky')).rejects.toThrow('disk gone');
  await expect(colour('sky')).rejects.toThrow('disk gone');
  broken = false;
  expect(await colour('sky')).toBe('grey');
});

describe('the invariant: nothing read before a commit is served from a cache to a request that begins after it', () => {
  test('a commit while a value is being loaded is not cached over', async () => {
    await put(store, 'sky', 'blue');
    const { feed, cache, colour } = await worker();
    const loaded = await feed.cached(cache, 'sky', async () => {
      const value = (await store.get(colours, 'sky'))?.value;
      await put(store, 'sky', 'grey');
      return value;
    });
    expect(loaded, 'it began before the commit, so it may see what was').toBe('blue');
    expect(await colour('sky')).toBe('grey');
  });

  test('nor one that another request has caught up with before the value is there', async () => {
    await put(store, 'sky', 'blue');
    const { feed, cache, colour } = await worker();
    await feed.cached(cache, 'sky', async () => {
      const value = (await store.get(colours, 'sky'))?.value;
      await put(store, 'sky', 'grey');
      await colour('grass');
      return value;
    });
    expect(await colour('sky')).toBe('grey');
  });

  test('nor one whose catching up had not ended when the value was asked for', async () => {
    await put(store, 'sky', 'blue');
    const { feed, cache, colour } = await worker();
    await put(store, 'grass', 'green');
    let inner: unknown;
    await feed.cached(cache, 'sky', async () => {
      const value = (await store.get(colours, 'sky'))?.value;
      await put(store, 'sky', 'grey');
      inner = colour('grass');
      return value;
    });
    await inner;
    expect(await colour('sky')).toBe('grey');
  });

  test('a commit that another worker made, and announces later, is not cached over either', async () => {
    await put(store, 'sky', 'blue');
    const { feed, cache, colour } = await worker();
    await feed.cached(cache, 'sky', async () => {
      const value = (await store.get(colours, 'sky'))?.value;
      await put(records, 'sky', 'grey');
      return value;
    });
    epoch.advance();
    expect(await colour('sky')).toBe('grey');
  });

  // The change log's answer is on its way, without the commit that comes next. At each step of what follows, the commit is
  // announced and a request begins: there must be no step at which it gets the old value.
  test.each(Array.from({ length: 30 }, (_, at) => at))(
    'an announcement %d steps after an earlier one',
    async (steps) => {
      await put(store, 'sky', 'blue');
      const answered = Promise.withResolvers<void>();
      let delayed = true;
      const slow: Store = {
        ...store,
        changesSince: async (sequence) => {
          const answer = await store.changesSince(sequence);
          if (delayed) {
            delayed = false;
            await put(records, 'sky', 'grey');
            answered.resolve();
          }
          return answer;
        },
      };
      const { colour } = await worker(slow);
      await colour('sky');
      await put(store, 'grass', 'green');
      const earlier = colour('sky');
      // The earlier request cannot end before, unless it has not asked for the log at all.
      await Promise.race([answered.promise, earlier]);
      expect(delayed, 'the change log was asked').toBe(false);
      for (let step = 0; step < steps; step++) await Promise.resolve();
      epoch.advance();
      expect(await colour('sky')).toBe('grey');
      await earlier;
    },
  );

  test('under many writers and readers at once, no reader sees less than what was answered before it began', async () => {
    const feeds = await Promise.all(Array.from({ length: 3 }, () => worker()));
    await put(store, 'counter', '0');
    let answered = 0;
    let reads = 0;
    const writer = async () => {
      for (let count = 0; count < 60; count++) {
        const value = await store.transact(async (transaction) => {
          const old = await transaction.get(colours, 'counter');
          const next = Number(old?.value) + 1;
          await transaction.replace(colours, 'counter', String(next), old?.version ?? 0);
          return next;
        });
        answered = Math.max(answered, value);
      }
    };
    const reader = async ({ colour }: Awaited<ReturnType<typeof worker>>) => {
      while (answered < 180) {
        const atLeast = answered;
        expect(Number(await colour('counter'))).toBeGreaterThanOrEqual(atLeast);
        reads += 1;
        if (reads % 7 === 0) await new Promise(setImmediate);
      }
    };
    await Promise.all([writer(), writer(), writer(), ...feeds.flatMap((each) => [reader(each), reader(each)])]);
    expect(await feeds[0]?.colour('counter')).toBe('180');
  });
});

describe('what fails to be loaded', () => {
  /** Fails, as if a first record led to nothing, as long as others commit. */
  async function failing(times: number, commits: boolean) {
    const { feed, cache } = await worker();
    let loads = 0;
    const load = async () => {
      loads++;
      if (loads > times) return 'blue';
      if (commits) await put(store, 'sky', String(loads));
      throw new Error('half of it is gone');
    };
    return { found: () => feed.cached(cache, 'sky', load), loads: () => loads };
  }

  test('because of a commit in between is loaded again, and a rename is not taken for tampering', async () => {
    const { found, loads } = await failing(2, true);
    expect(await found()).toBe('blue');
    expect(loads()).toBe(3);
  });

  test('is an error where nobody has committed anything, and after some attempts', async () => {
    const quiet = await failing(1, false);
    await expect(quiet.found()).rejects.toThrow('half of it is gone');
    expect(quiet.loads()).toBe(1);
    const busy = await failing(100, true);
    await expect(busy.found()).rejects.toThrow('half of it is gone');
    expect(busy.loads()).toBe(3);
  });
});

test('an epoch is shared by whoever shares its memory', () => {
  const memory = new SharedArrayBuffer(4);
  const [ours, theirs] = [sharedEpoch(memory), sharedEpoch(memory)];
  theirs.advance();
  expect(ours.current()).toBe(1);
  // A counter of 32 bits comes round some day; that it differs is all that is asked of it.
  new Int32Array(memory)[0] = 0x7fffffff;
  const before = ours.current();
  theirs.advance();
  expect(ours.current()).not.toBe(before);
});

test('a feed has no cache of its own: what subscribers drop is dropped', async () => {
  const feed: ChangeFeed = await changeFeed(store, epoch);
  const cache = new LRUCache<string, string>({ max: 1 });
  await put(store, 'sky', 'blue');
  await put(store, 'grass', 'green');
  const load = (name: string) => async () => (await store.get(colours, name))?.value;
  await feed.cached(cache, 'sky', load('sky'));
  await feed.cached(cache, 'grass', load('grass'));
  expect([...cache.keys()]).toEqual(['grass']);
});
