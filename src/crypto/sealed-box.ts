import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { KeyholdError } from '../runtime/errors.ts';
import type { Random } from '../runtime/random.ts';
import type { SecretBytes } from './secret-bytes.ts';

/** Bytes of the nonce in front of a box, of the tag behind it, and of both together. */
export const NONCE_BYTES = 16;
export const TAG_BYTES = 16;
export const BOX_OVERHEAD_BYTES = NONCE_BYTES + TAG_BYTES;

const CONSTANT_IV = Buffer.alloc(12);

/**
 * Authenticated encryption in which no key wears out: a fresh 128-bit nonce derives a one-off AES-256-GCM key, so the
 * 2^32-message limit of random GCM nonces (NIST SP 800-38D section 8.3) never comes near. Because each derived key
 * encrypts once, the GCM IV can be a constant.
 *
 *     derived key = SP 800-108r1 KDF in counter mode, PRF HMAC-SHA-256, one block of 256 bits:
 *                   HMAC(key, 0x00000001 ‖ label ‖ 0x00 ‖ nonce ‖ 0x00000100)
 *     box         = nonce (16) ‖ AES-256-GCM ciphertext (same length as the plaintext) ‖ tag (16)
 *
 * One instance is one purpose: boxes with different labels never share a derived key, even over the same key. `label` is
 * a constant of the code, never something a caller sends.
 */
export class SealedBox {
  /** [i]32 ‖ Label ‖ 0x00 ‖ Context ‖ [L]32, with the nonce as the context, filled in for each message. */
  readonly #kdfInput: Buffer;
  readonly #nonceOffset: number;

  constructor(label: string) {
    const front = Buffer.concat([Buffer.from([0, 0, 0, 1]), Buffer.from(label, 'ascii'), Buffer.from([0])]);
    this.#nonceOffset = front.length;
    this.#kdfInput = Buffer.concat([front, Buffer.alloc(NONCE_BYTES), Buffer.from([0, 0, 1, 0])]);
  }

  #derive(key: SecretBytes, nonce: Uint8Array): Buffer {
    this.#kdfInput.set(nonce, this.#nonceOffset);
    return createHmac('sha256', key.expose()).update(this.#kdfInput).digest();
  }

  /** Encrypts under a nonce drawn now. */
  seal(key: SecretBytes, random: Random, plaintext: Uint8Array, additionalData: Uint8Array): Buffer {
    const nonce = random.bytes(NONCE_BYTES);
    return Buffer.concat([nonce, ...this.sealWithNonce(key, nonce, plaintext, additionalData)]);
  }

  /**
   * As {@link seal}, but the nonce, just drawn from `Random`, stands elsewhere: gives the ciphertext and the tag.
   * INVARIANT: a nonce is used once.
   */
  sealWithNonce(
    key: SecretBytes,
    nonce: Uint8Array,
    plaintext: Uint8Array,
    additionalData: Uint8Array,
  ): [ciphertext: Buffer, tag: Buffer] {
    const derived = this.#derive(key, nonce);
    const cipher = createCipheriv('aes-256-gcm', derived, CONSTANT_IV);
    derived.fill(0);
    cipher.setAAD(additionalData);
    const ciphertext = cipher.update(plaintext);
    cipher.final();
    return [ciphertext, cipher.getAuthTag()];
  }

  /** Opens a box, or throws TamperedRecord: nothing of the plaintext is returned unless all of it authenticates. */
  open(key: SecretBytes, box: Uint8Array, additionalData: Uint8Array): Buffer {
    if (box.length < BOX_OVERHEAD_BYTES) throw new KeyholdError('TamperedRecord', 'sealed box is too short');
    return this.openWithNonce(key, box.subarray(0, NONCE_BYTES), box.subarray(NONCE_BYTES), additionalData);
  }

  /** The counterpart of {@link sealWithNonce}: `sealed` is the ciphertext followed by the tag. */
  openWithNonce(key: SecretBytes, nonce: Uint8Array, sealed: Uint8Array, additionalData: Uint8Array): Buffer {
    const derived = this.#derive(key, nonce);
    const decipher = createDecipheriv('aes-256-gcm', derived, CONSTANT_IV, { authTagLength: TAG_BYTES });
    derived.fill(0);
    decipher.setAAD(additionalData);
    decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
    const plaintext = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
    try {
      decipher.final();
    } catch (cause) {
      plaintext.fill(0);
      throw new KeyholdError('TamperedRecord', 'sealed box does not authenticate', { cause });
    }
    return plaintext;
  }
}
