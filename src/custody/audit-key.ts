import type { KeyObject } from 'node:crypto';
import { lengthPrefixed } from '../crypto/canonical.ts';
import { signPure } from '../crypto/ed25519.ts';
import { exportPrivateKey, generateKeyPair, parsePrivateKey, publicKeyOf } from '../crypto/key-pair.ts';
import { KeyholdError } from '../runtime/errors.ts';
import type { Sealer } from './domain-keys.ts';

/**
 * The key that signs the heads of the audit streams: Ed25519 (RFC 8032), one for each deployment, and for nothing else.
 * Its private half is sealed under the domain keys; whoever has the public one can verify without them.
 */
const SPEC = 'ECC_NIST_EDWARDS25519';

export interface WrappedAuditKey {
  /** SubjectPublicKeyInfo in DER, in base64. */
  readonly publicKey: string;
  /** The private key as PKCS#8, sealed, in base64. */
  readonly wrapped: string;
}

export interface AuditSigner {
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Buffer;
  sign(message: Uint8Array): Buffer;
}

/** @param sealer of the purpose `audit signing key` */
export async function makeAuditKey(sealer: Sealer): Promise<WrappedAuditKey> {
  const key = await generateKeyPair(SPEC);
  const publicKey = publicKeyOf(key);
  const pkcs8 = exportPrivateKey(key);
  try {
    return {
      publicKey: publicKey.toString('base64'),
      wrapped: sealer.seal(identity(publicKey), pkcs8).toString('base64'),
    };
  } finally {
    pkcs8.fill(0);
  }
}

/** Throws TamperedRecord if it was not made by {@link makeAuditKey} under these domain keys. */
export function openAuditKey(sealer: Sealer, { publicKey, wrapped }: WrappedAuditKey): AuditSigner {
  const spki = Buffer.from(publicKey, 'base64');
  const pkcs8 = sealer.open(identity(spki), Buffer.from(wrapped, 'base64'));
  let key: KeyObject | undefined;
  try {
    key = parsePrivateKey(SPEC, pkcs8);
  } finally {
    pkcs8.fill(0);
  }
  if (key === undefined) throw new KeyholdError('TamperedRecord', 'the audit signing key is no private key');
  const privateKey = key;
  return { publicKey: spki, sign: (message) => signPure(privateKey, message) };
}

function identity(publicKey: Uint8Array): Buffer {
  return lengthPrefixed('audit signing key', publicKey);
}
