import { describe, expect, test } from 'vitest';
import { foldContext, type GrantRequest } from '../../keys/grant.ts';
import { announcing, changeFeed, sharedEpoch } from '../../store/change-feed.ts';
import { sealedMemoryStore } from '../../store/sealed-memory-store.test-helper.ts';
import type { Store } from '../../store/sealed-store.ts';
import { ACCOUNT, REGION } from '../scope.test-helper.ts';
import { grantDirectory } from './grant-directory.ts';
import { createGrantRows, removeGrantRows } from './grant-rows.ts';

const key = { accountId: ACCOUNT, region: REGION, keyId: '1234abcd-12ab-34cd-56ef-1234567890ab' };
const alice = `arn:aws:iam::${ACCOUNT}:user/alice`;
const bob = `arn:aws:iam::${ACCOUNT}:user/bob`;
const request: GrantRequest = { operation: 'Decrypt', context: foldContext({}) };

function record(number: number, grantee = alice) {
  return {
    grantId: number.toString(16).padStart(64, '0'),
    createdAtMs: 0,
    grantee: { kind: 'AWS', name: grantee },
    issuingAccountId: ACCOUNT,
    operations: ['Decrypt'],
    constraints: {},
  } as const;
}

/** A store whose reads outside of transactions are counted, and can be held up. */
async function observed(capacity = 10_000) {
  const epoch = sharedEpoch(new SharedArrayBuffer(4));
  const store = announcing(sealedMemoryStore(), epoch);
  const seen = { gets: 0, names: 0, beforeGet: async () => {} };
  const reader: Store = {
    ...store,
    async get(table, name) {
      seen.gets++;
      const found = await store.get(table, name);
      await seen.beforeGet();
      return found;
    },
    names(table, options) {
      seen.names++;
      return store.names(table, options);
    },
  };
  const directory = grantDirectory({ store: reader, feed: await changeFeed(store, epoch), capacity });
  return {
    seen,
    allows: async (grantee = alice) => (await directory.of(key, grantee)).allows(request),
    size: async (grantee = alice) => (await directory.of(key, grantee)).size,
    make: (...numbers: number[]) =>
      store.transact(async (transaction) => {
        for (const number of numbers) await createGrantRows(transaction, key, record(number));
      }),
    makeFor: (grantee: string, number: number) =>
      store.transact((transaction) => createGrantRows(transaction, key, record(number, grantee))),
    remove: (number: number) => store.transact((transaction) => removeGrantRows(transaction, key, record(number), 1)),
  };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("a grantee's grants are read once, and that there are none as well", async () => {
  const { seen, allows, makeFor } = await observed();
  await makeFor(alice, 1);
  for (let count = 0; count < 5; count++) expect([await allows(alice), await allows(bob)]).toEqual([true, false]);
  expect(seen).toMatchObject({ gets: 1, names: 2 });
});

test('a change costs reading the grant that changed, and nothing of other grantees', async () => {
  const { seen, allows, make, makeFor, remove, size } = await observed();
  await make(...Array.from({ length: 1200 }, (_, number) => number));
  expect(await size()).toBe(1200);
  expect(seen).toMatchObject({ gets: 1200, names: 3 });
  await make(5000);
  expect(await size()).toBe(1201);
  await remove(7);
  expect(await size()).toBe(1200);
  expect(seen).toMatchObject({ gets: 1202, names: 3 });
  await makeFor(bob, 6000);
  expect(await allows()).toBe(true);
  expect(seen).toMatchObject({ gets: 1202, names: 3 });
});

describe('what has been answered holds', () => {
  test('when a grant is removed while the grants are read for the first time', async () => {
    const { seen, allows, make, remove } = await observed();
    await make(1);
    let once = true;
    seen.beforeGet = async () => {
      if (once) await remove(1);
      once = false;
    };
    await allows();
    expect(await allows()).toBe(false);
  });

  test('when an older reading, which still found the grant, is over after a newer one, which did not', async () => {
    const { seen, allows, make, remove } = await observed();
    expect(await allows()).toBe(false);
    await make(1);
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    seen.beforeGet = () => (seen.gets === 1 ? held : Promise.resolve());
    const older = allows();
    while (seen.gets === 0) await turn();
    await remove(1);
    const newer = allows();
    for (let count = 0; count < 10; count++) await turn();
    release();
    await older;
    expect(await newer).toBe(false);
    expect(await allows()).toBe(false);
  });

  test('when more is asked for than there is room for', async () => {
    const { allows, make, makeFor, remove, size } = await observed(3);
    await make(1, 2, 3, 4, 5);
    expect([await size(), await size()]).toEqual([5, 5]);
    for (const number of [1, 2, 3, 4, 5]) {
      expect(await allows()).toBe(true);
      await makeFor(bob, 100 + number);
      expect(await allows(bob)).toBe(true);
      await remove(number);
    }
    expect(await allows()).toBe(false);
    expect(await size(bob)).toBe(5);
  });
});

test('a failure to read is not remembered', async () => {
  const { seen, allows, make } = await observed();
  await make(1, 2);
  seen.beforeGet = () => Promise.reject(new Error('the disk is gone'));
  await expect(allows()).rejects.toThrow('the disk is gone');
  await expect(Promise.all([allows(), allows()])).rejects.toThrow('the disk is gone');
  seen.beforeGet = async () => {};
  expect(await allows()).toBe(true);
  await make(3);
  seen.beforeGet = () => Promise.reject(new Error('the disk is gone'));
  await expect(allows()).rejects.toThrow('the disk is gone');
  seen.beforeGet = async () => {};
  expect(await allows()).toBe(true);
});
