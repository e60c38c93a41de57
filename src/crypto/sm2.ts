import { createECDH, createPrivateKey, ECDH, type KeyObject } from 'node:crypto';
import { DER } from '@noble/curves/abstract/der.js';
import { publicHalf } from './public-half.ts';

/**
 * SM2 (GB/T 32918, also GM/T 0003): SM2DSA, SM2PKE and ECDH on the curve of GB/T 32918.5. OpenSSL makes the keys, and reads
 * and checks them. node:crypto signs with it under an empty user id only, and neither encrypts nor agrees on secrets with
 * keys it has read, so that is sm-crypto-v2's work. Being JavaScript, it takes some milliseconds, cannot
 * promise constant time, and takes the private number as a string, which stays in memory until it is collected. Its
 * randomness is Node's Web Crypto, not the Random port. Loading it takes 20 ms or so, which start-up is spared.
 */

/** What AWS encrypts at most ("Encrypt", API reference); the algorithm itself sets no limit. */
export const MAX_PLAINTEXT_BYTES = 1024;
/** Of SM3. */
export const DIGEST_BYTES = 32;

/** GM/T 0009's user id where there is none of one's own, and AWS's ("Offline verification with SM2 key pairs"). */
const DEFAULT_USER_ID = '1234567812345678';

/** Signs SM3(ZA || message), where ZA binds the signature to user id, curve and public key. The signature is in DER. */
export async function signMessage(key: KeyObject, message: Uint8Array): Promise<Buffer> {
  return signDigest(key, await digestOf(key, message));
}

export async function verifyMessage(
  publicKey: KeyObject,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  return verifyDigest(publicKey, await digestOf(publicKey, message), signature);
}

/** Signs what is SM3(ZA || message) already. */
export async function signDigest(key: KeyObject, digest: Uint8Array): Promise<Buffer> {
  const { sm2 } = await library();
  return withScalar(key, (scalar) =>
    Buffer.from(sm2.doSignature(digest, scalar.toString('hex'), { der: true }), 'hex'),
  );
}

export async function verifyDigest(publicKey: KeyObject, digest: Uint8Array, signature: Uint8Array): Promise<boolean> {
  const { sm2 } = await library();
  const numbers = parseSignature(signature);
  return numbers !== undefined && sm2.doVerifySignature(digest, numbers, pointOf(publicKey));
}

/**
 * Encrypts into GM/T 0009's SM2Cipher in DER: SEQUENCE { x INTEGER, y INTEGER, hash OCTET STRING, ciphertext OCTET STRING }.
 * INVARIANT: the plaintext has at least one byte.
 */
export async function encrypt(publicKey: KeyObject, plaintext: Uint8Array): Promise<Buffer> {
  const { sm2 } = await library();
  for (;;) {
    const ciphertext = Buffer.from(sm2.doEncrypt(plaintext, pointOf(publicKey), C1C3C2, { asn1: true }), 'hex');
    // A key stream of zeros shows the plaintext, and one byte has it once in 256 times. GB/T 32918.4 section 6.1 starts
    // again then (step A5); the library does not.
    if (!ciphertext.subarray(-plaintext.length).equals(plaintext)) return ciphertext;
  }
}

/** @returns undefined for a ciphertext that does not open, without a word on why */
export async function decrypt(key: KeyObject, ciphertext: Uint8Array): Promise<Buffer | undefined> {
  const { sm2 } = await library();
  const parsed = parseCiphertext(ciphertext);
  if (parsed === undefined) return undefined;
  const { point, hash, encrypted } = parsed;
  const plain = withScalar(key, (scalar) =>
    sm2.doDecrypt(`${point}${hash}${encrypted}`, scalar.toString('hex'), C1C3C2, { output: 'array' }),
  );
  // The library answers with nothing if the hash is another.
  if (plain.length === 0) return undefined;
  const plaintext = Buffer.from(plain.buffer, plain.byteOffset, plain.length);
  // The key stream was all zeros, which GB/T 32918.4 section 7.1 refuses (step B4).
  return plaintext.equals(Buffer.from(encrypted, 'hex')) ? undefined : plaintext;
}

/** The x-coordinate, 32 bytes. INVARIANT: `peer` is a public key on the curve, as `parsePublicKey` gave it. */
export async function deriveSharedSecret(key: KeyObject, peer: KeyObject): Promise<Buffer> {
  const { sm2 } = await library();
  const compressed = withScalar(key, (scalar) => sm2.ecdh(scalar, pointOf(peer), true));
  return Buffer.from(compressed.buffer, compressed.byteOffset + 1, FIELD_BYTES);
}

/**
 * Whether it is an SM2 key that names its curve. OpenSSL takes keys whose parameters are written out, too, and tells
 * node:crypto neither type nor curve of an SM2 key, so the encoding is what is looked at.
 */
export function isSm2Key(key: KeyObject): boolean {
  return spkiOf(key)
    .subarray(SPKI_ALGORITHM_AT, SPKI_ALGORITHM_AT + ALGORITHM.length)
    .equals(ALGORITHM);
}

/**
 * The key made anew from its private number, in the one form with an uncompressed point. Undefined if the number is zero
 * or above n - 2, with which there is no signing (GB/T 32918.2 section 6.1), or not the point's that came with it. Throws
 * if OpenSSL makes nothing of that point.
 */
export function canonicalSm2Key(key: KeyObject): KeyObject | undefined {
  return withScalar(key, (scalar) => {
    const number = BigInt(`0x${scalar.toString('hex')}`);
    if (number === 0n || number > ORDER - 2n) return undefined;
    const pair = createECDH(CURVE);
    pair.setPrivateKey(scalar);
    const point = pair.getPublicKey();
    if (point.toString('hex') !== pointOf(key)) return undefined;
    const der = Buffer.concat([PKCS8_TO_SCALAR, scalar, PKCS8_TO_POINT, point]);
    try {
      return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    } finally {
      der.fill(0);
    }
  });
}

const CURVE = 'SM2';
const FIELD_BYTES = 32;
/** The order n of the base point (GB/T 32918.5). */
const ORDER = 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n;
/** The library's number for the order that GM/T 0009 has: point, hash, ciphertext. */
const C1C3C2 = 1;

/** AlgorithmIdentifier: ecPublicKey (1.2.840.10045.2.1) on the curve of SM2 (1.2.156.10197.1.301). */
const ALGORITHM = Buffer.from('301306072a8648ce3d020106082a811ccf5501822d', 'hex');
/** In SubjectPublicKeyInfo: the outer tag and length; then, after the algorithm, the bit string's three bytes. */
const SPKI_ALGORITHM_AT = 2;
const SPKI_POINT_AT = SPKI_ALGORITHM_AT + ALGORITHM.length + 3;
/** PKCS#8 and, within it, RFC 5915's ECPrivateKey up to the private number; and from there to the uncompressed point. */
const PKCS8_TO_SCALAR = Buffer.concat([
  Buffer.from('308187020100', 'hex'),
  ALGORITHM,
  Buffer.from('046d306b0201010420', 'hex'),
]);
const PKCS8_TO_POINT = Buffer.from('a144034200', 'hex');

const library = () => import('sm-crypto-v2');

async function digestOf(key: KeyObject, message: Uint8Array): Promise<Buffer> {
  const { sm2 } = await library();
  return Buffer.from(sm2.getHash(message, pointOf(key), DEFAULT_USER_ID), 'hex');
}

/** The private number, for as long as `use` takes. Its place in OpenSSL's encoding depends on nothing but the outer length. */
function withScalar<Result>(key: KeyObject, use: (scalar: Buffer) => Result): Result {
  const der = key.export({ type: 'pkcs8', format: 'der' });
  const shorter = (der[1] as number) < 0x80 ? 1 : 0;
  const at = PKCS8_TO_SCALAR.length - shorter;
  try {
    return use(der.subarray(at, at + FIELD_BYTES));
  } finally {
    der.fill(0);
  }
}

/** The public key's point, uncompressed, in hex. */
function pointOf(key: KeyObject): string {
  return onCurve(spkiOf(key).subarray(SPKI_POINT_AT));
}

/** Throws unless it is a point on the curve. */
function onCurve(point: Buffer): string {
  return ECDH.convertKey(point, CURVE, undefined, 'hex', 'uncompressed') as string;
}

function spkiOf(key: KeyObject): Buffer {
  return publicHalf(key).export({ type: 'spki', format: 'der' });
}

/**
 * The library's own parser of signatures takes nearly anything. This one takes DER alone, as OpenSSL's does, and two
 * numbers from 1 to n - 1 (GB/T 32918.2 section 7.1).
 *
 * @returns both numbers in hex, one after the other
 */
function parseSignature(signature: Uint8Array): string | undefined {
  try {
    const { r, s } = DER.toSig(signature, FIELD_BYTES + 1);
    const inRange = (number: bigint) => number > 0n && number < ORDER;
    return inRange(r) && inRange(s) ? hexOf(r) + hexOf(s) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Takes DER alone, and a point that is on the curve, which the library's own parser does not ask: multiplied by the private
 * number, points of other curves give that number away.
 *
 * @returns the parts in hex, and the point without the byte that says it is uncompressed
 */
function parseCiphertext(ciphertext: Uint8Array): { point: string; hash: string; encrypted: string } | undefined {
  try {
    const [sequence] = decoded(SEQUENCE, ciphertext, LAST);
    const [x, afterX] = decoded(INTEGER, sequence);
    const [y, afterY] = decoded(INTEGER, afterX);
    const [hash, afterHash] = decoded(OCTET_STRING, afterY);
    const [encrypted] = decoded(OCTET_STRING, afterHash, LAST);
    if (hash.length !== DIGEST_BYTES || encrypted.length === 0) return undefined;
    const point = onCurve(Buffer.from(`04${hexOf(DER._int.decode(x))}${hexOf(DER._int.decode(y))}`, 'hex'));
    return { point: point.slice(2), hash: hash.toString('hex'), encrypted: encrypted.toString('hex') };
  } catch {
    return undefined;
  }
}

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const OCTET_STRING = 0x04;
const LAST = 'last';

/** One value in DER, and what follows it. Throws if there is none of this tag, or something follows the last one. */
function decoded(tag: number, der: Uint8Array, last?: typeof LAST): [value: Buffer, rest: Uint8Array] {
  const { v, l } = DER._tlv.decode(tag, der);
  if (last !== undefined && l.length > 0) throw new DER.Err('something follows the last value');
  return [Buffer.from(v), l];
}

/** 64 digits; more if the number is longer than any of the curve's. */
function hexOf(number: bigint): string {
  return number.toString(16).padStart(2 * FIELD_BYTES, '0');
}
