import { type KeyObject, encapsulate as makeCiphertext, decapsulate as openCiphertext } from 'node:crypto';
import { publicHalf } from './public-half.ts';

/** ML-KEM (FIPS 203), by OpenSSL: 20 to 50 µs, less than the way to libuv's pool and back. */

export interface Encapsulation {
  /** 32 bytes, the caller's to wipe. */
  readonly sharedSecret: Buffer;
  /** 768, 1088 or 1568 bytes, by the parameter set. */
  readonly ciphertext: Buffer;
}

export function encapsulate(key: KeyObject): Encapsulation {
  const { sharedKey, ciphertext } = makeCiphertext(publicHalf(key));
  return { sharedSecret: sharedKey, ciphertext };
}

/**
 * @returns undefined if the ciphertext has another length than the parameter set's. One of the right length always gives a
 *   secret, but if it was changed, one that nobody else has (implicit rejection, FIPS 203 section 6.3)
 */
export function decapsulate(key: KeyObject, ciphertext: Uint8Array): Buffer | undefined {
  try {
    return openCiphertext(key, ciphertext);
  } catch {
    return undefined;
  }
}
