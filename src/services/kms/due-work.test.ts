import { describe, expect, test } from 'vitest';
import type { KeyIdentity } from '../../keys/key.ts';
import { deletionsTable, dueMoment, dueName, keyName, keysTable } from '../../keys/tables.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { RawStore } from '../../store/contract.ts';
import { type MemoryStoreFaults, openMemoryStore } from '../../store/memory/memory-store.ts';
import { sealedMemoryStore } from '../../store/sealed-memory-store.test-helper.ts';
import type { Store } from '../../store/sealed-store.ts';
import type { ConsequenceRecorder } from '../attempt-records.ts';
import { ACCOUNT, NOW, REGION } from '../scope.test-helper.ts';
import { destroyDueKeys } from './destroy-due-keys.ts';
import { type DueWork, doDueWork, UNFINISHED } from './due-work.ts';
import { createKey, machine, unrecorded, type Worker } from './kms.test-helper.ts';

const DAY_MS = 86_400_000;
const own = { accountId: ACCOUNT, region: REGION };
const TABLES = [
  'keys',
  'policies',
  'materials',
  'aliases',
  'aliases-of-key',
  'key-owners',
  'deletions',
  'rotations',
  'last-usages',
  'grants',
  'grants-of-grantee',
  'grants-of-retiring-principal',
  'named-grants',
  'grant-counts',
];

/** A machine of which one can see every record's name, whatever table it is in. */
function transparentMachine() {
  const raw = openMemoryStore();
  const names = async () => {
    const all: string[] = [];
    for (const table of TABLES) {
      for (const { key } of await raw.list(table, { prefix: '', limit: 10_000 })) all.push(`${table} ${key}`);
    }
    return all;
  };
  /** Edits a record by hand: gives it a version that it was not sealed with. */
  const tamper = async (table: string, prefix: string) => {
    const [row] = await raw.list(table, { prefix, limit: 1 });
    if (row === undefined) throw new Error(`there is no ${prefix} in ${table}`);
    await raw.transact((transaction) => transaction.replace(table, row.key, row.body, row.version));
  };
  return { ...machine(sealedMemoryStore(raw)), raw, names, tamper };
}

/** One go of which nothing fails; gives the keys that it destroyed. */
async function sweep(store: Store, nowMs: number): Promise<KeyIdentity[]> {
  const { done, failures } = await doDueWork(store, destroyDueKeys, nowMs, unrecorded);
  expect(failures).toEqual([]);
  return done;
}

async function doomedKey(worker: Worker, days: number): Promise<string> {
  const keyId = await createKey(worker);
  await worker.call('ScheduleKeyDeletion', { KeyId: keyId, PendingWindowInDays: days });
  return keyId;
}

test('a key is destroyed when it is due, and not a millisecond before', async () => {
  const { store, worker, names } = transparentMachine();
  const keyId = await doomedKey(await worker(), 7);
  expect(await sweep(store, NOW)).toEqual([]);
  expect(await sweep(store, NOW + 7 * DAY_MS - 1)).toEqual([]);
  expect((await names()).length).toBeGreaterThan(0);
  expect(await sweep(store, NOW + 7 * DAY_MS)).toEqual([{ ...own, keyId }]);
  expect(await names()).toEqual([]);
  expect(await sweep(store, NOW + 7 * DAY_MS)).toEqual([]);
});

test('nothing of it is left, and nothing of any other key is touched', async () => {
  const { store, worker, names } = transparentMachine();
  const kms = await worker();
  const kept = await createKey(kms);
  await kms.call('CreateAlias', { AliasName: 'alias/kept', TargetKeyId: kept });
  const before = await names();
  const keyId = await createKey(kms);
  for (const alias of ['alias/a', 'alias/b/c']) await kms.call('CreateAlias', { AliasName: alias, TargetKeyId: keyId });
  await kms.call('TagResource', { KeyId: keyId, Tags: [{ TagKey: 'a', TagValue: 'b' }] });
  await kms.call('Encrypt', { KeyId: keyId, Plaintext: Buffer.from('x') });
  await kms.usages.write();
  await kms.call('ScheduleKeyDeletion', { KeyId: keyId, PendingWindowInDays: 7 });
  expect((await names()).filter((name) => name.includes(keyId)).length).toBeGreaterThanOrEqual(8);
  await sweep(store, NOW + 7 * DAY_MS);
  expect(await names()).toEqual(before);
});

test('all its grants go with it, however many, a batch to a transaction, and the key last', async () => {
  const { store, worker, names } = transparentMachine();
  const kms = await worker();
  const kept = await createKey(kms);
  const grant = {
    GranteePrincipal: 'arn:aws:iam::111122223333:user/a',
    RetiringPrincipal: 'arn:aws:iam::444455556666:root',
    Operations: ['Decrypt'],
  };
  await kms.call('CreateGrant', { ...grant, KeyId: kept, Name: 'kept' });
  const before = await names();
  const keyId = await createKey(kms);
  // Four full batches, and then one that finds nothing.
  for (let count = 0; count < 1000; count++) {
    await kms.call('CreateGrant', { ...grant, KeyId: keyId, Name: `n${count}` });
  }
  expect((await names()).filter((name) => name.includes(keyId)).length).toBe(4005);
  await kms.call('ScheduleKeyDeletion', { KeyId: keyId, PendingWindowInDays: 7 });
  let transactions = 0;
  const counted: Store = {
    ...store,
    transact: (work) => {
      transactions++;
      return store.transact(work);
    },
  };
  expect(await sweep(counted, NOW + 7 * DAY_MS)).toEqual([{ ...own, keyId }]);
  expect(transactions).toBe(5);
  expect(await names()).toEqual(before);
});

test('what takes many transactions is not finished in one go, and keeps its note', async () => {
  const { store, worker } = transparentMachine();
  await doomedKey(await worker(), 7);
  let left = 100;
  const work: DueWork = { ...destroyDueKeys, perform: async () => (--left > 0 ? UNFINISHED : true) };
  const due = NOW + 7 * DAY_MS;
  for (const [done, stillLeft] of [
    [0, 60],
    [0, 20],
    [1, 0],
  ] as const) {
    const go = await doDueWork(store, work, due, unrecorded);
    expect([go.done.length, left]).toEqual([done, stillLeft]);
  }
  expect((await doDueWork(store, work, due, unrecorded)).done).toEqual([]);
});

test('grants that a crash left behind are removed by the next go', async () => {
  const { store, worker, names } = transparentMachine();
  const kms = await worker();
  const keyId = await createKey(kms);
  const grant = { KeyId: keyId, GranteePrincipal: 'arn:aws:iam::111122223333:user/a', Operations: ['Decrypt'] };
  for (let count = 0; count < 600; count++) await kms.call('CreateGrant', grant);
  await kms.call('ScheduleKeyDeletion', { KeyId: keyId, PendingWindowInDays: 7 });
  let transactions = 0;
  const crashing: Store = {
    ...store,
    transact: (work) => {
      if (++transactions === 2) throw new KeyholdError('StoreUnavailable', 'the power is gone');
      return store.transact(work);
    },
  };
  const { failures } = await doDueWork(crashing, destroyDueKeys, NOW + 7 * DAY_MS, unrecorded);
  expect(failures).toHaveLength(1);
  // Its material has gone in the first of the transactions.
  expect((await names()).filter((name) => name.startsWith('materials'))).toEqual([]);
  expect((await names()).filter((name) => name.startsWith('grants '))).toHaveLength(350);
  expect(await sweep(store, NOW + 7 * DAY_MS)).toEqual([{ ...own, keyId }]);
  expect(await names()).toEqual([]);
});

/** What a go records, name by name, and what of it did not come about after all. */
function recorder() {
  const recorded: string[] = [];
  const record: ConsequenceRecorder = async (consequences, error) => {
    for (const { eventName, region } of consequences) recorded.push(`${eventName} ${error?.code ?? region}`);
  };
  return { recorded, record };
}

test('a key is recorded as deleted once, by the first of the transactions that it takes', async () => {
  const { store, worker } = transparentMachine();
  const kms = await worker();
  const keyId = await createKey(kms);
  const grant = { KeyId: keyId, GranteePrincipal: 'arn:aws:iam::111122223333:user/a', Operations: ['Decrypt'] };
  for (let count = 0; count < 600; count++) await kms.call('CreateGrant', grant);
  await kms.call('ScheduleKeyDeletion', { KeyId: keyId, PendingWindowInDays: 7 });
  const { recorded, record } = recorder();
  const counting: (number | string)[] = [];
  const counted: Store = {
    ...store,
    transact: async (work) => {
      const answer = await store.transact(work);
      counting.push(recorded.length);
      return answer;
    },
  };
  await doDueWork(counted, destroyDueKeys, NOW + 7 * DAY_MS, record);
  expect(counting).toEqual([1, 1, 1]);
  expect(recorded).toEqual([`DeleteKey ${REGION}`]);
});

test('what happens by itself does not happen if it cannot be recorded, and is tried again', async () => {
  const { store, worker } = transparentMachine();
  const keyId = await doomedKey(await worker(), 7);
  const unavailable = new KeyholdError('AuditUnavailable', 'no room');
  const { failures } = await doDueWork(store, destroyDueKeys, NOW + 7 * DAY_MS, () => Promise.reject(unavailable));
  expect(failures).toMatchObject([{ error: unavailable }]);
  expect(await store.get(keysTable, keyName({ ...own, keyId }))).toBeDefined();
  expect(await sweep(store, NOW + 7 * DAY_MS)).toEqual([{ ...own, keyId }]);
});

test('what was recorded and then not committed is recorded again, with the error', async () => {
  const faults: MemoryStoreFaults = {};
  const { store, worker } = machine(sealedMemoryStore(openMemoryStore({ faults })));
  await doomedKey(await worker(), 7);
  const { recorded, record } = recorder();
  faults.failNextCommit = new Error('no room');
  const { failures } = await doDueWork(store, destroyDueKeys, NOW + 7 * DAY_MS, record);
  expect(failures).toHaveLength(1);
  expect(recorded).toEqual([`DeleteKey ${REGION}`, 'DeleteKey KMSInternalException']);
});

test('an alias that has moved to another key meanwhile stays', async () => {
  const { store, worker, names } = transparentMachine();
  const kms = await worker();
  const [kept, keyId] = [await createKey(kms), await createKey(kms)];
  await kms.call('CreateAlias', { AliasName: 'alias/a', TargetKeyId: keyId });
  await kms.call('ScheduleKeyDeletion', { KeyId: keyId, PendingWindowInDays: 7 });
  await kms.call('UpdateAlias', { AliasName: 'alias/a', TargetKeyId: kept });
  await sweep(store, NOW + 7 * DAY_MS);
  expect(await kms.directory.aliasTarget(own, 'alias/a')).toBe(kept);
  expect((await names()).some((name) => name.includes(keyId))).toBe(false);
});

test('a deletion that was cancelled does not come, also when it was scheduled anew for later', async () => {
  const { store, worker } = transparentMachine();
  const kms = await worker();
  const [cancelled, later] = [await doomedKey(kms, 7), await doomedKey(kms, 7)];
  for (const KeyId of [cancelled, later]) await kms.call('CancelKeyDeletion', { KeyId });
  await kms.call('ScheduleKeyDeletion', { KeyId: later, PendingWindowInDays: 30 });
  expect(await sweep(store, NOW + 7 * DAY_MS)).toEqual([]);
  expect(await sweep(store, NOW + 30 * DAY_MS)).toEqual([{ ...own, keyId: later }]);
  expect((await kms.directory.key({ ...own, keyId: cancelled }))?.record.lifecycle.status).toBe('Disabled');
});

test('a key that lives is not destroyed because a deletion of it is still noted', async () => {
  const { store, worker, names } = transparentMachine();
  const kms = await worker();
  const keyId = await createKey(kms);
  const before = await names();
  const identity = { ...own, keyId };
  await store.transact((transaction) => transaction.create(deletionsTable, dueName(NOW, identity), identity));
  expect(await sweep(store, NOW + DAY_MS)).toEqual([]);
  expect(await names()).toEqual(before);
});

test('keys are destroyed in the order in which they are due, and those that are not due stay', async () => {
  const { store, worker } = transparentMachine();
  const kms = await worker();
  const [third, first, fourth, second] = [
    await doomedKey(kms, 20),
    await doomedKey(kms, 7),
    await doomedKey(kms, 30),
    await doomedKey(kms, 10),
  ];
  const destroyed = await sweep(store, NOW + 20 * DAY_MS);
  expect(destroyed.map(({ keyId }) => keyId)).toEqual([first, second, third]);
  expect(await kms.directory.key({ ...own, keyId: fourth as string })).toBeDefined();
});

test('what was due at the same moment in several goes is all destroyed', async () => {
  const { store, worker, names } = transparentMachine();
  const kms = await worker();
  for (let count = 0; count < 130; count++) await doomedKey(kms, 7);
  const due = NOW + 7 * DAY_MS;
  expect(await sweep(store, due)).toHaveLength(100);
  expect(await sweep(store, due)).toHaveLength(30);
  expect(await sweep(store, due)).toHaveLength(0);
  expect(await names()).toEqual([]);
});

test('two sweepers at once destroy each key once', async () => {
  const { store, worker, names } = transparentMachine();
  const kms = await worker();
  const keyIds = [await doomedKey(kms, 7), await doomedKey(kms, 7), await doomedKey(kms, 7)];
  const due = NOW + 7 * DAY_MS;
  const both = (await Promise.all([sweep(store, due), sweep(store, due)])).flat();
  expect(both.map(({ keyId }) => keyId).sort()).toEqual([...keyIds].sort());
  expect(await names()).toEqual([]);
});

describe.each(['deletions', 'keys', 'materials', 'aliases', 'aliases-of-key', 'policies', 'key-owners'])(
  'a record of %s that someone edited',
  (table) => {
    test('keeps no key but its own from being destroyed, and the failure is told', async () => {
      const { store, worker, names, tamper } = transparentMachine();
      const kms = await worker();
      const keyIds: string[] = [];
      for (const days of [7, 8, 9]) {
        const keyId = await createKey(kms);
        await kms.call('CreateAlias', { AliasName: `alias/of-${days}`, TargetKeyId: keyId });
        await kms.call('ScheduleKeyDeletion', { KeyId: keyId, PendingWindowInDays: days });
        keyIds.push(keyId);
      }
      const identity = { ...own, keyId: keyIds[0] as string };
      const deletion = dueName(NOW + 7 * DAY_MS, identity);
      const edited = {
        deletions: deletion,
        aliases: `${ACCOUNT}/${REGION}/alias/of-7`,
        'key-owners': `${REGION}/${identity.keyId}`,
      };
      await tamper(table, edited[table as keyof typeof edited] ?? keyName(identity));
      const before = (await names()).filter((name) => name.includes(identity.keyId));
      const { done, failures, next } = await doDueWork(store, destroyDueKeys, NOW + 30 * DAY_MS, unrecorded);
      expect(done.map(({ keyId }) => keyId)).toEqual(keyIds.slice(1));
      expect(failures).toEqual([{ note: deletion, error: expect.objectContaining({ code: 'TamperedRecord' }) }]);
      expect(next).toBe('');
      expect((await names()).filter((name) => name.includes(identity.keyId))).toEqual(before);
    });
  },
);

describe('rows of deletions that nobody can open', () => {
  const due = NOW + 7 * DAY_MS;

  async function insertByHand(raw: RawStore, names: readonly string[]): Promise<void> {
    await raw.transact(async (transaction) => {
      for (const name of names) await transaction.create('deletions', name, Buffer.from('anything'));
    });
  }

  test('however many, do not keep the keys behind them from their turn', async () => {
    const { store, raw, worker } = transparentMachine();
    const keyId = await doomedKey(await worker(), 7);
    await insertByHand(
      raw,
      Array.from({ length: 250 }, (_, count) => `${dueMoment(count)}/anything`),
    );
    const destroyed: KeyIdentity[] = [];
    const failed = new Set<string>();
    let next = '';
    let goes = 0;
    do {
      const go = await doDueWork(store, destroyDueKeys, due, unrecorded, next);
      for (const { note } of go.failures) failed.add(note);
      destroyed.push(...go.done);
      next = go.next;
      goes++;
    } while (next !== '');
    expect({ goes, failed: failed.size, destroyed }).toEqual({ goes: 3, failed: 250, destroyed: [{ ...own, keyId }] });
    // And the next round begins at the front, for records can be restored.
    expect((await doDueWork(store, destroyDueKeys, due, unrecorded, next)).failures).toHaveLength(100);
  });

  test.each(['!', '0', '00000000000000000', '00000099999999999999/x', '0000-1', '0000/', '\u{1f511}'])(
    'do not end the round by a name such as %j',
    async (name) => {
      const { store, raw, worker } = transparentMachine();
      const keyId = await doomedKey(await worker(), 7);
      await insertByHand(raw, [name]);
      expect((await doDueWork(store, destroyDueKeys, due, unrecorded)).done).toEqual([{ ...own, keyId }]);
    },
  );
});

test('a store that has failed is not asked again for each key, and the next go continues behind', async () => {
  const faults: MemoryStoreFaults = {};
  const { store, worker } = machine(sealedMemoryStore(openMemoryStore({ faults })));
  const kms = await worker();
  const keyIds = [await doomedKey(kms, 7), await doomedKey(kms, 8)];
  const due = NOW + 30 * DAY_MS;
  faults.failNextCommit = new KeyholdError('StoreUnavailable');
  const go = await doDueWork(store, destroyDueKeys, due, unrecorded);
  expect(go).toMatchObject({ done: [], failures: [{ error: { code: 'StoreUnavailable' } }] });
  expect((await doDueWork(store, destroyDueKeys, due, unrecorded, go.next)).done).toEqual([
    { ...own, keyId: keyIds[1] },
  ]);
  expect((await doDueWork(store, destroyDueKeys, due, unrecorded)).done).toEqual([{ ...own, keyId: keyIds[0] }]);
});

describe('a destroyed key', () => {
  test('is gone from every worker’s memory at once, with its material', async () => {
    const { store, worker } = transparentMachine();
    const [one, other] = [await worker(), await worker()];
    const keyId = await createKey(one);
    const { CiphertextBlob } = await other.call('Encrypt', { KeyId: keyId, Plaintext: Buffer.from('x') });
    const key = await other.directory.key({ ...own, keyId });
    if (key === undefined) throw new Error('the key was created');
    await one.call('ScheduleKeyDeletion', { KeyId: keyId, PendingWindowInDays: 7 });
    await sweep(store, NOW + 7 * DAY_MS);
    expect(await other.directory.key({ ...own, keyId })).toBeUndefined();
    expect(await other.directory.open(key, key.record.currentMaterialId ?? '')).toBeUndefined();
    await expect(other.call('Decrypt', { CiphertextBlob })).rejects.toThrow(
      expect.objectContaining({ code: 'AccessDeniedException' }),
    );
  });

  test('does not leave its name behind for a key that does not exist to be found by', async () => {
    const { store, worker } = transparentMachine();
    const kms = await worker();
    const keyId = await doomedKey(kms, 7);
    await sweep(store, NOW + 7 * DAY_MS);
    expect(await kms.directory.ownerOf(REGION, keyId)).toBeUndefined();
    await expect(kms.call('DescribeKey', { KeyId: keyId })).rejects.toThrow(keyName({ ...own, keyId }).split('/')[2]);
  });
});
