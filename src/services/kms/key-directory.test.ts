import { describe, expect, test } from 'vitest';
import { keyName, keysTable, materialName, materialsTable, policiesTable } from '../../keys/tables.ts';
import { openMemoryStore } from '../../store/memory/memory-store.ts';
import { sealedMemoryStore } from '../../store/sealed-memory-store.test-helper.ts';
import type { Store } from '../../store/sealed-store.ts';
import { ACCOUNT, administrator, keyPolicy, REGION } from '../scope.test-helper.ts';
import { createKey, machine, type Worker } from './kms.test-helper.ts';

const own = { accountId: ACCOUNT, region: REGION };
const plaintext = Buffer.from('attack at dawn');

/** A store that counts how often it is read outside of transactions. */
function counting(store: Store) {
  const counts = { reads: 0 };
  const counted: Store = {
    ...store,
    get: (table, key) => {
      counts.reads += 1;
      return store.get(table, key);
    },
    list: (table, options) => {
      counts.reads += 1;
      return store.list(table, options);
    },
  };
  return { counted, counts };
}

async function state(worker: Worker, keyId: string): Promise<string | undefined> {
  return (await worker.directory.key({ ...own, keyId }))?.record.lifecycle.status;
}

async function blobOf(worker: Worker, keyId: string, context?: object): Promise<Buffer> {
  const input = { KeyId: keyId, Plaintext: plaintext, ...(context && { EncryptionContext: context }) };
  return (await worker.call('Encrypt', input))['CiphertextBlob'] as Buffer;
}

test('a key, its alias and its material are read once, however often they are used', async () => {
  const { counted, counts } = counting(sealedMemoryStore());
  const { worker } = machine(counted);
  const [maker, user] = [await worker(), await worker()];
  const keyId = await createKey(maker);
  await maker.call('CreateAlias', { AliasName: 'alias/orders', TargetKeyId: keyId });
  await blobOf(user, 'alias/orders');
  const afterFirst = counts.reads;
  for (let count = 0; count < 5; count++) await blobOf(user, 'alias/orders');
  expect(counts.reads).toBe(afterFirst);
});

describe('what one worker has answered, the next request of every other knows', () => {
  test.each([
    ['DisableKey', {}, 'Disabled'],
    ['ScheduleKeyDeletion', { PendingWindowInDays: 7 }, 'PendingDeletion'],
  ])('%s', async (operation, more, status) => {
    const { worker } = machine();
    const workers = [await worker(), await worker(), await worker()] as const;
    const keyId = await createKey(workers[0]);
    for (const each of workers) expect(await state(each, keyId)).toBe('Enabled');
    await workers[1].call(operation, { KeyId: keyId, ...more });
    for (const each of workers) expect(await state(each, keyId)).toBe(status);
    for (const each of workers) await expect(blobOf(each, keyId)).rejects.toThrow(keyId);
  });

  test('PutKeyPolicy', async () => {
    const { worker } = machine();
    const [one, other] = [await worker(), await worker()];
    const keyId = await createKey(one);
    const blob = await blobOf(other, keyId);
    const Policy = keyPolicy(
      { Effect: 'Allow', Principal: { AWS: ACCOUNT }, Action: 'kms:*', Resource: '*' },
      { Effect: 'Deny', Principal: '*', Action: 'kms:Decrypt', Resource: '*' },
    );
    await one.call('PutKeyPolicy', { KeyId: keyId, Policy });
    await expect(other.call('Decrypt', { CiphertextBlob: blob })).rejects.toThrow(
      expect.objectContaining({ code: 'AccessDeniedException' }),
    );
  });

  test('CreateAlias, UpdateAlias and DeleteAlias, for the alias and for what its keys are known by', async () => {
    const { worker } = machine();
    const [one, other] = [await worker(), await worker()];
    const [first, second] = [await createKey(one), await createKey(one)];
    const seen = async () => ({
      target: await other.directory.aliasTarget(own, 'alias/a'),
      first: (await other.directory.key({ ...own, keyId: first }))?.aliases,
      second: (await other.directory.key({ ...own, keyId: second }))?.aliases,
    });
    expect(await seen()).toEqual({ target: undefined, first: [], second: [] });
    await one.call('CreateAlias', { AliasName: 'alias/a', TargetKeyId: first });
    expect(await seen()).toEqual({ target: first, first: ['alias/a'], second: [] });
    await one.call('UpdateAlias', { AliasName: 'alias/a', TargetKeyId: second });
    expect(await seen()).toEqual({ target: second, first: [], second: ['alias/a'] });
    await one.call('DeleteAlias', { AliasName: 'alias/a' });
    expect(await seen()).toEqual({ target: undefined, first: [], second: [] });
  });

  test('TagResource and UpdateKeyDescription', async () => {
    const { worker } = machine();
    const [one, other] = [await worker(), await worker()];
    const keyId = await createKey(one);
    const seen = async () => (await other.directory.key({ ...own, keyId }))?.record;
    expect(await seen()).toMatchObject({ description: '', tags: [] });
    await one.call('TagResource', { KeyId: keyId, Tags: [{ TagKey: 'a', TagValue: 'b' }] });
    await one.call('UpdateKeyDescription', { KeyId: keyId, Description: 'new' });
    expect(await seen()).toMatchObject({ description: 'new', tags: [{ key: 'a', value: 'b' }] });
  });

  test('under concurrent use: once DisableKey has been answered, no request that begins later uses the key', async () => {
    const { worker } = machine();
    const workers = [await worker(), await worker(), await worker()];
    const changer = await worker();
    const keyId = await createKey(changer);
    let answered: 'Enabled' | 'Disabled' = 'Enabled';
    /** Odd while a change is on its way. */
    let turns = 0;
    let over = false;
    const outcomes = { Enabled: 0, Disabled: 0 };

    const use = async (each: Worker) => {
      while (!over) {
        const [began, turn] = [answered, turns];
        const outcome = await blobOf(each, keyId).then(
          () => 'Enabled' as const,
          (error: { code: string }) => {
            expect(error.code).toBe('DisabledException');
            return 'Disabled' as const;
          },
        );
        outcomes[outcome] += 1;
        // A request that no change overlapped has gone by what was answered before it began.
        if (turn === turns && turn % 2 === 0) expect(outcome).toBe(began);
        await new Promise(setImmediate);
      }
    };

    const change = async () => {
      for (let round = 0; round < 60; round++) {
        const to = round % 2 === 0 ? 'Disabled' : 'Enabled';
        turns += 1;
        await changer.call(to === 'Disabled' ? 'DisableKey' : 'EnableKey', { KeyId: keyId });
        answered = to;
        turns += 1;
        for (const each of workers) expect(await state(each, keyId)).toBe(to);
        await new Promise(setImmediate);
      }
    };
    const changed = change().finally(() => {
      over = true;
    });
    await Promise.all([changed, ...workers.map(use), ...workers.map(use)]);
    expect(outcomes.Enabled).toBeGreaterThan(0);
    expect(outcomes.Disabled).toBeGreaterThan(0);
  });
});

test('two requests that open a key’s material at the same moment can both use what they were given', async () => {
  const { worker } = machine();
  const maker = await worker();
  const keyId = await createKey(maker);
  const cold = await worker();
  const blobs = await Promise.all(Array.from({ length: 5 }, () => blobOf(cold, keyId)));
  expect(blobs).toHaveLength(5);
});

test('a handle that was pushed out of the cache serves whoever was just given it, and is closed then', async () => {
  const { worker } = machine();
  const maker = await worker();
  const keyIds = [await createKey(maker), await createKey(maker), await createKey(maker)];
  const small = await worker(1);
  const closed: string[] = [];
  const { close } = small.custody;
  (small.custody as { close: typeof close }).close = (handle) => {
    closed.push(handle.keyId);
    close(handle);
  };
  const blobs = await Promise.all(keyIds.map((keyId) => blobOf(small, keyId)));
  for (const blob of blobs)
    expect((await small.call('Decrypt', { CiphertextBlob: blob }))['Plaintext']).toEqual(plaintext);
  await new Promise(setImmediate);
  expect(new Set(closed).size, 'all but the last one used').toBeGreaterThanOrEqual(2);
});

test('key pairs, and keys with long policies, take the room of several, so that they cannot fill the memory', async () => {
  const { counted, counts } = counting(sealedMemoryStore());
  const { worker } = machine(counted);
  const maker = await worker();
  const readsAgain = async (input: object) => {
    const keyIds: string[] = [];
    for (let made = 0; made < 5; made++) keyIds.push(await createKey(maker, input));
    const user = await worker(80);
    for (const keyId of keyIds) await state(user, keyId);
    const before = counts.reads;
    for (const keyId of keyIds) await state(user, keyId);
    return counts.reads > before;
  };
  expect(await readsAgain({})).toBe(false);
  expect(await readsAgain({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })).toBe(false);
  expect(await readsAgain({ KeySpec: 'ML_DSA_87', KeyUsage: 'SIGN_VERIFY' })).toBe(true);
  const statement = { Effect: 'Allow', Principal: { AWS: ACCOUNT }, Action: 'kms:*', Resource: '*' };
  expect(await readsAgain({ Policy: keyPolicy({ ...statement, Sid: 'x'.repeat(12_000) }) })).toBe(true);
});

test('when the change log cannot tell what changed, everything is read anew', async () => {
  const raw = openMemoryStore({ changeLogLimits: { kept: 4, prunedEvery: 2, answered: 3 } });
  const { worker } = machine(sealedMemoryStore(raw));
  const [one, other] = [await worker(), await worker()];
  const keyId = await createKey(one);
  const blob = await blobOf(other, keyId);
  await one.call('DisableKey', { KeyId: keyId });
  for (let count = 0; count < 5; count++) await createKey(one);
  expect(await state(other, keyId)).toBe('Disabled');
  await one.call('EnableKey', { KeyId: keyId });
  expect((await other.call('Decrypt', { CiphertextBlob: blob }))['Plaintext']).toEqual(plaintext);
});

describe('rows that do not belong together are refused, loudly', () => {
  const tampered = expect.objectContaining({ code: 'TamperedRecord' });

  async function withKey() {
    const { store, worker } = machine();
    const maker = await worker();
    const keyId = await createKey(maker);
    const record = (await store.get(keysTable, keyName({ ...own, keyId })))?.value;
    if (record === undefined) throw new Error('the key was created');
    return { store, keyId, record, other: await worker() };
  }

  test('a key whose policy row is gone', async () => {
    const { store, keyId, other } = await withKey();
    await store.transact((transaction) => transaction.remove(policiesTable, keyName({ ...own, keyId }), 1));
    await expect(blobOf(other, keyId)).rejects.toThrow(tampered);
  });

  test('a key whose material row is gone', async () => {
    const { store, keyId, record, other } = await withKey();
    const name = materialName(record, record.currentMaterialId ?? '');
    await store.transact((transaction) => transaction.remove(materialsTable, name, 1));
    await expect(blobOf(other, keyId)).rejects.toThrow(tampered);
  });

  test('a key with the material of another', async () => {
    const { store, record, keyId, other } = await withKey();
    const donorId = await createKey(other);
    const donor = (await store.get(keysTable, keyName({ ...own, keyId: donorId })))?.value;
    const material = await store.get(materialsTable, materialName(donor ?? record, donor?.currentMaterialId ?? ''));
    const name = materialName(record, record.currentMaterialId ?? '');
    await store.transact((transaction) =>
      transaction.replace(materialsTable, name, material?.value ?? { wrapped: '', createdAtMs: 0 }, 1),
    );
    await expect(blobOf(other, keyId)).rejects.toThrow(tampered);
  });
});

test('a key of an account is never found in another, or in another Region', async () => {
  const { worker } = machine();
  const kms = await worker();
  const keyId = await createKey(kms);
  expect(await kms.directory.key({ ...own, keyId, region: 'eu-central-1' })).toBeUndefined();
  expect(await kms.directory.key({ ...own, keyId, accountId: '444455556666' })).toBeUndefined();
  expect(await kms.directory.ownerOf(REGION, keyId)).toBe(administrator.principal.accountId);
  expect(await kms.directory.ownerOf('eu-central-1', keyId)).toBeUndefined();
});
