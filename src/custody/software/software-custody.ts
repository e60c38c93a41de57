import { createHmac } from 'node:crypto';
import { lengthPrefixed } from '../../crypto/canonical.ts';
import { additionalData, decodeHeader, HEADER_BYTES, headerPrefix, sealingData } from '../../crypto/ciphertext.ts';
import { type KeySpec, keySpecs } from '../../crypto/key-specs.ts';
import { NONCE_BYTES, SealedBox } from '../../crypto/sealed-box.ts';
import { SecretBytes } from '../../crypto/secret-bytes.ts';
import { invariant } from '../../runtime/errors.ts';
import type { Random } from '../../runtime/random.ts';
import type { Custody, KeyHandle, MaterialIdentity, WrappedMaterial } from '../contract.ts';
import type { Sealer } from '../domain-keys.ts';

const blobBox = new SealedBox('keyhold ciphertext v1');

/** A handle whose material is in this process, where only this module can reach it. */
class OpenMaterial {
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

  static of(handle: KeyHandle): OpenMaterial {
    invariant(handle instanceof OpenMaterial, 'the handle was opened by this custody');
    return handle;
  }

  static secretOf(handle: KeyHandle): SecretBytes {
    return OpenMaterial.of(handle).#secret;
  }
}

/** Custody in this process: material is unwrapped under the domain keys and used with OpenSSL's primitives. */
export function softwareCustody(sealer: Sealer, random: Random): Custody {
  function wrap(identity: MaterialIdentity, secret: Uint8Array): WrappedMaterial {
    return { wrapped: sealer.seal(wrappingIdentity(identity), secret).toString('base64') };
  }

  return {
    async create(key, spec) {
      const secret = makeMaterial(spec, random);
      const materialId = materialIdOf(secret);
      const material = wrap({ ...key, materialId }, secret);
      secret.fill(0);
      return { materialId, material };
    },

    rewrap(identity, material, relatedKey) {
      const secret = sealer.open(wrappingIdentity(identity), Buffer.from(material.wrapped, 'base64'));
      const rewrapped = wrap({ ...relatedKey, materialId: identity.materialId }, secret);
      secret.fill(0);
      return rewrapped;
    },

    open(identity, _, material): KeyHandle {
      const secret = new SecretBytes(sealer.open(wrappingIdentity(identity), Buffer.from(material.wrapped, 'base64')));
      return new OpenMaterial(identity.keyId, identity.materialId, secret) as unknown as KeyHandle;
    },

    encrypt(handle, plaintext, context) {
      const nonce = random.bytes(NONCE_BYTES);
      const covered = sealingData(OpenMaterial.of(handle).headerPrefix, nonce, context);
      const [ciphertext, tag] = blobBox.sealWithNonce(OpenMaterial.secretOf(handle), nonce, plaintext, covered);
      const blob = Buffer.allocUnsafe(HEADER_BYTES + ciphertext.length + tag.length);
      covered.copy(blob, 0, 0, HEADER_BYTES);
      blob.set(ciphertext, HEADER_BYTES);
      blob.set(tag, HEADER_BYTES + ciphertext.length);
      return blob;
    },

    decrypt(handle, blob, context) {
      const header = decodeHeader(blob);
      if (header === undefined || header.keyId !== handle.keyId || header.materialId !== handle.materialId) {
        return undefined;
      }
      const secret = OpenMaterial.secretOf(handle);
      try {
        return blobBox.openWithNonce(
          secret,
          header.nonce,
          blob.subarray(HEADER_BYTES),
          additionalData(header.bytes, context),
        );
      } catch {
        return undefined;
      }
    },

    close(handle) {
      OpenMaterial.secretOf(handle).wipe();
    },
  };
}

function makeMaterial(spec: KeySpec, random: Random): Buffer {
  const { materialBytes } = keySpecs[spec];
  invariant(materialBytes !== undefined, 'the spec is one whose material is random bytes');
  return random.bytes(materialBytes.made);
}

/** A one-way name of the material: knowing the id tells nothing about the material's 256 bits. */
function materialIdOf(secret: Buffer): string {
  return createHmac('sha256', secret).update('keyhold key material id v1').digest('hex');
}

function wrappingIdentity(identity: MaterialIdentity): Buffer {
  return lengthPrefixed('key material', identity.accountId, identity.region, identity.keyId, identity.materialId);
}
