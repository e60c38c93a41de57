import { createPublicKey, type KeyObject } from 'node:crypto';

/** The public key of a private one, and a public key itself. */
export function publicHalf(key: KeyObject): KeyObject {
  return key.type === 'private' ? createPublicKey(key) : key;
}
