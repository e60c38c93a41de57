import { createHmac, timingSafeEqual } from 'node:crypto';
import type { MacAlgorithm } from './key-specs.ts';
import type { SecretBytes } from './secret-bytes.ts';

/** HMAC (RFC 2104, FIPS 198-1), of AWS's algorithms. */

const hashes: Readonly<Record<MacAlgorithm, string>> = {
  HMAC_SHA_224: 'sha224',
  HMAC_SHA_256: 'sha256',
  HMAC_SHA_384: 'sha384',
  HMAC_SHA_512: 'sha512',
};

export function generateMac(key: SecretBytes, algorithm: MacAlgorithm, message: Uint8Array): Buffer {
  return createHmac(hashes[algorithm], key.expose()).update(message).digest();
}

/** Compares in constant time. A MAC of another length, such as a truncated one, is not valid. */
export function verifyMac(key: SecretBytes, algorithm: MacAlgorithm, message: Uint8Array, mac: Uint8Array): boolean {
  const expected = generateMac(key, algorithm, message);
  return mac.length === expected.length && timingSafeEqual(expected, mac);
}
