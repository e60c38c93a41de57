import type { KeyObject } from 'node:crypto';
import type { EncryptionAlgorithm, KeySpec } from './key-specs.ts';
import * as rsa from './rsa.ts';
import * as sm2 from './sm2.ts';

/** Which code encrypts under public keys, by algorithm: RSA's padding OAEP, and SM2's scheme. */

export type AsymmetricEncryptionAlgorithm = Exclude<EncryptionAlgorithm, 'SYMMETRIC_DEFAULT'>;

/** The longest plaintext, in bytes, under a key of a spec that has the algorithm. */
export function maxPlaintextBytes(spec: KeySpec, algorithm: AsymmetricEncryptionAlgorithm): number {
  return algorithm === 'SM2PKE' ? sm2.MAX_PLAINTEXT_BYTES : rsa.maxPlaintextBytes(spec as rsa.RsaSpec, algorithm);
}

/** INVARIANT: the plaintext has at least one byte, and no more than {@link maxPlaintextBytes}. */
export async function encrypt(
  publicKey: KeyObject,
  algorithm: AsymmetricEncryptionAlgorithm,
  plaintext: Uint8Array,
): Promise<Buffer> {
  return algorithm === 'SM2PKE' ? sm2.encrypt(publicKey, plaintext) : rsa.encryptOaep(publicKey, algorithm, plaintext);
}

/** @returns undefined for a ciphertext that does not open, without a word on why */
export function decrypt(
  key: KeyObject,
  algorithm: AsymmetricEncryptionAlgorithm,
  ciphertext: Uint8Array,
): Promise<Buffer | undefined> {
  return algorithm === 'SM2PKE' ? sm2.decrypt(key, ciphertext) : rsa.decryptOaep(key, algorithm, ciphertext);
}
