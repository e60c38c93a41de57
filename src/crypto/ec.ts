import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject, sign, verify } from 'node:crypto';
import type { ECDSA } from '@noble/curves/abstract/weierstrass.js';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { invariant } from '../runtime/errors.ts';
import type { Random } from '../runtime/random.ts';

/**
 * The curves of NIST and secp256k1: ECDSA (FIPS 186-5 section 6) and ECDH (SP 800-56A revision 3). Messages are signed by
 * OpenSSL. Digests are signed by @noble/curves, because node:crypto always hashes what it signs with an EC key; being
 * JavaScript, that is slower, and it cannot promise the constant time of OpenSSL's code.
 */

/** What costs OpenSSL less (20 to 70 µs) than the way to libuv's pool and back. The other curves have no such fast code. */
const FAST_CURVE = 'prime256v1';

const curves = new Map<string, ECDSA>([
  ['prime256v1', p256],
  ['secp384r1', p384],
  ['secp521r1', p521],
  ['secp256k1', secp256k1],
]);

/** AWS signs and takes signatures whose `s` is in the upper half, too; @noble/curves would not, by its defaults. */
const AS_IT_IS = { prehash: false, lowS: false, format: 'der' } as const;

/** Signs a message, hashing it first. The signature is in DER (RFC 3279 section 2.2.3). */
export function signMessage(key: KeyObject, hash: string, message: Uint8Array): Promise<Buffer> {
  if (curveOf(key) === FAST_CURVE) return Promise.resolve(sign(hash, message, key));
  return new Promise((resolve, reject) => {
    sign(hash, message, key, (error, signature) => (error === null ? resolve(signature) : reject(error)));
  });
}

export function verifyMessage(
  key: KeyObject,
  hash: string,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  if (curveOf(key) === FAST_CURVE) return Promise.resolve(verify(hash, message, key, signature));
  return new Promise((resolve, reject) => {
    verify(hash, message, key, signature, (error, valid) => (error === null ? resolve(valid) : reject(error)));
  });
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
export function deriveSharedSecret(key: KeyObject, peer: KeyObject): Promise<Buffer> {
  const keys = { privateKey: key, publicKey: peer };
  if (curveOf(key) === FAST_CURVE) return Promise.resolve(diffieHellman(keys));
  return new Promise((resolve, reject) => {
    diffieHellman(keys, (error, secret) => (error === null ? resolve(secret) : reject(error)));
  });
}

/**
 * The key made anew from its private number, or undefined if that number is not the point's that came with it: OpenSSL
 * believes the point, and a signature under another's public key would be one that nobody can verify.
 */
export function canonicalEcKey(key: KeyObject): KeyObject | undefined {
  const scalar = key.export({ format: 'raw-private' });
  try {
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
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  const point = publicKey.export({ format: 'raw-public' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  // The name takes 24 to 27 bytes around the point; the parameters written out take several times the field's length.
  return spki.length < point.length + MOST_BYTES_AROUND_A_POINT;
}

const MOST_BYTES_AROUND_A_POINT = 32;

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
