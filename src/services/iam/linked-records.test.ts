import { beforeEach, expect, test } from 'vitest';
import { sealedMemoryStore } from '../../store/sealed-memory-store.test-helper.ts';
import { type Store, table } from '../../store/sealed-store.ts';
import { moveLinkedRecord, removeLinkedRecord } from './linked-records.ts';

const shapes = table<{ readonly name: string }>('shapes');

let store: Store;
beforeEach(async () => {
  store = sealedMemoryStore();
  await store.transact((transaction) => transaction.create(shapes, 'round', { name: 'round' }));
});

const move = (from: string, to: string) =>
  store.transact((transaction) => moveLinkedRecord(transaction, shapes, from, to, () => ({ name: to.toUpperCase() })));

test('a record moves to its new name, and nothing stays under the old one', async () => {
  await move('round', 'square');
  expect(await store.list(shapes, { prefix: '', limit: 9 })).toMatchObject([
    { key: 'square', value: { name: 'SQUARE' } },
  ]);
});

test('a record whose name stays is changed where it is', async () => {
  await move('round', 'round');
  expect((await store.get(shapes, 'round'))?.value).toEqual({ name: 'ROUND' });
});

test('a record that someone removed by hand is missed, and nothing changes', async () => {
  await expect(move('oval', 'square')).rejects.toMatchObject({ code: 'TamperedRecord' });
  const remove = store.transact((transaction) => removeLinkedRecord(transaction, shapes, 'oval'));
  await expect(remove).rejects.toMatchObject({ code: 'TamperedRecord' });
  expect(await store.names(shapes, { prefix: '', limit: 9 })).toEqual(['round']);
});
