import { createPublicKey, verify } from 'node:crypto';
import { expect, test } from 'vitest';
import { SealedBox } from '../crypto/sealed-box.ts';
import { SecretBytes } from '../crypto/secret-bytes.ts';
import { systemRandom } from '../runtime/random.ts';
import { openMemoryStore } from '../store/memory/memory-store.ts';
import { makeAuditKey, openAuditKey } from './audit-key.ts';
import { createDomainKey, openDomainKeys, type Sealer } from './domain-keys.ts';

const random = systemRandom();

async function sealer(): Promise<Sealer> {
  const box = new SealedBox('a root key');
  const key = new SecretBytes(random.bytes(32));
  const rootKey = {
    wrap: async (domainKey: Uint8Array, identity: Uint8Array) => box.seal(key, random, domainKey, identity),
    unwrap: async (wrapped: Uint8Array, identity: Uint8Array) => box.open(key, wrapped, identity),
  };
  const store = openMemoryStore();
  await store.transact((transaction) => createDomainKey(transaction, rootKey, random));
  return (await openDomainKeys(store, rootKey, random)).sealer('audit signing key');
}

test('a key signs what its exported public half verifies, each time it is opened', async () => {
  const sealed = await sealer();
  const made = await makeAuditKey(sealed);
  for (let opening = 0; opening < 2; opening++) {
    const { publicKey, sign } = openAuditKey(sealed, made);
    const key = createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
    expect(verify(null, Buffer.from('heads'), key, sign(Buffer.from('heads')))).toBe(true);
    expect(verify(null, Buffer.from('others'), key, sign(Buffer.from('heads')))).toBe(false);
  }
});

test('a private half is opened for its own public half and deployment only', async () => {
  const sealed = await sealer();
  const [ours, other] = [await makeAuditKey(sealed), await makeAuditKey(sealed)];
  const tampered = expect.objectContaining({ code: 'TamperedRecord' });
  expect(() => openAuditKey(sealed, { ...ours, publicKey: other.publicKey })).toThrow(tampered);
  expect(() => openAuditKey(sealed, { ...ours, wrapped: `${ours.wrapped.slice(0, -4)}AAAA` })).toThrow(tampered);
  const elsewhere = await sealer();
  expect(() => openAuditKey(elsewhere, ours)).toThrow(tampered);
});
