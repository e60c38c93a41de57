import { createDecipheriv, type KeyObject } from 'node:crypto';
import { type AsymmetricEncryptionAlgorithm, decrypt } from './asymmetric-encryption.ts';
import { isAsymmetric, type KeySpec, keySpecs } from './key-specs.ts';
import type { RsaSpec } from './rsa.ts';

/**
 * How key material is wrapped on its way in ("Select a wrapping algorithm", developer guide): by the wrapping key alone,
 * with RSAES-OAEP (RFC 8017 section 7.1) or SM2's scheme, or, where RSA has no room for it, by AES-KWP (RFC 5649) under an
 * AES key of the sender's own, which RSAES-OAEP wraps and which stands in front. PKCS#11 calls the latter
 * CKM_RSA_AES_KEY_WRAP.
 */
const algorithms = {
  RSAES_OAEP_SHA_1: { encryption: 'RSAES_OAEP_SHA_1', throughAes: false },
  RSAES_OAEP_SHA_256: { encryption: 'RSAES_OAEP_SHA_256', throughAes: false },
  RSA_AES_KEY_WRAP_SHA_1: { encryption: 'RSAES_OAEP_SHA_1', throughAes: true },
  RSA_AES_KEY_WRAP_SHA_256: { encryption: 'RSAES_OAEP_SHA_256', throughAes: true },
  SM2PKE: { encryption: 'SM2PKE', throughAes: false },
} as const satisfies Readonly<Record<string, { encryption: AsymmetricEncryptionAlgorithm; throughAes: boolean }>>;

export type WrappingAlgorithm = keyof typeof algorithms;
export type WrappingKeySpec = RsaSpec | 'SM2';

export function isWrappingAlgorithm(name: string): name is WrappingAlgorithm {
  return Object.hasOwn(algorithms, name);
}

/** Whether AWS takes material of this spec wrapped so: private keys of RSA only through AES, symmetric ones only directly. */
export function canWrap(spec: KeySpec, algorithm: WrappingAlgorithm, wrappingKeySpec: WrappingKeySpec): boolean {
  if (algorithm === 'SM2PKE' || wrappingKeySpec === 'SM2') return algorithm === 'SM2PKE' && wrappingKeySpec === 'SM2';
  if (algorithms[algorithm].throughAes) return isAsymmetric(spec);
  // A private key of P-521 is longer than what OAEP takes under 2048 bits.
  if (spec === 'ECC_NIST_P521') return wrappingKeySpec !== 'RSA_2048';
  return keySpecs[spec].family !== 'rsa';
}

/** Whether AWS wraps so in this Region: in those of China by SM2 as well, but not through AES. */
export function wrapsIn(algorithm: WrappingAlgorithm, region: string): boolean {
  const inChina = region.startsWith('cn-');
  if (algorithm === 'SM2PKE') return inChina;
  return !(inChina && algorithms[algorithm].throughAes);
}

/**
 * The material, which is the caller's to wipe; undefined if it was not wrapped for this key by this algorithm, without a
 * word on which part of it failed.
 */
export async function unwrapMaterial(
  wrappingKey: KeyObject,
  algorithm: WrappingAlgorithm,
  wrapped: Uint8Array,
): Promise<Buffer | undefined> {
  const { encryption, throughAes } = algorithms[algorithm];
  if (!throughAes) return decrypt(wrappingKey, encryption, wrapped);
  const modulusBytes = Number(wrappingKey.asymmetricKeyDetails?.modulusLength) / 8;
  const aesKey = await decrypt(wrappingKey, encryption, wrapped.subarray(0, modulusBytes));
  if (aesKey === undefined) return undefined;
  try {
    return unwrapPadded(aesKey, wrapped.subarray(modulusBytes));
  } finally {
    aesKey.fill(0);
  }
}

/** RFC 5649 section 3: the initial value in front of the message's length. */
const ALTERNATIVE_IV = Buffer.from('a65959a6', 'hex');
/** RFC 5649 section 4.2: the least is one block of the cipher, and OpenSSL takes nothing at all for an empty message. */
const LEAST_WRAPPED_BYTES = 16;

function unwrapPadded(aesKey: Buffer, wrapped: Uint8Array): Buffer | undefined {
  if (wrapped.length < LEAST_WRAPPED_BYTES) return undefined;
  try {
    // The sender chose the AES key, and may have chosen any of the three lengths; of another length there is no cipher.
    const decipher = createDecipheriv(`id-aes${aesKey.length * 8}-wrap-pad`, aesKey, ALTERNATIVE_IV);
    const material = decipher.update(wrapped);
    decipher.final();
    return material;
  } catch {
    return undefined;
  }
}
