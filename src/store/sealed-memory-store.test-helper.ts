import { SealedBox } from '../crypto/sealed-box.ts';
import { SecretBytes } from '../crypto/secret-bytes.ts';
import { seededRandom } from '../runtime/random.test-helper.ts';
import type { RawStore } from './contract.ts';
import { openMemoryStore } from './memory/memory-store.ts';
import { type RecordSealer, type Store, sealedStore } from './sealed-store.ts';

const box = new SealedBox('keyhold records v1');

/** Seals for real, under a key of the tests. */
export function testSealer() {
  const key = new SecretBytes(Buffer.alloc(32, 0x5e));
  const random = seededRandom('sealer');
  return {
    seal: (associatedData: Uint8Array, plaintext: Uint8Array) => box.seal(key, random, plaintext, associatedData),
    open: (associatedData: Uint8Array, sealed: Uint8Array) => box.open(key, sealed, associatedData),
  } satisfies RecordSealer;
}

/** An empty store in memory, sealed for real; `raw` is what lies below. */
export function sealedMemoryStore(raw: RawStore = openMemoryStore()): Store {
  return sealedStore(raw, testSealer());
}
