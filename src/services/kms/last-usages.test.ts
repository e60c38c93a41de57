import { KeyLastUsageTrackingOperation } from '@aws-sdk/client-kms';
import { beforeEach, describe, expect, test } from 'vitest';
import { keyArn } from '../../keys/key.ts';
import { keyName, lastUsagesTable } from '../../keys/tables.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import { seededRandom } from '../../runtime/random.test-helper.ts';
import { type MemoryStoreFaults, openMemoryStore } from '../../store/memory/memory-store.ts';
import { sealedMemoryStore } from '../../store/sealed-memory-store.test-helper.ts';
import { ACCOUNT, administratorAccess, keyPolicy, NOW, OTHER_ACCOUNT, REGION, user } from '../scope.test-helper.ts';
import { destroyDueKeys } from './destroy-due-keys.ts';
import { doDueWork } from './due-work.ts';
import { kmsOperations } from './index.ts';
import { createKey, type Machine, machine, unrecorded, type Worker } from './kms.test-helper.ts';
import { lastUsages, startOfTracking, usesKeys } from './last-usages.ts';

const plaintext = Buffer.from('x');
/** A caller of another account, who may do there what the key's policy allows. */
const visitor = user('visitor', { accountId: OTHER_ACCOUNT, identityPolicies: [administratorAccess] });
const sharingPolicy = keyPolicy({
  Effect: 'Allow',
  Principal: { AWS: [ACCOUNT, OTHER_ACCOUNT] },
  Action: 'kms:*',
  Resource: '*',
});
const identity = (keyId: string) => ({ accountId: ACCOUNT, region: REGION, keyId });

let raw: ReturnType<typeof openMemoryStore>;
let faults: MemoryStoreFaults;
let kms: Machine;
let one: Worker;
let other: Worker;
let keyId: string;
beforeEach(async () => {
  faults = {};
  raw = openMemoryStore({ faults });
  kms = machine(sealedMemoryStore(raw));
  [one, other] = [await kms.worker(), await kms.worker()];
  keyId = await createKey(one);
});

const encrypt = (worker: Worker, nowMs = NOW, KeyId = keyId) =>
  worker.call('Encrypt', { KeyId, Plaintext: plaintext }, undefined, { nowMs });
const usageOf = async (worker: Worker, KeyId = keyId) =>
  (await worker.call('GetKeyLastUsage', { KeyId }))['KeyLastUsage'];
const random = seededRandom('usages');
/** Of an operation on a key that need not be there. */
const success = (id: string) => ({
  requestId: random.uuid(),
  eventId: random.uuid(),
  nowMs: NOW,
  touched: [{ accountId: ACCOUNT, type: 'AWS::KMS::Key' as const, ARN: keyArn(identity(id)) }],
});
const storedUsage = async (id = keyId) => (await kms.store.get(lastUsagesTable, keyName(identity(id))))?.value;

test('all cryptographic operations that are there count, and no others', () => {
  const tracked = new Set<string>(Object.values(KeyLastUsageTrackingOperation));
  const counted = [...kmsOperations.values()].filter(usesKeys).map(({ name }) => name);
  expect(counted).toEqual([...kmsOperations.keys()].filter((name) => tracked.has(name)));
  expect(counted).toContain('ReEncrypt');
});

describe('GetKeyLastUsage', () => {
  test('of a key that was never used says when it was made, and nothing of a usage', async () => {
    expect(await one.call('GetKeyLastUsage', { KeyId: keyId })).toEqual({
      KeyId: keyId,
      KeyLastUsage: {},
      TrackingStartDate: new Date(NOW),
      KeyCreationDate: new Date(NOW),
    });
  });

  test('tells this worker’s own usage at once, and another’s when that has written it down', async () => {
    await encrypt(one, NOW + 5);
    const expected = {
      Operation: 'Encrypt',
      Timestamp: new Date(NOW + 5),
      CloudTrailEventId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      KmsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    };
    expect(await usageOf(one)).toEqual(expected);
    expect(await usageOf(other)).toEqual({});
    expect(await one.usages.write()).toEqual({ more: false, lost: 0, tampered: [] });
    expect(await usageOf(other)).toEqual(await usageOf(one));
    expect(await usageOf(other)).toEqual(expected);
  });

  test('tells the later of what is written and what is not', async () => {
    await encrypt(one, NOW + 10);
    await one.usages.write();
    await other.call('GenerateDataKey', { KeyId: keyId, KeySpec: 'AES_256' }, undefined, { nowMs: NOW + 7 });
    expect(await usageOf(other)).toMatchObject({ Operation: 'Encrypt' });
    await other.call('GenerateDataKey', { KeyId: keyId, KeySpec: 'AES_256' }, undefined, { nowMs: NOW + 11 });
    expect(await usageOf(other)).toMatchObject({ Operation: 'GenerateDataKey', Timestamp: new Date(NOW + 11) });
  });

  test('loses no usage that is being written down meanwhile', async () => {
    let meanwhile = async (): Promise<unknown> => undefined;
    const fast = openMemoryStore();
    const slow = {
      ...fast,
      async get(table: string, key: string) {
        const found = await fast.get(table, key);
        if (table === lastUsagesTable.name) await meanwhile();
        return found;
      },
    };
    const worker = await machine(sealedMemoryStore(slow)).worker();
    const used = await createKey(worker);
    await encrypt(worker, NOW, used);
    meanwhile = () => worker.usages.write();
    expect(await usageOf(worker, used)).toMatchObject({ Operation: 'Encrypt' });
  });

  test('of a key that is older than the tracking says since when it is tracked', async () => {
    const upgraded = machine();
    const sinceMs = NOW + 86_400_000;
    await startOfTracking(upgraded.store, sinceMs);
    const worker = await upgraded.worker();
    expect(await worker.call('GetKeyLastUsage', { KeyId: await createKey(worker) })).toMatchObject({
      TrackingStartDate: new Date(sinceMs),
      KeyCreationDate: new Date(NOW),
    });
  });

  test('is refused to other accounts, whatever policies say', async () => {
    const shared = await createKey(one, { Policy: sharingPolicy });
    await expect(one.call('GetKeyLastUsage', { KeyId: keyArn(identity(shared)) }, visitor)).rejects.toThrow(
      expect.objectContaining({ code: 'AccessDeniedException' }),
    );
  });
});

describe('what counts', () => {
  test('ReEncrypt counts for both of its keys', async () => {
    const destination = await createKey(one);
    const { CiphertextBlob } = await encrypt(one);
    await one.call('ReEncrypt', { CiphertextBlob, DestinationKeyId: destination }, undefined, { nowMs: NOW + 1 });
    expect(await usageOf(one)).toMatchObject({ Operation: 'ReEncrypt' });
    expect(await usageOf(one, destination)).toEqual(await usageOf(one));
  });

  test('a key that another account uses is used', async () => {
    const shared = await createKey(one, { Policy: sharingPolicy });
    await one.call('Encrypt', { KeyId: keyArn(identity(shared)), Plaintext: plaintext }, visitor);
    expect(await usageOf(one, shared)).toMatchObject({ Operation: 'Encrypt' });
    await one.usages.write();
    expect(await usageOf(other, shared)).toMatchObject({ Operation: 'Encrypt' });
  });

  test.each([
    ['DescribeKey', {}],
    ['GetKeyPolicy', {}],
    ['UpdateKeyDescription', { Description: 'x' }],
    ['GetKeyLastUsage', {}],
  ])('%s does not', async (operation, input) => {
    await one.call(operation, { KeyId: keyId, ...input });
    expect(await usageOf(one)).toEqual({});
  });

  test('nor does a dry run, a refusal, or a ciphertext that does not open', async () => {
    const dryRun = one.call('Encrypt', { KeyId: keyId, Plaintext: plaintext, DryRun: true });
    await expect(dryRun).rejects.toThrow(expect.objectContaining({ code: 'DryRunOperationException' }));
    const { CiphertextBlob } = await encrypt(other);
    const wrongContext = { CiphertextBlob, EncryptionContext: { a: 'b' } };
    await expect(one.call('Decrypt', wrongContext)).rejects.toThrow();
    await expect(one.call('Encrypt', { KeyId: keyId, Plaintext: plaintext }, user('nobody'))).rejects.toThrow();
    expect(await usageOf(one)).toEqual({});
  });
});

describe('writing down', () => {
  test('a worker that comes late does not overwrite what is newer', async () => {
    await encrypt(one, NOW + 1);
    await encrypt(other, NOW + 2);
    await other.usages.write();
    const newer = await storedUsage();
    await one.usages.write();
    expect(await storedUsage()).toEqual(newer);
    await encrypt(one, NOW + 3);
    await one.usages.write();
    expect(await storedUsage()).toMatchObject({ atMs: NOW + 3 });
  });

  test('what is used again while it is written is written again', async () => {
    await encrypt(one, NOW + 1);
    const writing = one.usages.write();
    await encrypt(one, NOW + 2);
    expect(await writing).toMatchObject({ more: true });
    expect(await storedUsage()).toMatchObject({ atMs: NOW + 1 });
    expect(await one.usages.write()).toMatchObject({ more: false });
    expect(await storedUsage()).toMatchObject({ atMs: NOW + 2 });
  });

  test('nobody is told of it: no cache forgets a key, and the change log stays as it is', async () => {
    await encrypt(one);
    await encrypt(other);
    const cached = await other.directory.key(identity(keyId));
    const before = [kms.epoch.current(), await kms.store.head()];
    await one.usages.write();
    expect([kms.epoch.current(), await kms.store.head()]).toEqual(before);
    expect(await other.directory.key(identity(keyId))).toBe(cached);
  });

  test('a go writes so many keys and no more, those first that were noted first, and in the end all', async () => {
    const keyIds: string[] = [];
    for (let count = 0; count < 510; count++) keyIds.push(await createKey(one));
    for (const id of keyIds) await encrypt(one, NOW, id);
    // What is used again and again does not lose its place.
    await encrypt(one, NOW + 1, keyIds[0]);
    expect(await one.usages.write()).toMatchObject({ more: true });
    expect(await storedUsage(keyIds[0])).toMatchObject({ atMs: NOW + 1 });
    expect(await storedUsage(keyIds[499])).toBeDefined();
    expect(await storedUsage(keyIds[500])).toBeUndefined();
    expect(await one.usages.write()).toMatchObject({ more: false });
    for (const id of keyIds) expect(await storedUsage(id)).toBeDefined();
  });

  test('nothing to write takes no transaction', async () => {
    faults.failNextCommit = new Error('a commit');
    expect(await one.usages.write()).toEqual({ more: false, lost: 0, tampered: [] });
  });

  test('what the store did not take stays noted', async () => {
    await encrypt(one);
    faults.failNextCommit = new KeyholdError('StoreUnavailable');
    await expect(one.usages.write()).rejects.toThrow(expect.objectContaining({ code: 'StoreUnavailable' }));
    expect(await usageOf(one)).toMatchObject({ Operation: 'Encrypt' });
    await one.usages.write();
    expect(await usageOf(other)).toMatchObject({ Operation: 'Encrypt' });
  });

  test('a record that someone edited is not overwritten, keeps no other waiting, and is told', async () => {
    const second = await createKey(one);
    await encrypt(one, NOW + 1);
    await one.usages.write();
    const name = keyName(identity(keyId));
    const body = (await raw.get('last-usages', name))?.body as Uint8Array;
    await raw.transact((transaction) => transaction.replace('last-usages', name, body, 1));
    await encrypt(one, NOW + 2);
    await encrypt(one, NOW + 2, second);
    expect(await one.usages.write()).toEqual({ more: false, lost: 0, tampered: [keyArn(identity(keyId))] });
    expect(await usageOf(other, second)).toMatchObject({ Operation: 'Encrypt' });
    await expect(usageOf(other)).rejects.toThrow(expect.objectContaining({ code: 'TamperedRecord' }));
  });

  test('keys that are busy keep no others waiting', async () => {
    const use = (count: number) => one.usages.note('Encrypt', success(`busy-${count}`));
    for (let count = 0; count < 500; count++) use(count);
    await encrypt(one);
    const writing = one.usages.write();
    for (let count = 0; count < 500; count++) use(count);
    await writing;
    expect(await storedUsage()).toBeUndefined();
    await one.usages.write();
    expect(await storedUsage()).toBeDefined();
  });

  test('there is room for so many keys and no more, and what found none is counted', async () => {
    const usages = lastUsages(kms.store, NOW);
    for (let count = 0; count < 120_000; count++) usages.note('Encrypt', success(`k-${count}`));
    usages.note('Encrypt', success('one too many'));
    usages.note('Encrypt', success('another'));
    usages.note('Decrypt', success('k-119999'));
    expect(usages.unwritten(keyArn(identity('one too many')))).toBeUndefined();
    expect(usages.unwritten(keyArn(identity('k-119999')))).toMatchObject({ operation: 'Decrypt' });
    expect(await usages.write()).toMatchObject({ more: true, lost: 2 });
    // There is room again where something was written down, and nobody else's usage in it.
    usages.note('Sign', success('another'));
    expect(usages.unwritten(keyArn(identity('another')))).toMatchObject({ operation: 'Sign' });
    expect(usages.unwritten(keyArn(identity('k-500')))).toMatchObject({ operation: 'Encrypt' });
    expect(await usages.write()).toMatchObject({ lost: 0 });
  });
});

test('a key that was destroyed leaves no usage behind, also one that is written afterwards', async () => {
  await encrypt(one);
  await one.usages.write();
  await encrypt(other, NOW + 1);
  await one.call('ScheduleKeyDeletion', { KeyId: keyId, PendingWindowInDays: 7 });
  await doDueWork(kms.store, destroyDueKeys, NOW + 7 * 86_400_000, unrecorded);
  expect(await storedUsage()).toBeUndefined();
  await other.usages.write();
  expect(await storedUsage()).toBeUndefined();
});

test('the tracking began once, for all workers and all starts', async () => {
  const store = sealedMemoryStore();
  const starts = await Promise.all([startOfTracking(store, NOW), startOfTracking(store, NOW + 1)]);
  expect(starts).toEqual([NOW, NOW]);
  expect(await startOfTracking(store, NOW + 86_400_000)).toBe(NOW);
});
