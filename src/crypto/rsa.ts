import {
  constants,
  createPublicKey,
  type KeyObject,
  privateEncrypt,
  publicDecrypt,
  publicEncrypt,
  sign,
  subtle,
  verify,
} from 'node:crypto';
import { promisify } from 'node:util';
import { invariant } from '../runtime/errors.ts';
import type { Random } from '../runtime/random.ts';
import { encodePss, isPssOf } from './emsa-pss.ts';
import { type EncryptionAlgorithm, type KeySpec, keySpecs } from './key-specs.ts';

/**
 * RSA (RFC 8017). The private operation takes from 0.3 ms (2048 bits) to 1.6 ms (4096) and runs in libuv's pool where
 * node:crypto offers that; over a digest that is given it does not, and the event loop waits.
 */

export type OaepAlgorithm = Extract<EncryptionAlgorithm, `RSAES_OAEP_${string}`>;
export type RsaSpec = Extract<KeySpec, `RSA_${number}`>;
/** The hashes that AWS signs with, as node:crypto names them. */
export type SignatureHash = 'sha256' | 'sha384' | 'sha512';
export type RsaPadding = 'pkcs1-v1.5' | 'pss';

const signInPool = promisify(sign);

const oaepHashes: Readonly<Record<OaepAlgorithm, { node: string; web: string; bytes: number }>> = {
  RSAES_OAEP_SHA_1: { node: 'sha1', web: 'SHA-1', bytes: 20 },
  RSAES_OAEP_SHA_256: { node: 'sha256', web: 'SHA-256', bytes: 32 },
};

/** The longest plaintext (RFC 8017 section 7.1.1), which is AWS's table in the Encrypt operation's documentation. */
export function maxPlaintextBytes(spec: RsaSpec, algorithm: OaepAlgorithm): number {
  return Number(keySpecs[spec].parameters) / 8 - 2 * oaepHashes[algorithm].bytes - 2;
}

/** INVARIANT: the plaintext is no longer than {@link maxPlaintextBytes}. MGF1 is over the same hash, as AWS has it. */
export function encryptOaep(key: KeyObject, algorithm: OaepAlgorithm, plaintext: Uint8Array): Buffer {
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  return publicEncrypt({ key, padding, oaepHash: oaepHashes[algorithm].node }, plaintext);
}

/** @returns undefined for a ciphertext that does not open, without a word on why: padding oracles begin with that word */
export async function decryptOaep(
  key: KeyObject,
  algorithm: OaepAlgorithm,
  ciphertext: Uint8Array,
): Promise<Buffer | undefined> {
  // Of node:crypto's two ways to this, Web Crypto's is the one that runs in the pool.
  const webKey = key.toCryptoKey({ name: 'RSA-OAEP', hash: oaepHashes[algorithm].web }, false, ['decrypt']);
  try {
    return Buffer.from(await subtle.decrypt({ name: 'RSA-OAEP' }, webKey, new Uint8Array(ciphertext)));
  } catch {
    return undefined;
  }
}

/** Signs a message, hashing it first. */
export function signMessage(
  key: KeyObject,
  padding: RsaPadding,
  hash: SignatureHash,
  message: Uint8Array,
): Promise<Buffer> {
  return signInPool(hash, message, { key, ...paddings[padding] });
}

export function verifyMessage(
  key: KeyObject,
  padding: RsaPadding,
  hash: SignatureHash,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  // OpenSSL takes a PSS signature without its leading zeros; RFC 8017 section 8.1.2, step 1, does not.
  return signature.length === modulusBytes(key) && verify(hash, message, { key, ...paddings[padding] }, signature);
}

/** Signs a digest as it is. INVARIANT: it is as long as the hash's. */
export function signDigest(
  key: KeyObject,
  padding: RsaPadding,
  hash: SignatureHash,
  digest: Uint8Array,
  random: Random,
): Buffer {
  if (padding === 'pkcs1-v1.5') {
    return privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, digestInfo(hash, digest));
  }
  const encoded = encodePss(hash, digest, random.bytes(digest.length), modulusBytes(key));
  return privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, encoded);
}

export function verifyDigest(
  key: KeyObject,
  padding: RsaPadding,
  hash: SignatureHash,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (signature.length !== modulusBytes(key)) return false;
  try {
    if (padding === 'pss') {
      return isPssOf(hash, digest, publicDecrypt({ key, padding: constants.RSA_NO_PADDING }, signature));
    }
    // OpenSSL reads the padding to its end, and what is left must be the DigestInfo and nothing else.
    const signed = publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature);
    return signed.equals(digestInfo(hash, digest));
  } catch {
    // The number is not below the modulus, or there is no such padding.
    return false;
  }
}

const paddings = {
  'pkcs1-v1.5': { padding: constants.RSA_PKCS1_PADDING },
  pss: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
} as const;

/** DigestInfo in DER up to the digest itself (RFC 8017 section 9.2, note 1). */
const digestInfoFronts: Readonly<Record<SignatureHash, Buffer>> = {
  sha256: Buffer.from('3031300d060960864801650304020105000420', 'hex'),
  sha384: Buffer.from('3041300d060960864801650304020205000430', 'hex'),
  sha512: Buffer.from('3051300d060960864801650304020305000440', 'hex'),
};

function digestInfo(hash: SignatureHash, digest: Uint8Array): Buffer {
  return Buffer.concat([digestInfoFronts[hash], digest]);
}

function modulusBytes(key: KeyObject): number {
  const bits = key.asymmetricKeyDetails?.modulusLength;
  invariant(bits !== undefined && bits % 8 === 0, 'the key is an RSA key of a spec');
  return bits / 8;
}

/**
 * Whether the numbers of a private key belong together (RFC 8017 section 3.2): two primes, and exponents that undo each
 * other both ways. OpenSSL looks at none of that when it reads a key. That p and q are prime is shown by use: with a
 * composite in their place, a number does not come back from the private and the public operation. The copies made here
 * are strings and big integers, which nobody can wipe; only importing a key comes this way.
 */
export function isConsistentRsaKey(key: KeyObject): boolean {
  const jwk = key.export({ format: 'jwk' });
  const [n, e, d, p, q, dp, dq, qi] = [jwk.n, jwk.e, jwk.d, jwk.p, jwk.q, jwk.dp, jwk.dq, jwk.qi].map(integer) as [
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  if (p < 3n || q < 3n || p === q || p * q !== n) return false;
  if (e < 3n || e % 2n === 0n || e >= LARGEST_EXPONENT) return false;
  if ((e * d) % (p - 1n) !== 1n || (e * d) % (q - 1n) !== 1n) return false;
  if (dp !== d % (p - 1n) || dq !== d % (q - 1n) || (qi * q) % p !== 1n) return false;
  const probe = Buffer.alloc(modulusBytes(key), 0x5a);
  const padding = constants.RSA_NO_PADDING;
  const there = privateEncrypt({ key, padding }, probe);
  return publicDecrypt({ key: createPublicKey(key), padding }, there).equals(probe);
}

/** Public exponents have at most 33 bits in AWS-LC, the library beneath AWS KMS: longer ones only make verifying slow. */
const LARGEST_EXPONENT = 1n << 33n;

function integer(base64url: string | undefined): bigint {
  return BigInt(`0x${Buffer.from(base64url ?? '', 'base64url').toString('hex') || '0'}`);
}
