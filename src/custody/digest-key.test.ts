import { createPublicKey, verify } from 'node:crypto';
import { expect, test } from 'vitest';
import { SealedBox } from '../crypto/sealed-box.ts';
import { SecretBytes } from '../crypto/secret-bytes.ts';
import { systemRandom } from '../runtime/random.ts';
import { openMemoryStore } from '../store/memory/memory-store.ts';
import { fingerprintOf, makeDigestKey, openDigestKey } from './digest-key.ts';
import { createDomainKey, openDomainKeys, type Sealer } from './domain-keys.ts';

const random = systemRandom();
const place = { accountId: '111122223333', region: 'eu-central-1' };

async function sealer(): Promise<Sealer> {
  const box = new SealedBox('a root key');
  const key = new SecretBytes(random.bytes(32));
  const rootKey = {
    wrap: async (domainKey: Uint8Array, identity: Uint8Array) => box.seal(key, random, domainKey, identity),
    unwrap: async (wrapped: Uint8Array, identity: Uint8Array) => box.open(key, wrapped, identity),
  };
  const store = openMemoryStore();
  await store.transact((transaction) => createDomainKey(transaction, rootKey, random));
  return (await openDomainKeys(store, rootKey, random)).sealer('digest signing keys');
}

test('a key signs what its public half in PKCS #1 verifies, each time it is opened', async () => {
  const sealed = await sealer();
  const made = await makeDigestKey(sealed, place);
  const publicKey = createPublicKey({ key: Buffer.from(made.publicKey, 'base64'), format: 'der', type: 'pkcs1' });
  expect(publicKey.asymmetricKeyDetails).toEqual({ modulusLength: 2048, publicExponent: 65537n });
  for (let opening = 0; opening < 2; opening++) {
    const { fingerprint, sign } = openDigestKey(sealed, place, made);
    expect(fingerprint).toBe(made.fingerprint);
    expect(verify('sha256', Buffer.from('a digest'), publicKey, await sign(Buffer.from('a digest')))).toBe(true);
    expect(verify('sha256', Buffer.from('another'), publicKey, await sign(Buffer.from('a digest')))).toBe(false);
  }
});

test('a private half is opened for its own public half, account, Region and deployment only', async () => {
  const sealed = await sealer();
  const [ours, other] = [await makeDigestKey(sealed, place), await makeDigestKey(sealed, place)];
  const tampered = expect.objectContaining({ code: 'TamperedRecord' });
  expect(() => openDigestKey(sealed, place, { ...ours, publicKey: other.publicKey })).toThrow(tampered);
  expect(() => openDigestKey(sealed, { ...place, region: 'eu-west-1' }, ours)).toThrow(tampered);
  expect(() => openDigestKey(sealed, { ...place, accountId: '444455556666' }, ours)).toThrow(tampered);
  const elsewhere = await sealer();
  expect(() => openDigestKey(elsewhere, place, ours)).toThrow(tampered);
});

test('a fingerprint is what AWS computes', () => {
  // Of the sample response in "Custom implementations of CloudTrail log file integrity validation".
  const published =
    'MIIBCgKCAQEAn11L2YZ9h7onug2ILi1MWyHiMRsTQjfWE+pHVRLk1QjfWhirG+lpOa8NrwQ/r7Ah5bNL6HepznOU9XTDSfmmnP97mqyc7z/upfZdS/AHhYcGaz7n6Wc/RRBU6VmiPCrAUojuSk6/GjvA8iOPFsYDuBtviXarvuLPlrT9kAd4Lb+rFfR5peEgBEkhlzc5HuWO7S0y+KunqxX6jQBnXGMtxmPBPP0FylgWGNdFtks/4YSKcgqwH0YDcawP9GGGDAeCIqPWIXDLG1jOjRRzWfCmD0iJUkz8vTsn4hq/5ZxRFE7UBAUiVcGbdnDdvVfhF9C3dQiDq3k7adQIziLT0cShgQIDAQAB';
  expect(fingerprintOf(Buffer.from(published, 'base64'))).toBe('8eba5db5bea9b640d1c96a77256fe7f2');
});
