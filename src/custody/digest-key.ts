import { hash, type KeyObject } from 'node:crypto';
import { lengthPrefixed } from '../crypto/canonical.ts';
import { exportPrivateKey, generateKeyPair, parsePrivateKey } from '../crypto/key-pair.ts';
import { publicHalf } from '../crypto/public-half.ts';
import { signMessage } from '../crypto/rsa.ts';
import { KeyholdError } from '../runtime/errors.ts';
import type { Sealer } from './domain-keys.ts';

/**
 * A key that signs CloudTrail's digest files: RSA of 2048 bits, of one account in one Region, and for nothing else. Its
 * private half is sealed under the domain keys; ListPublicKeys gives the public one to whoever validates log files.
 */
const SPEC = 'RSA_2048';

/** Whose key it is. */
export interface DigestKeyPlace {
  readonly accountId: string;
  readonly region: string;
}

export interface WrappedDigestKey {
  /** As digest files name it. */
  readonly fingerprint: string;
  /** PKCS #1 RSAPublicKey (RFC 8017 appendix A.1.1) in DER, in base64. */
  readonly publicKey: string;
  /** The private key as PKCS#8, sealed, in base64. */
  readonly wrapped: string;
}

export interface DigestSigner {
  readonly fingerprint: string;
  /** RSASSA-PKCS1-v1_5 with SHA-256, which digest files call SHA256withRSA. */
  sign(message: Uint8Array): Promise<Buffer>;
}

/** @param sealer of the purpose `digest signing keys` */
export async function makeDigestKey(sealer: Sealer, place: DigestKeyPlace): Promise<WrappedDigestKey> {
  const key = await generateKeyPair(SPEC);
  const publicKey = publicHalf(key).export({ type: 'pkcs1', format: 'der' });
  const pkcs8 = exportPrivateKey(key);
  try {
    return {
      fingerprint: fingerprintOf(publicKey),
      publicKey: publicKey.toString('base64'),
      wrapped: sealer.seal(identity(place, publicKey), pkcs8).toString('base64'),
    };
  } finally {
    pkcs8.fill(0);
  }
}

/** Throws TamperedRecord if it was not made by {@link makeDigestKey} for this place, under these domain keys. */
export function openDigestKey(sealer: Sealer, place: DigestKeyPlace, key: WrappedDigestKey): DigestSigner {
  const publicKey = Buffer.from(key.publicKey, 'base64');
  const pkcs8 = sealer.open(identity(place, publicKey), Buffer.from(key.wrapped, 'base64'));
  let opened: KeyObject | undefined;
  try {
    opened = parsePrivateKey(SPEC, pkcs8);
  } finally {
    pkcs8.fill(0);
  }
  if (opened === undefined) throw new KeyholdError('TamperedRecord', 'a digest signing key is no private key');
  const privateKey = opened;
  return {
    fingerprint: fingerprintOf(publicKey),
    sign: (message) => signMessage(privateKey, 'pkcs1-v1.5', 'sha256', message),
  };
}

/**
 * MD5 of the public key's encoding, as the examples of AWS's ListPublicKeys have it ("Custom implementations of CloudTrail
 * log file integrity validation"). It is a name and proves nothing: whoever validates takes the key from ListPublicKeys.
 */
export function fingerprintOf(publicKey: Uint8Array): string {
  return hash('md5', publicKey, 'hex');
}

function identity({ accountId, region }: DigestKeyPlace, publicKey: Uint8Array): Buffer {
  return lengthPrefixed('digest signing key', accountId, region, publicKey);
}
