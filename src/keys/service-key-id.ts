import { createHash } from 'node:crypto';
import { lengthPrefixed } from '../crypto/canonical.ts';
import type { KeyOwner } from './key.ts';

/**
 * The id of a service's key, of which an account and Region have one for each name: a UUID of version 8 (RFC 9562, section
 * 5.8) that follows from them. Whoever makes it first, every worker means the same key; and what may be done to it can be
 * decided before it is there. An id is no secret, and nothing else follows from it.
 *
 * @param name what kind of key of which service: `managed/s3`
 */
export function serviceKeyId(owner: KeyOwner, name: string): string {
  const bytes = createHash('sha256')
    .update(lengthPrefixed('service key', owner.accountId, owner.region, name))
    .digest()
    .subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
