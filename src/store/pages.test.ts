import { expect, test } from 'vitest';
import { pagesOfNames, pagesOfRecords } from './pages.ts';
import { sealedMemoryStore } from './sealed-memory-store.test-helper.ts';
import { type Store, table } from './sealed-store.ts';

const numbers = table<number>('numbers');

async function storeOf(...keys: readonly string[]): Promise<Store> {
  const store = sealedMemoryStore();
  await store.transact(async (transaction) => {
    for (const [at, key] of keys.entries()) await transaction.create(numbers, key, at);
  });
  return store;
}

async function all<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const found: T[] = [];
  for await (const page of pages) found.push(...page);
  return found;
}

test.each([1, 2, 3, 4, 100])('in pages of %i, each name comes once and in order', async (limit) => {
  const names = ['a/1', 'a/2', 'b/1', 'b/2', 'b/3', 'c/1'];
  const store = await storeOf(...names);
  expect(await all(pagesOfNames(store, numbers, { prefix: '', limit }))).toEqual(names);
  expect(await all(pagesOfNames(store, numbers, { prefix: 'b/', limit }))).toEqual(['b/1', 'b/2', 'b/3']);
  expect(await all(pagesOfNames(store, numbers, { prefix: 'b/', after: 'b/1', limit }))).toEqual(['b/2', 'b/3']);
  const records = await all(pagesOfRecords(store, numbers, { prefix: 'b/', limit }));
  expect(records.map(({ key, value }) => [key, value])).toEqual([
    ['b/1', 2],
    ['b/2', 3],
    ['b/3', 4],
  ]);
});

test('what is removed while it is gone through hides nothing that comes after it', async () => {
  const store = await storeOf('a', 'b', 'c');
  const found: string[] = [];
  for await (const page of pagesOfNames(store, numbers, { prefix: '', limit: 1 })) {
    found.push(...page);
    const [name] = page;
    if (name !== undefined) await store.transact((transaction) => transaction.remove(numbers, name, 1));
  }
  expect(found).toEqual(['a', 'b', 'c']);
});
