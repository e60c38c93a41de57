import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * EMSA-PSS (RFC 8017 section 9.1) over a digest that is given, with MGF1 over the same hash and a salt as long as the
 * digest, as AWS has it. OpenSSL does this itself for messages; for digests node:crypto offers no way to it, so RSASSA-PSS
 * is put together from this encoding and OpenSSL's RSA operation without padding.
 */

/** @returns the encoded message, as long as the modulus, of which the highest bit is clear */
export function encodePss(hash: string, digest: Uint8Array, salt: Uint8Array, modulusBytes: number): Buffer {
  const h = messageHash(hash, digest, salt);
  const db = Buffer.concat([Buffer.alloc(modulusBytes - salt.length - h.length - 2), Buffer.from([0x01]), salt]);
  return Buffer.concat([masked(hash, db, h), h, Buffer.from([TRAILER])]);
}

/** Whether `encoded`, as long as the modulus, is an encoding of the digest under a salt as long as the digest. */
export function isPssOf(hash: string, digest: Uint8Array, encoded: Buffer): boolean {
  const hashAt = encoded.length - digest.length - 1;
  const maskedDb = encoded.subarray(0, hashAt);
  const h = encoded.subarray(hashAt, -1);
  if (encoded.at(-1) !== TRAILER || (maskedDb.readUInt8(0) & 0x80) !== 0) return false;
  const db = masked(hash, maskedDb, h);
  const saltAt = db.length - digest.length;
  const padding = Buffer.alloc(saltAt);
  padding[saltAt - 1] = 0x01;
  if (!db.subarray(0, saltAt).equals(padding)) return false;
  return timingSafeEqual(messageHash(hash, digest, db.subarray(saltAt)), h);
}

const TRAILER = 0xbc;

function messageHash(hash: string, digest: Uint8Array, salt: Uint8Array): Buffer {
  return createHash(hash).update(Buffer.alloc(8)).update(digest).update(salt).digest();
}

/**
 * XORs the data block with MGF1 of the hash, there and back. The encoded message has one bit less than the modulus, whose
 * bits are a multiple of eight: the highest bit is cleared.
 */
function masked(hash: string, block: Uint8Array, seed: Uint8Array): Buffer {
  const out = Buffer.from(block);
  const counter = Buffer.alloc(4);
  for (let at = 0, index = 0; at < out.length; index++) {
    counter.writeUInt32BE(index);
    for (const byte of createHash(hash).update(seed).update(counter).digest()) {
      if (at < out.length) out[at] = (out[at++] as number) ^ byte;
    }
  }
  out[0] = (out[0] as number) & 0x7f;
  return out;
}
