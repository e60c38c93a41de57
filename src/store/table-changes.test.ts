import { expect, test } from 'vitest';
import { announcing, sharedEpoch } from './change-feed.ts';
import { sealedMemoryStore } from './sealed-memory-store.test-helper.ts';
import { table } from './sealed-store.ts';
import { changesOf } from './table-changes.ts';

const followed = table<number>('followed');
const other = table<number>('other');

function follower() {
  const epoch = sharedEpoch(new SharedArrayBuffer(4));
  const store = announcing(sealedMemoryStore(), epoch);
  const look = changesOf(store, epoch, followed);
  const put = (key: string, into = followed) => store.transact((transaction) => transaction.create(into, key, 1));
  /** What a look tells, while `meanwhile` happens. */
  async function told(meanwhile: () => Promise<void> = async () => {}): Promise<string[]> {
    const keys: string[] = [];
    const tell = async (key: string) => {
      keys.push(key);
      await meanwhile();
    };
    await look(tell, () => tell('*'));
    return keys;
  }
  return { put, told };
}

test('the first look is at all of the table, the next ones at what has changed of it', async () => {
  const { put, told } = follower();
  await put('a');
  expect(await told()).toEqual(['*']);
  expect(await told()).toEqual([]);
  await put('b');
  await put('c', other);
  await put('d');
  expect(await told()).toEqual(['b', 'd']);
  expect(await told()).toEqual([]);
});

test('what is committed during a look is told by the next', async () => {
  const { put, told } = follower();
  expect(await told(() => put('a'))).toEqual(['*']);
  expect(await told(() => put('b'))).toEqual(['a']);
  expect(await told()).toEqual(['b']);
});

test('a look that failed is made good', async () => {
  const { put, told } = follower();
  const fail = () => Promise.reject(new Error('no room'));
  await expect(told(fail)).rejects.toThrow('no room');
  expect(await told()).toEqual(['*']);
  await put('a');
  await expect(told(fail)).rejects.toThrow('no room');
  expect(await told()).toEqual(['a']);
});
