import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject, sign, verify } from 'node:crypto';
import { promisify } from 'node:util';
import type { ECDSA } from '@noble/curves/abstract/weierstrass.js';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { invariant } from '../runtime/errors.ts';
import type { Random } from '../runtime/random.ts';
import { publicHalf } from './public-half.ts';

/**
 * The curves of NIST and secp256k1: ECDSA (FIPS 186-5 section 6) and ECDH (SP 800-56A revision 3). Messages are signed by
 * OpenSSL. Digests are signed by @noble/curves, because node:crypto always hashes what it signs with an EC key; being
 * JavaScript, that is slower (0.3 to 1.2 ms, and 1 to 9 ms to verify), it cannot promise the constant time
 * of OpenSSL's code, and its copies of the private number are big integers, which nobody can wipe.
 */

/** What costs OpenSSL less (20 to 70 µs) than the way to libuv's pool and back. The other curves have no such fast code. */
export const FAST_CURVE = 'prime256v1';

const signInPool = promisify(sign);
const verifyInPool = promisify(verify);
const agreeInPool = promisify(diffieHellman);

const curves = new Map<string, ECDSA>([
  ['prime256v1', p256],
  ['secp384r1', p384],
  ['secp521r1', p521],
  ['secp256k1', secp256k1],
]);

/** AWS signs and takes signatures whose `s` is in the upper half, too; @noble/curves would not, by its defaults. */
const AS_IT_IS = { prehash: false, lowS: false, format: 'der' } as const;

/** Signs a message, hashing it first. The signature is in DER (RFC 3279 section 2.2.3). */
export async function signMessage(key: KeyObject, hash: string, message: Uint8Array): Promise<Buffer> {
  return curveOf(key) === FAST_CURVE ? sign(hash, message, key) : signInPool(hash, message, key);
}

export async function verifyMessage(
  key: KeyObject,
  hash: string,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  return curveOf(key) === FAST_CURVE
    ? verify(hash, message, key, signature)
    : verifyInPool(hash, message, key, signature);
}

/** Signs a digest as it is, with a nonce of RFC 6979 to which fresh randomness is added (its section 3.6). */
export function signDigest(key: KeyObject, digest: Uint8Array, random: Random): Buffer {
  const scalar = key.export({ format: 'raw-private' });
  try {
    return Buffer.from(nobleCurve(key).sign(digest, scalar, { ...AS_IT_IS, extraEntropy: random.bytes(32) }));
  } finally {
    scalar.fill(0);
  }
}

export function verifyDigest(publicKey: KeyObject, digest: Uint8Array, signature: Uint8Array): boolean {
  try {
    return nobleCurve(publicKey).verify(signature, digest, publicKey.export({ format: 'raw-public' }), AS_IT_IS);
  } catch {
    // The signature is not two numbers in DER.
    return false;
  }
}

/**
 * The shared secret of SP 800-56A revision 3 section 5.7.1.2: the x-coordinate, as long as the curve's field.
 * INVARIANT: `peer` is a public key of the same curve, as `parsePublicKey` gave it.
 */
export async function deriveSharedSecret(key: KeyObject, peer: KeyObject): Promise<Buffer> {
  const keys = { privateKey: key, publicKey: peer };
  return curveOf(key) === FAST_CURVE ? diffieHellman(keys) : agreeInPool(keys);
}

/**
 * The key made anew from its private number, or undefined if that number is none from 1 to the order less one (SP 800-56A
 * revision 3 section 5.6.2.1.2), or not the point's that came with it. OpenSSL takes both: zero without a point is a key to
 * it, and it believes the point, so that signatures would be such that nobody can verify them.
 */
export function canonicalEcKey(key: KeyObject): KeyObject | undefined {
  const scalar = key.export({ format: 'raw-private' });
  try {
    if (!nobleCurve(key).utils.isValidSecretKey(scalar)) return undefined;
    const made = createPrivateKey({
      key: scalar,
      format: 'raw-private',
      asymmetricKeyType: 'ec',
      namedCurve: curveOf(key),
    });
    return createPublicKey(made).equals(createPublicKey(key)) ? made : undefined;
  } finally {
    scalar.fill(0);
  }
}

/**
 * Whether the key names its curve. OpenSSL recognises one whose parameters are written out, and keeps them so; AWS refuses
 * such keys, and public keys with parameters of one's own have been a way to forge (CVE-2020-0601).
 */
export function hasNamedCurve(key: KeyObject): boolean {
  const publicKey = publicHalf(key);
  const point = publicKey.export({ format: 'raw-public' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  // With a name there are 23 to 26 bytes around the point; parameters written out take several times the field's length.
  return spki.length < point.length + MOST_BYTES_AROUND_A_POINT;
}

const MOST_BYTES_AROUND_A_POINT = 32;

/** SubjectPublicKeyInfo of a P-256 key in DER (RFC 5480 section 2), up to the uncompressed point. */
const P256_INFO_FRONT = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex');

/** As SubjectPublicKeyInfo in DER. Of P-256 it is put together here: OpenSSL's encoder takes longer than making the key. */
export function encodePublicKey(publicKey: KeyObject): Buffer {
  return curveOf(publicKey) === FAST_CURVE
    ? Buffer.concat([P256_INFO_FRONT, publicKey.export({ format: 'raw-public' })])
    : publicKey.export({ type: 'spki', format: 'der' });
}

function curveOf(key: KeyObject): string {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  invariant(curve !== undefined, 'the key is an EC key');
  return curve;
}

function nobleCurve(key: KeyObject): ECDSA {
  const curve = curves.get(curveOf(key));
  invariant(curve !== undefined, 'the curve is that of a spec');
  return curve;
}
