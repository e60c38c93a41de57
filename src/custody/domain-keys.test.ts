import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { SealedBox } from '../crypto/sealed-box.ts';
import { SecretBytes } from '../crypto/secret-bytes.ts';
import { KeyholdError } from '../runtime/errors.ts';
import { seededRandom } from '../runtime/random.test-helper.ts';
import type { RawStore } from '../store/contract.ts';
import { openMemoryStore } from '../store/memory/memory-store.ts';
import { createDomainKey, openDomainKeys } from './domain-keys.ts';
import type { RootKey } from './root-key/contract.ts';

const random = seededRandom('domain keys');
const additionalData = Buffer.from('identity');
const plaintext = Buffer.from('attack at dawn');
const tampered = expect.objectContaining({ code: 'TamperedRecord' });

/** A root key without a file. */
function rootKey(seed = 1): RootKey {
  const box = new SealedBox('keyhold root key wrap v1');
  const key = new SecretBytes(Buffer.alloc(32, seed));
  return {
    wrap: async (domainKey, identity) => box.seal(key, random, domainKey, identity),
    unwrap: async (wrapped, identity) => {
      try {
        return box.open(key, wrapped, identity);
      } catch {
        throw new KeyholdError('WrongRootKey');
      }
    },
  };
}

async function storeWithDomainKeys(count: number): Promise<RawStore> {
  const store = openMemoryStore();
  for (let made = 0; made < count; made++) {
    await store.transact((transaction) => createDomainKey(transaction, rootKey(), random));
  }
  return store;
}

const rowsOf = (store: RawStore) => store.list('domain-keys', { prefix: '', limit: 1000 });
const domainKeyIdOf = (sealed: Uint8Array) => Buffer.from(sealed).toString('hex', 1, 17);

test('what is sealed opens, and again after a restart', async () => {
  const store = await storeWithDomainKeys(1);
  const sealed = (await openDomainKeys(store, rootKey(), random)).sealer('records').seal(additionalData, plaintext);
  expect(sealed[0]).toBe(1);
  expect(sealed.includes(plaintext)).toBe(false);
  const restarted = (await openDomainKeys(store, rootKey(), random)).sealer('records');
  expect(restarted.open(additionalData, sealed)).toEqual(plaintext);
});

test('each purpose has a key of its own', async () => {
  const keys = await openDomainKeys(await storeWithDomainKeys(1), rootKey(), random);
  const sealed = keys.sealer('records').seal(additionalData, plaintext);
  expect(() => keys.sealer('key material').open(additionalData, sealed)).toThrow(tampered);
});

test('the newest domain key seals, the older ones still open', async () => {
  const store = await storeWithDomainKeys(1);
  const before = (await openDomainKeys(store, rootKey(), random)).sealer('records').seal(additionalData, plaintext);
  for (let made = 0; made < 11; made++) {
    await store.transact((transaction) => createDomainKey(transaction, rootKey(), random));
  }
  const sealer = (await openDomainKeys(store, rootKey(), random)).sealer('records');
  const after = sealer.seal(additionalData, plaintext);
  const ids = (await rowsOf(store)).map(({ key }) => key);
  expect(ids.map((id) => Number.parseInt(id.slice(0, 8), 16))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  expect(domainKeyIdOf(before)).toBe(ids[0]);
  expect(domainKeyIdOf(after)).toBe(ids[11]);
  expect(sealer.open(additionalData, before)).toEqual(plaintext);
  expect(sealer.open(additionalData, after)).toEqual(plaintext);
});

test('what names another of our domain keys than the one that sealed it is refused', async () => {
  const store = await storeWithDomainKeys(2);
  const sealer = (await openDomainKeys(store, rootKey(), random)).sealer('records');
  const sealed = sealer.seal(additionalData, plaintext);
  const [older] = await rowsOf(store);
  Buffer.from(older?.key as string, 'hex').copy(sealed, 1);
  expect(() => sealer.open(additionalData, sealed)).toThrow(tampered);
});

test('every flipped bit, every cut and other additional data are refused', async () => {
  const sealer = (await openDomainKeys(await storeWithDomainKeys(1), rootKey(), random)).sealer('records');
  const sealed = sealer.seal(additionalData, plaintext);
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const flipped = Buffer.from(sealed);
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(() => sealer.open(additionalData, flipped), `bit ${bit}`).toThrow(tampered);
  }
  for (let length = 0; length < sealed.length; length++) {
    expect(() => sealer.open(additionalData, sealed.subarray(0, length)), `${length} bytes`).toThrow(tampered);
  }
  expect(() => sealer.open(Buffer.from('elsewhere'), sealed)).toThrow(tampered);
});

test('a domain key does not stand in the store in the clear', async () => {
  const keys: Buffer[] = [];
  const listening: RootKey = {
    ...rootKey(),
    wrap: (domainKey, identity) => {
      keys.push(Buffer.from(domainKey));
      return rootKey().wrap(domainKey, identity);
    },
  };
  const store = openMemoryStore();
  await store.transact((transaction) => createDomainKey(transaction, listening, random));
  const [row] = await rowsOf(store);
  expect(keys[0]?.length).toBe(32);
  expect(Buffer.from(row?.body ?? []).includes(keys[0] as Buffer)).toBe(false);
});

test('the key is wiped once it has been wrapped', async () => {
  let handed: Uint8Array = Buffer.from('never handed over');
  const keeping: RootKey = {
    ...rootKey(),
    wrap: async (domainKey) => {
      handed = domainKey;
      return Buffer.from('wrapped');
    },
  };
  await openMemoryStore().transact((transaction) => createDomainKey(transaction, keeping, random));
  expect(Buffer.from(handed)).toEqual(Buffer.alloc(32));
});

test('another root key, and a wrapped key that was changed or moved to another row, do not open a store', async () => {
  const wrongRootKey = expect.objectContaining({ code: 'WrongRootKey' });
  const store = await storeWithDomainKeys(2);
  await expect(openDomainKeys(store, rootKey(2), random)).rejects.toThrow(wrongRootKey);
  const [first, second] = await rowsOf(store);
  if (first === undefined || second === undefined) throw new Error('two domain keys were made');
  await store.transact((transaction) => transaction.replace('domain-keys', first.key, second.body, first.version));
  await expect(openDomainKeys(store, rootKey(), random)).rejects.toThrow(wrongRootKey);
});

test('a store without a domain key is not one to open', async () => {
  await expect(openDomainKeys(openMemoryStore(), rootKey(), random)).rejects.toThrow(
    expect.objectContaining({ code: 'StoreUnavailable' }),
  );
});

test('a purpose’s key is one block of SP 800-108 in counter mode, with the purpose in its label and no context', async () => {
  const domainKey = Buffer.alloc(32, 0x0d);
  const giving: RootKey = { wrap: async () => Buffer.from('any'), unwrap: async () => Buffer.from(domainKey) };
  const store = openMemoryStore();
  await store.transact((transaction) => createDomainKey(transaction, giving, random));
  const sealed = (await openDomainKeys(store, giving, random)).sealer('key material').seal(additionalData, plaintext);
  const purposeKey = createHmac('sha256', domainKey)
    .update(Buffer.from('00000001', 'hex'))
    .update('keyhold domain key material v1')
    .update(Buffer.from('0000000100', 'hex'))
    .digest();
  const box = new SealedBox('keyhold key material v1');
  expect(box.open(new SecretBytes(purposeKey), sealed.subarray(17), additionalData)).toEqual(plaintext);
});
