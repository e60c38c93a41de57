import * as asymmetric from '../../crypto/asymmetric-encryption.ts';
import { additionalData, decodeHeader, HEADER_BYTES, sealingData } from '../../crypto/ciphertext.ts';
import * as ec from '../../crypto/ec.ts';
import { generateMac, verifyMac } from '../../crypto/hmac.ts';
import {
  exportPrivateKey,
  generateKeyPair,
  isKeyPairSpec,
  parsePrivateKey,
  parsePublicKey,
  publicKeyOf,
} from '../../crypto/key-pair.ts';
import { type KeySpec, keySpecs } from '../../crypto/key-specs.ts';
import { decapsulate, encapsulate } from '../../crypto/ml-kem.ts';
import { NONCE_BYTES, SealedBox } from '../../crypto/sealed-box.ts';
import { SecretBytes } from '../../crypto/secret-bytes.ts';
import * as sm2 from '../../crypto/sm2.ts';
import { invariant, KeyholdError } from '../../runtime/errors.ts';
import type { Random } from '../../runtime/random.ts';
import type { Custody, KeyHandle } from '../contract.ts';
import type { Sealer } from '../domain-keys.ts';
import { nameAndWrap, unwrap, wrap } from './material-rows.ts';
import { OpenKeyPair, OpenSecret } from './open-material.ts';
import type { KeyPairMaker } from './rsa-key-maker.ts';
import { type Signatures, signaturesHere } from './signatures.ts';

const blobBox = new SealedBox('keyhold ciphertext v1');

/**
 * Custody in this process: material is unwrapped under the domain keys and used with OpenSSL's primitives.
 *
 * @param makeKeyPair in a server, one that keeps slow keys away from the event loop
 * @param signatures likewise
 */
export function softwareCustody(
  sealer: Sealer,
  random: Random,
  makeKeyPair: KeyPairMaker = generateKeyPair,
  signatures: Signatures = signaturesHere(random),
): Custody {
  /** Random bytes of the symmetric families; of the others a private key as PKCS#8. */
  async function makeMaterial(spec: KeySpec): Promise<Buffer> {
    if (isKeyPairSpec(spec)) return exportPrivateKey(await makeKeyPair(spec));
    const { materialBytes } = keySpecs[spec];
    invariant(materialBytes !== undefined, 'the spec is one whose keys can be made');
    return random.bytes(materialBytes.made);
  }

  return {
    async create(key, spec) {
      return nameAndWrap(sealer, key, spec, await makeMaterial(spec));
    },

    rewrap(identity, material, relatedKey) {
      const secret = unwrap(sealer, identity, material);
      const rewrapped = wrap(sealer, { ...relatedKey, materialId: identity.materialId }, secret);
      secret.fill(0);
      return rewrapped;
    },

    open(identity, spec, material) {
      const { keyId, materialId } = identity;
      const secret = unwrap(sealer, identity, material);
      if (!isKeyPairSpec(spec)) return asHandle(new OpenSecret(keyId, materialId, new SecretBytes(secret)));
      const privateKey = parsePrivateKey(spec, secret);
      secret.fill(0);
      if (privateKey === undefined) {
        throw new KeyholdError('TamperedRecord', `the material of key ${keyId} is no private key of its spec`);
      }
      return asHandle(new OpenKeyPair(keyId, materialId, spec, privateKey));
    },

    encrypt(handle, plaintext, context) {
      const nonce = random.bytes(NONCE_BYTES);
      const covered = sealingData(OpenSecret.of(handle).headerPrefix, nonce, context);
      const [ciphertext, tag] = blobBox.sealWithNonce(OpenSecret.secretOf(handle), nonce, plaintext, covered);
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
      const secret = OpenSecret.secretOf(handle);
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

    publicKey: (handle) => publicKeyOf(OpenKeyPair.of(handle).publicKey),

    async encryptAsymmetric(handle, algorithm, plaintext) {
      invariant(algorithm !== 'SYMMETRIC_DEFAULT', 'the algorithm is one of the key’s');
      return asymmetric.encrypt(OpenKeyPair.of(handle).publicKey, algorithm, plaintext);
    },

    async decryptAsymmetric(handle, algorithm, ciphertext) {
      invariant(algorithm !== 'SYMMETRIC_DEFAULT', 'the algorithm is one of the key’s');
      return asymmetric.decrypt(OpenKeyPair.privateKeyOf(handle), algorithm, ciphertext);
    },

    async sign(handle, algorithm, message, messageType) {
      const signature = await signatures.sign(OpenKeyPair.privateKeyOf(handle), algorithm, message, messageType);
      return Buffer.from(signature.buffer, signature.byteOffset, signature.length);
    },

    verify: (handle, algorithm, message, messageType, signature) =>
      signatures.verify(OpenKeyPair.of(handle).publicKey, algorithm, message, messageType, signature),

    generateMac: (handle, algorithm, message) => generateMac(OpenSecret.secretOf(handle), algorithm, message),

    verifyMac: (handle, algorithm, message, mac) => verifyMac(OpenSecret.secretOf(handle), algorithm, message, mac),

    async deriveSharedSecret(handle, otherPublicKey) {
      const { spec } = OpenKeyPair.of(handle);
      const other = parsePublicKey(spec, otherPublicKey);
      if (other === undefined) return undefined;
      const { deriveSharedSecret } = keySpecs[spec].family === 'sm2' ? sm2 : ec;
      return deriveSharedSecret(OpenKeyPair.privateKeyOf(handle), other);
    },

    encapsulate: (handle) => encapsulate(OpenKeyPair.of(handle).publicKey),

    decapsulate: (handle, ciphertext) => decapsulate(OpenKeyPair.privateKeyOf(handle), ciphertext),

    async makeDataKeyPair(spec) {
      invariant(isKeyPairSpec(spec), 'the spec is one of key pairs');
      const privateKey = await makeKeyPair(spec);
      return { publicKey: publicKeyOf(privateKey), privateKey: exportPrivateKey(privateKey) };
    },

    close(handle) {
      // A private key is OpenSSL's to wipe, and may still be at work in its pool.
      if (handle instanceof OpenSecret) OpenSecret.secretOf(handle).wipe();
    },
  };
}

function asHandle(material: OpenSecret | OpenKeyPair): KeyHandle {
  return material as unknown as KeyHandle;
}
