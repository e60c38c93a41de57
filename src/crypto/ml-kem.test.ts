import { ml_kem512, ml_kem768, ml_kem1024 } from '@noble/post-quantum/ml-kem.js';
import { describe, expect, test } from 'vitest';
import { generateKeyPair } from './key-pair.ts';
import { decapsulate, encapsulate } from './ml-kem.ts';
import { publicHalf } from './public-half.ts';

describe.each([
  ['ML_KEM_512', ml_kem512, 768],
  ['ML_KEM_768', ml_kem768, 1088],
  ['ML_KEM_1024', ml_kem1024, 1568],
] as const)('%s', (spec, noble, ciphertextBytes) => {
  test('OpenSSL and @noble/post-quantum have the same key, and open each other’s ciphertexts', async () => {
    const key = await generateKeyPair(spec);
    const { secretKey, publicKey } = noble.keygen(key.export({ format: 'raw-seed' }));
    expect(publicHalf(key).export({ format: 'raw-public' })).toEqual(Buffer.from(publicKey));
    for (const half of [key, publicHalf(key)]) {
      const { sharedSecret, ciphertext } = encapsulate(half);
      expect([sharedSecret.length, ciphertext.length]).toEqual([32, ciphertextBytes]);
      expect(Buffer.from(noble.decapsulate(ciphertext, secretKey))).toEqual(sharedSecret);
      expect(decapsulate(key, ciphertext)).toEqual(sharedSecret);
    }
    const theirs = noble.encapsulate(publicKey);
    expect(decapsulate(key, theirs.cipherText)).toEqual(Buffer.from(theirs.sharedSecret));
  });

  test('a changed ciphertext gives a secret of its own, the same each time, and one of another length nothing', async () => {
    const key = await generateKeyPair(spec);
    const { secretKey } = noble.keygen(key.export({ format: 'raw-seed' }));
    const { sharedSecret, ciphertext } = encapsulate(key);
    for (const at of [0, 100, ciphertextBytes - 1]) {
      const changed = Buffer.from(ciphertext);
      changed[at] = (changed[at] as number) ^ 1;
      const rejected = decapsulate(key, changed);
      expect(rejected?.length).toBe(32);
      expect(rejected).not.toEqual(sharedSecret);
      expect(rejected, 'implicit rejection').toEqual(Buffer.from(noble.decapsulate(changed, secretKey)));
    }
    for (const other of [ciphertext.subarray(1), Buffer.concat([ciphertext, Buffer.alloc(1)]), Buffer.alloc(0)]) {
      expect(decapsulate(key, other)).toBeUndefined();
    }
  });
});
