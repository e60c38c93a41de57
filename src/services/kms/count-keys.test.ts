import { describe, expect, test } from 'vitest';
import type { KeyRecord } from '../../keys/key.ts';
import { keyCountName, keyCountsTable, keysTable } from '../../keys/tables.ts';
import type { Store } from '../../store/sealed-store.ts';
import { ACCOUNT, administrator, NOW, REGION } from '../scope.test-helper.ts';
import { destroyDueKeys } from './destroy-due-keys.ts';
import { doDueWork } from './due-work.ts';
import { createKey, machine, unrecorded, type Worker } from './kms.test-helper.ts';

const own = { accountId: ACCOUNT, region: REGION };
const WEEK_MS = 7 * 86_400_000;

async function counted(store: Store): Promise<number | undefined> {
  return (await store.get(keyCountsTable, keyCountName(own)))?.value.customerManaged;
}

/** As though the account had this many keys. */
async function pretend(store: Store, customerManaged: number): Promise<void> {
  const name = keyCountName(own);
  const version = (await store.get(keyCountsTable, name))?.version;
  await store.transact((transaction) =>
    version === undefined
      ? transaction.create(keyCountsTable, name, { customerManaged })
      : transaction.replace(keyCountsTable, name, { customerManaged }, version),
  );
}

/** As in the data directory of a server that did not count. */
async function forget(store: Store): Promise<void> {
  const name = keyCountName(own);
  const version = (await store.get(keyCountsTable, name))?.version;
  if (version === undefined) throw new Error('there is a count');
  await store.transact((transaction) => transaction.remove(keyCountsTable, name, version));
}

async function destroy(store: Store, on: Worker, KeyId: string): Promise<void> {
  await on.call('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 });
  const { done, failures } = await doDueWork(store, destroyDueKeys, NOW + WEEK_MS, unrecorded);
  expect({ done, failures }).toEqual({ done: [{ ...own, keyId: KeyId }], failures: [] });
}

const limitExceeded = {
  code: 'LimitExceededException',
  message: 'Key quota for this account in this region is 100000 but the current usage is 100000.',
};

test('every customer managed key is counted until it is destroyed, whatever its state', async () => {
  const { store, worker } = machine();
  const on = await worker();
  const [first] = [await createKey(on), await createKey(on), await createKey(on, { Origin: 'EXTERNAL' })];
  expect(await counted(store)).toBe(3);
  await on.call('DisableKey', { KeyId: first });
  await on.call('ScheduleKeyDeletion', { KeyId: first });
  expect(await counted(store)).toBe(3);
  await on.call('CancelKeyDeletion', { KeyId: first });
  await destroy(store, on, first);
  expect(await counted(store)).toBe(2);
});

describe('an account with as many keys as it can have', () => {
  test('makes no more in that Region, and leaves nothing of the one that it tried to make', async () => {
    const { store, worker } = machine();
    const on = await worker();
    await pretend(store, 99_999);
    await createKey(on);
    const head = await store.head();
    await expect(on.call('CreateKey', {})).rejects.toMatchObject(limitExceeded);
    await expect(on.call('CreateKey', { Origin: 'EXTERNAL' })).rejects.toMatchObject(limitExceeded);
    expect(await store.head()).toBe(head);
    expect(await counted(store)).toBe(100_000);
    await expect(on.call('CreateKey', {}, administrator, { region: 'eu-west-1' })).resolves.toBeDefined();
  });

  test('replicates none into that Region', async () => {
    const { store, worker } = machine();
    const on = await worker();
    await pretend(store, 99_999);
    const elsewhere = { region: 'eu-west-1' };
    const keys = [1, 2].map(() => on.call('CreateKey', { MultiRegion: true }, administrator, elsewhere));
    const [one, two] = (await Promise.all(keys)).map(({ KeyMetadata }) => (KeyMetadata as { KeyId: string }).KeyId);
    const replicate = (KeyId?: string) =>
      on.call('ReplicateKey', { KeyId, ReplicaRegion: REGION }, administrator, elsewhere);
    await expect(replicate(one)).resolves.toBeDefined();
    await expect(replicate(two)).rejects.toMatchObject(limitExceeded);
    expect(await counted(store)).toBe(100_000);
  });

  test('makes one for each that is destroyed', async () => {
    const { store, worker } = machine();
    const on = await worker();
    await pretend(store, 99_999);
    const last = await createKey(on);
    await expect(on.call('CreateKey', {})).rejects.toMatchObject(limitExceeded);
    await destroy(store, on, last);
    await expect(on.call('CreateKey', {})).resolves.toBeDefined();
    await expect(on.call('CreateKey', {})).rejects.toMatchObject(limitExceeded);
  });

  test('makes the last one once, however many workers are asked at once', async () => {
    const { store, worker } = machine();
    const workers = [await worker(), await worker(), await worker()];
    await pretend(store, 99_999);
    const outcomes = await Promise.allSettled(workers.map((on) => createKey(on)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await counted(store)).toBe(100_000);
  });

  test('still gets its AWS managed keys, which do not count', async () => {
    const { store, worker } = machine();
    const on = await worker();
    await pretend(store, 100_000);
    await expect(on.call('DescribeKey', { KeyId: 'alias/aws/s3' })).resolves.toBeDefined();
    expect(await counted(store)).toBe(100_000);
  });
});

describe('where keys have not been counted', () => {
  test('they are when the next one is made', async () => {
    const { store, worker } = machine();
    const on = await worker();
    const doomed = await createKey(on);
    await createKey(on);
    await forget(store);
    await destroy(store, on, doomed);
    expect(await counted(store)).toBeUndefined();
    await createKey(on);
    expect(await counted(store)).toBe(2);
  });

  test('an AWS managed key that is the next one is not taken for one of the customer’s later', async () => {
    const { store, worker } = machine();
    const on = await worker();
    await createKey(on);
    await forget(store);
    await on.call('DescribeKey', { KeyId: 'alias/aws/s3' });
    expect(await counted(store)).toBe(1);
    await createKey(on);
    expect(await counted(store)).toBe(2);
  });

  test('there may be more of them than are read at once, and those of other Regions are none of them', async () => {
    const { store, worker } = machine();
    const on = await worker();
    await on.call('CreateKey', {}, administrator, { region: 'us-east-10' });
    await store.transact(async (transaction) => {
      for (let n = 0; n < 20_001; n++) {
        await transaction.create(keysTable, `${ACCOUNT}/${REGION}/${n}`, {} as KeyRecord);
      }
    });
    await createKey(on);
    expect(await counted(store)).toBe(20_002);
  });
});
