import { createPublicKey, type KeyObject } from 'node:crypto';
import { headerPrefix } from '../../crypto/ciphertext.ts';
import type { KeyPairSpec } from '../../crypto/key-pair.ts';
import type { SecretBytes } from '../../crypto/secret-bytes.ts';
import { invariant } from '../../runtime/errors.ts';
import type { KeyHandle } from '../contract.ts';

/** Handles whose material is in this process, where only this folder can reach it: a secret, or a private key. */

export class OpenSecret {
  readonly keyId: string;
  readonly materialId: string;
  /** What the headers of this material's blobs begin with. */
  readonly headerPrefix: string;
  readonly #secret: SecretBytes;

  constructor(keyId: string, materialId: string, secret: SecretBytes) {
    this.keyId = keyId;
    this.materialId = materialId;
    this.headerPrefix = headerPrefix(keyId, materialId);
    this.#secret = secret;
  }

  static of(handle: KeyHandle): OpenSecret {
    invariant(handle instanceof OpenSecret, 'the handle was opened by this custody, and its material is a secret');
    return handle;
  }

  static secretOf(handle: KeyHandle): SecretBytes {
    return OpenSecret.of(handle).#secret;
  }
}

/** The private key lies in OpenSSL's memory, which OpenSSL wipes when the garbage collector has let go of the object. */
export class OpenKeyPair {
  readonly keyId: string;
  readonly materialId: string;
  readonly spec: KeyPairSpec;
  readonly publicKey: KeyObject;
  readonly #privateKey: KeyObject;

  constructor(keyId: string, materialId: string, spec: KeyPairSpec, privateKey: KeyObject) {
    this.keyId = keyId;
    this.materialId = materialId;
    this.spec = spec;
    this.publicKey = createPublicKey(privateKey);
    this.#privateKey = privateKey;
  }

  static of(handle: KeyHandle): OpenKeyPair {
    invariant(handle instanceof OpenKeyPair, 'the handle was opened by this custody, and its material is a key pair');
    return handle;
  }

  static privateKeyOf(handle: KeyHandle): KeyObject {
    return OpenKeyPair.of(handle).#privateKey;
  }
}
