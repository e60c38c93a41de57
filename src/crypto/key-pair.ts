import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair as generate,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { promisify } from 'node:util';
import { invariant } from '../runtime/errors.ts';
import { canonicalEcKey, encodePublicKey, FAST_CURVE, hasNamedCurve } from './ec.ts';
import { isKeyForAlgorithmOf } from './key-algorithm.ts';
import { isAsymmetric, type KeySpec, keySpecs } from './key-specs.ts';
import { publicHalf } from './public-half.ts';
import { isConsistentRsaKey } from './rsa.ts';
import { canonicalSm2Key, isSm2Key } from './sm2.ts';

/**
 * What the key pairs of all families share: how they are made, read and written. A private key in use is a KeyObject, so
 * that it lies in OpenSSL's memory and neither JSON nor `inspect` shows it; at rest it is PKCS#8 (RFC 5958), sealed.
 */

/** The specs whose keys are pairs: the asymmetric ones. */
export type KeyPairSpec = Exclude<KeySpec, 'SYMMETRIC_DEFAULT' | `HMAC_${number}`>;

export function isKeyPairSpec(spec: KeySpec): spec is KeyPairSpec {
  return isAsymmetric(spec);
}

const makeKeyPair = promisify(generate);

/**
 * Makes a private key, which holds its public one. Runs in libuv's pool, because an RSA key takes up to seconds, but for
 * P-256, where the way there and back takes as long as the key. The randomness is OpenSSL's own generator, not the Random
 * port: node:crypto offers no other way.
 */
export async function generateKeyPair(spec: KeyPairSpec): Promise<KeyObject> {
  const { family, parameters } = keySpecs[spec];
  switch (family) {
    case 'rsa':
      // The public exponent is Node's default, 65537.
      return (await makeKeyPair('rsa', { modulusLength: Number(parameters) })).privateKey;
    case 'ec':
      return parameters === FAST_CURVE
        ? generateKeyPairSync('ec', { namedCurve: FAST_CURVE }).privateKey
        : (await makeKeyPair('ec', { namedCurve: String(parameters) })).privateKey;
    case 'sm2': {
      // To OpenSSL this is an EC key until it has been encoded and read again, and the two are never equal.
      const key = canonicalSm2Key((await makeKeyPair('ec', { namedCurve: String(parameters) })).privateKey);
      invariant(key !== undefined, 'OpenSSL makes SM2 keys that can sign');
      return key;
    }
    default:
      return (await makeKeyPair(parameters as 'ed25519')).privateKey;
  }
}

/** The private key as PKCS#8 in DER; of ML-DSA and ML-KEM, in the form that is the seed alone. The caller wipes it. */
export function exportPrivateKey(key: KeyObject): Buffer {
  return key.export({ type: 'pkcs8', format: 'der' });
}

/** The public key of a private or a public one as SubjectPublicKeyInfo in DER (RFC 5280), as GetPublicKey gives it. */
export function publicKeyOf(key: KeyObject): Buffer {
  const publicKey = publicHalf(key);
  return publicKey.asymmetricKeyType === 'ec'
    ? encodePublicKey(publicKey)
    : publicKey.export({ type: 'spki', format: 'der' });
}

/**
 * Reads what {@link exportPrivateKey} wrote: undefined unless it is a private key of the spec and nothing else. That its
 * numbers belong together is not looked at, for they were made here or checked on import, and sealed since.
 */
export function parsePrivateKey(spec: KeyPairSpec, pkcs8: Uint8Array): KeyObject | undefined {
  return parsed(spec, pkcs8, (der) => createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
}

/**
 * Reads a private key that a caller sent, as PKCS#8 in DER or in BER of definite lengths (AWS's "Requirements for
 * imported key material"). Undefined unless it is a key of exactly this spec with numbers that belong together: two
 * primes in RSA, a named curve and the private key's own point in EC and SM2, the seed in ML-DSA and ML-KEM. Never throws.
 */
export function importPrivateKey(spec: KeyPairSpec, pkcs8: Uint8Array): KeyObject | undefined {
  const key = parsePrivateKey(spec, pkcs8);
  if (key === undefined) return undefined;
  try {
    switch (keySpecs[spec].family) {
      case 'rsa':
        return isConsistentRsaKey(key) ? key : undefined;
      case 'ec':
        return canonicalEcKey(key);
      case 'sm2':
        return canonicalSm2Key(key);
      default:
        return key;
    }
  } catch {
    return undefined;
  }
}

/** Reads a public key that a caller sent as SubjectPublicKeyInfo in DER: undefined unless it is one of exactly this spec. */
export function parsePublicKey(spec: KeyPairSpec, spki: Uint8Array): KeyObject | undefined {
  // OpenSSL refuses a point that is not on its curve (SP 800-56A revision 3 section 5.6.2.3.3), and infinity.
  return parsed(spec, spki, (der) => createPublicKey({ key: der, format: 'der', type: 'spki' }));
}

function parsed(spec: KeyPairSpec, encoded: Uint8Array, read: (der: Buffer) => KeyObject): KeyObject | undefined {
  const der = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.length);
  if (!isKeyForAlgorithmOf(spec, der)) return undefined;
  try {
    const key = read(der);
    return isOfSpec(spec, key) ? key : undefined;
  } catch {
    return undefined;
  }
}

function isOfSpec(spec: KeyPairSpec, key: KeyObject): boolean {
  const { family, parameters } = keySpecs[spec];
  switch (family) {
    case 'rsa':
      return key.asymmetricKeyType === 'rsa' && key.asymmetricKeyDetails?.modulusLength === parameters;
    case 'ec':
      return (
        key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === parameters && hasNamedCurve(key)
      );
    case 'sm2':
      return isSm2Key(key);
    case 'ml-dsa':
    case 'ml-kem':
      return key.asymmetricKeyType === parameters && (key.type === 'public' || hasSeed(key));
    default:
      return key.asymmetricKeyType === parameters;
  }
}

/** Of RFC 9881's and RFC 9935's forms, the expanded key alone is refused: it has no seed, which is what we keep and use. */
function hasSeed(key: KeyObject): boolean {
  try {
    key.export({ format: 'raw-seed' }).fill(0);
    return true;
  } catch {
    return false;
  }
}
