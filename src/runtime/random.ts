import { randomFillSync, randomUUID } from 'node:crypto';

/** The port through which randomness enters: a cryptographically secure source, or a seeded one in simulations. */
export interface Random {
  /** A fresh buffer of `length` unpredictable bytes, owned by the caller. */
  bytes(length: number): Buffer;
  /** A random UUID, version 4 (RFC 9562 section 5.4), in lower case. */
  uuid(): string;
}

const POOL_BYTES = 8192;

/**
 * The system's generator behind a pool: one call into OpenSSL serves hundreds of nonces, where `randomBytes` would pay
 * for a system call each time.
 *
 * INVARIANT: a byte of the pool is handed out once, and is wiped from the pool as it is.
 */
export function systemRandom(): Random {
  const pool = Buffer.alloc(POOL_BYTES);
  let used = POOL_BYTES;

  function bytes(length: number): Buffer {
    // Not from Node's shared slab: a secret's bytes must not neighbour other buffers of the process.
    const out = Buffer.allocUnsafeSlow(length);
    if (length > POOL_BYTES / 8) return randomFillSync(out);
    if (used + length > POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    // By hand: for the few bytes of a nonce or a key, the calls of `copy` and `fill` cost more than the copying.
    for (let at = 0; at < length; at++) {
      out[at] = pool[used] as number;
      pool[used++] = 0;
    }
    return out;
  }

  // Node's own pools its randomness in the same way.
  return { bytes, uuid: randomUUID };
}

/** Writes 16 bytes as a UUID's text form. */
export function uuidFromBytes(raw: Buffer): string {
  const hex = raw.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
