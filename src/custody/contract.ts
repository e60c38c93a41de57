import type { EncryptionContext } from '../crypto/ciphertext.ts';
import type { EncryptionAlgorithm, KeySpec, MacAlgorithm, MessageType, SigningAlgorithm } from '../crypto/key-specs.ts';
import type { WrappingAlgorithm, WrappingKeySpec } from '../crypto/key-wrapping.ts';

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
  /** The public key as SubjectPublicKeyInfo in DER; of asymmetric specs. */
  publicKey(handle: KeyHandle): Buffer;
  /**
   * Encrypts under the public key.
   * INVARIANT: the algorithm is one of the key's, and the plaintext no longer than it can encrypt.
   */
  encryptAsymmetric(handle: KeyHandle, algorithm: EncryptionAlgorithm, plaintext: Uint8Array): Promise<Buffer>;
  /** Undefined if it does not open, with no word on why. */
  decryptAsymmetric(
    handle: KeyHandle,
    algorithm: EncryptionAlgorithm,
    ciphertext: Uint8Array,
  ): Promise<Buffer | undefined>;
  /** INVARIANT: the algorithm is one of the key's and takes the type of message; a digest has its length. */
  sign(handle: KeyHandle, algorithm: SigningAlgorithm, message: Uint8Array, messageType: MessageType): Promise<Buffer>;
  /** As {@link sign}; whatever the signature is, the answer is whether it is a valid one. */
  verify(
    handle: KeyHandle,
    algorithm: SigningAlgorithm,
    message: Uint8Array,
    messageType: MessageType,
    signature: Uint8Array,
  ): Promise<boolean>;
  generateMac(handle: KeyHandle, algorithm: MacAlgorithm, message: Uint8Array): Buffer;
  /** In constant time. */
  verifyMac(handle: KeyHandle, algorithm: MacAlgorithm, message: Uint8Array, mac: Uint8Array): boolean;
  /** The raw secret of ECDH; undefined if the other's key, SubjectPublicKeyInfo in DER, is not one on the same curve. */
  deriveSharedSecret(handle: KeyHandle, otherPublicKey: Uint8Array): Promise<Buffer | undefined>;
  /** Makes a shared secret and its ciphertext under the public key. */
  encapsulate(handle: KeyHandle): { sharedSecret: Buffer; ciphertext: Buffer };
  /** Undefined if the ciphertext has not the length that goes with the key's spec. */
  decapsulate(handle: KeyHandle, ciphertext: Uint8Array): Buffer | undefined;
  /**
   * Makes a key pair that is for the caller and stays nowhere: public key as SubjectPublicKeyInfo, private key as PKCS#8,
   * both in DER. The private key is the caller's to wipe.
   */
  makeDataKeyPair(spec: KeySpec): Promise<{ publicKey: Buffer; privateKey: Buffer }>;
  /** Wipes the material behind a handle that will not be used again. */
  close(handle: KeyHandle): void;
}

/**
 * The way of imported material into custody. The private key that it comes wrapped for never leaves custody but within
 * the import token, which is sealed: nothing is stored, and any worker can open the token.
 */
export interface MaterialImport {
  /**
   * Makes a wrapping key pair and a token for one key, both good until `validToMs`. Slow, but not on the event loop.
   * `publicKey` is SubjectPublicKeyInfo in DER (RFC 5280).
   */
  parameters(
    key: MaterialOwner,
    wrappingKeySpec: WrappingKeySpec,
    algorithm: WrappingAlgorithm,
    validToMs: number,
  ): Promise<{ readonly publicKey: Buffer; readonly token: Buffer }>;
  /** Unwraps what came with a token, and wraps it for its row, if it is material for a key of this spec. */
  receive(
    key: MaterialOwner,
    spec: KeySpec,
    token: Uint8Array,
    encryptedMaterial: Uint8Array,
    nowMs: number,
  ): Promise<NewMaterial | ImportRefusal>;
  /**
   * Wraps material that came in the clear, as no client's can: a sandbox's own, whose keys protect nothing. The plaintext is
   * wiped. Undefined if it is none for a key of this spec.
   */
  adopt(key: MaterialOwner, spec: KeySpec, material: Buffer): NewMaterial | undefined;
}

/** In the order in which they are looked for. No more is told: padding oracles begin with a word on why. */
export type ImportRefusal =
  /** Not one of ours, changed, or of another key. */
  | 'invalid token'
  | 'expired token'
  /** The material was not wrapped for this token's key, or not by its algorithm. */
  | 'invalid ciphertext'
  /** What was unwrapped is no material for a key of this spec. */
  | 'unfit material';
