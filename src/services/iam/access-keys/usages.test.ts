import { beforeEach, expect, test } from 'vitest';
import { KeyholdError } from '../../../runtime/errors.ts';
import { type MemoryStoreFaults, openMemoryStore } from '../../../store/memory/memory-store.ts';
import { sealedMemoryStore } from '../../../store/sealed-memory-store.test-helper.ts';
import type { Store } from '../../../store/sealed-store.ts';
import { ACCOUNT, NOW } from '../../scope.test-helper.ts';
import type { IdentityUsages } from '../identity-usages.ts';
import { accessKeysTable, accessKeyUsagesTable } from '../records.ts';
import { accessKeyUsages } from './usages.ts';

let raw: ReturnType<typeof openMemoryStore>;
let faults: MemoryStoreFaults;
let store: Store;
let usages: IdentityUsages;
beforeEach(async () => {
  faults = {};
  raw = openMemoryStore({ faults });
  store = sealedMemoryStore(raw);
  usages = accessKeyUsages(store);
  await makeKeys(['AKIA1', 'AKIA2']);
});

const makeKeys = (ids: readonly string[]) =>
  store.transact(async (transaction) => {
    for (const accessKeyId of ids) {
      const key = {
        accessKeyId,
        secretAccessKey: 's',
        accountId: ACCOUNT,
        status: 'Active',
        createdAtMs: NOW,
      } as const;
      await transaction.create(accessKeysTable, accessKeyId, key);
    }
  });
const written = async (id: string) => (await store.get(accessKeyUsagesTable, id))?.value;

test('the last use is told at once, and written down together', async () => {
  usages.note('AKIA1', 'kms', 'us-east-1', NOW);
  usages.note('AKIA1', 'iam', 'eu-west-1', NOW + 1);
  const last = { atMs: NOW + 1, service: 'iam', region: 'eu-west-1' };
  expect(usages.unwritten('AKIA1')).toEqual(last);
  expect(await written('AKIA1')).toBeUndefined();
  expect(await usages.write()).toEqual({ more: false, lost: 0, tampered: [] });
  expect(await written('AKIA1')).toEqual(last);
  expect(usages.unwritten('AKIA1')).toBeUndefined();
});

test('writing moves neither the change log nor the epoch of caches', async () => {
  const head = await store.head();
  usages.note('AKIA1', 'kms', 'us-east-1', NOW);
  await usages.write();
  expect(await store.head()).toBe(head);
});

test('an earlier use by another worker, written later, does not hide the last one', async () => {
  const other = accessKeyUsages(store);
  other.note('AKIA1', 'kms', 'us-east-1', NOW);
  usages.note('AKIA1', 'iam', 'us-east-1', NOW + 5);
  await usages.write();
  await other.write();
  expect((await written('AKIA1'))?.atMs).toBe(NOW + 5);
});

test('a use during the writing is kept for the next time', async () => {
  usages.note('AKIA1', 'kms', 'us-east-1', NOW);
  const writing = usages.write();
  usages.note('AKIA1', 'sts', 'us-east-1', NOW + 1);
  expect((await writing).more).toBe(true);
  expect(usages.unwritten('AKIA1')).toMatchObject({ service: 'sts' });
});

test('keys of sessions are not noted, and what is no key leaves nothing behind', async () => {
  usages.note('ASIA1', 'kms', 'us-east-1', NOW);
  usages.note('AKIA', 'kms', 'us-east-1', NOW);
  usages.note('AKIA9', 'kms', 'us-east-1', NOW);
  expect(usages.unwritten('ASIA1')).toBeUndefined();
  await usages.write();
  expect(await store.names(accessKeyUsagesTable, { prefix: '', limit: 9 })).toEqual([]);
});

test('what the store fails to keep stays noted', async () => {
  usages.note('AKIA1', 'kms', 'us-east-1', NOW);
  faults.failNextCommit = new KeyholdError('StoreUnavailable');
  await expect(usages.write()).rejects.toThrow();
  await usages.write();
  expect(await written('AKIA1')).toMatchObject({ atMs: NOW });
});

test('a record that was edited is reported and not overwritten, and does not keep the others from being written', async () => {
  for (const id of ['AKIA1', 'AKIA2']) usages.note(id, 'kms', 'us-east-1', NOW);
  await raw.transact((transaction) => transaction.create(accessKeyUsagesTable.name, 'AKIA1', Buffer.from('edited')));
  expect((await usages.write()).tampered).toEqual(['AKIA1']);
  expect(await written('AKIA2')).toMatchObject({ atMs: NOW });
});

test('there is room for so many keys, and those that find none are counted', async () => {
  for (let index = 0; index < 20_003; index++) usages.note(`AKIAX${index}`, 'kms', 'us-east-1', NOW);
  expect(await usages.write()).toMatchObject({ more: true, lost: 3 });
  expect(await usages.write()).toMatchObject({ lost: 0 });
});
