import type { EncryptionContext } from '../crypto/ciphertext.ts';
import type { KeySpec } from '../crypto/key-specs.ts';

/**
 * Custody keeps key material and operates with it by handle: nothing outside this folder ever holds plaintext material.
 * `software/` keeps it in this process; hardware tokens and external key managers are other implementations.
 */

/** Which row of key material is meant. It is the additional data of the wrapping, so a row moved elsewhere is refused. */
export interface MaterialIdentity {
  readonly accountId: string;
  readonly region: string;
  readonly keyId: string;
  /** 64 hex digits, derived from the material itself: the same material has the same id wherever it is imported. */
  readonly materialId: string;
}

/** Key material as it is stored: sealed under a domain key. It is useless without it and may go anywhere. */
export interface WrappedMaterial {
  readonly wrapped: string;
}

declare const opened: unique symbol;

/** Material that is ready to be used, held by custody. The holder can operate with it and let go of it, nothing else. */
export interface KeyHandle {
  readonly keyId: string;
  readonly materialId: string;
  readonly [opened]: true;
}

/** The key that new material is for. */
export type MaterialOwner = Omit<MaterialIdentity, 'materialId'>;

export interface NewMaterial {
  readonly materialId: string;
  readonly material: WrappedMaterial;
}

export interface Custody {
  /** Makes fresh material for a key of this spec, and wraps it for its row. Slow for RSA, but not on the event loop. */
  create(key: MaterialOwner, spec: KeySpec): Promise<NewMaterial>;
  /** Wraps the same material for a related key of another Region. Throws TamperedRecord as {@link open} does. */
  rewrap(identity: MaterialIdentity, material: WrappedMaterial, relatedKey: MaterialOwner): WrappedMaterial;
  /** Unwraps material of this spec. Throws TamperedRecord if it does not authenticate as this identity's. */
  open(identity: MaterialIdentity, spec: KeySpec, material: WrappedMaterial): KeyHandle;
  /** Encrypts up to 4096 bytes into a self-describing ciphertext blob (`crypto/ciphertext.ts`). */
  encrypt(handle: KeyHandle, plaintext: Uint8Array, context: EncryptionContext | undefined): Buffer;
  /**
   * Decrypts a blob whose header names this handle's material; undefined if it does not authenticate with this context.
   * There is one failure and no detail of it, so that a caller learns nothing from it.
   */
  decrypt(handle: KeyHandle, blob: Uint8Array, context: EncryptionContext | undefined): Buffer | undefined;
  /** Wipes the material behind a handle that will not be used again. */
  close(handle: KeyHandle): void;
}
