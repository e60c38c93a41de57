import { inspect } from 'node:util';

const BLOCK_BYTES = 1024;
const LONGEST_MOVED = 128;
let block = Buffer.alloc(BLOCK_BYTES);
let taken = 0;

/**
 * Short secrets lie together in blocks where nothing else is, for memory of its own costs each of them 250 bytes more, and
 * there is one for each key in use. A block is let go with the last of its secrets; no place in it is given twice.
 */
function movedToBlock(bytes: Buffer): Buffer {
  if (taken + bytes.length > BLOCK_BYTES) {
    block = Buffer.alloc(BLOCK_BYTES);
    taken = 0;
  }
  const place = block.subarray(taken, taken + bytes.length);
  taken += bytes.length;
  place.set(bytes);
  bytes.fill(0);
  return place;
}

/**
 * Plaintext key material, in a type that cannot be serialised, logged or stored by accident: its bytes are private, JSON
 * refuses it, and `console.log` or a debugger's `inspect` shows only that it is secret. Wrapped material is another type
 * ({@link WrappedMaterial} in `custody/contract.ts`), so the two cannot be confused at compile time either.
 *
 * Only `crypto/` and `custody/` may call {@link SecretBytes.expose}; `scripts/check-layers.ts` enforces it.
 */
export class SecretBytes {
  readonly #bytes: Buffer;
  #wiped = false;

  /** Takes `bytes` away: nobody else may keep or change them, and short ones are moved, and wiped where they were. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes.length > LONGEST_MOVED ? bytes : movedToBlock(bytes);
  }

  /** The bytes themselves, for a primitive that is about to use them. Never keep what this returns. */
  expose(): Buffer {
    if (this.#wiped) throw new Error('invariant broken: a wiped secret is not used again');
    return this.#bytes;
  }

  /** Overwrites the bytes. The secret cannot be used afterwards. */
  wipe(): void {
    this.#bytes.fill(0);
    this.#wiped = true;
  }

  toJSON(): never {
    throw new Error('invariant broken: a secret is not serialised');
  }

  toString(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}
