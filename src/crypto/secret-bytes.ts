import { inspect } from 'node:util';

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

  /** Takes ownership of `bytes`: nobody else may keep or change them. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
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
