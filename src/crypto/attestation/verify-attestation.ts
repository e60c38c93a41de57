import { createPublicKey, type KeyObject } from 'node:crypto';
import { KeyholdError } from '../../runtime/errors.ts';
import { type AttestationDocument, readAttestationDocument } from './attestation-document.ts';
import { verifyCertificateChain } from './certificate-chain.ts';
import { readCoseSign1, verifyCoseSign1 } from './cose-sign1.ts';
import type { TrustedRoots } from './trusted-roots.ts';

/** What a verified attestation document says of the enclave that asks. */
export interface Attestation {
  readonly moduleId: string;
  readonly timestampMs: number;
  /** Platform configuration registers by their index, in lower-case hex. */
  readonly pcrs: ReadonlyMap<number, string>;
  /** The digest of the enclave's image, which is PCR0, in lower-case hex. */
  readonly imageSha384: string | undefined;
  /** The RSA key for which the answer is encrypted. */
  readonly publicKey: KeyObject;
  readonly userData: Uint8Array | undefined;
  readonly nonce: Uint8Array | undefined;
}

export interface AttestationOptions {
  readonly roots: TrustedRoots;
  readonly nowMs: number;
}

/**
 * AWS does not document for how long KMS takes a document; those who call it from enclaves report five minutes. The
 * signer's certificate, which is checked too, would allow three hours.
 */
const MAX_AGE_MS = 5 * 60_000;
/** How far the hypervisor's clock may be ahead of ours. */
const CLOCK_SKEW_MS = 60_000;

const RSA_MODULUS_BITS = { least: 2048, most: 4096 };
/**
 * NIST SP 800-56B section 6.2 asks for an odd exponent above 2^16. The upper bound is OpenSSL's for large moduli: with a
 * larger one, encryption would fail later, and as a fault of ours.
 */
const RSA_EXPONENT = { least: 65537n, below: 2n ** 64n };

/**
 * Verifies the `AttestationDocument` of a request's `Recipient`: form, age, certificate chain, signature and public key.
 *
 * INVARIANT: there is one refusal, ValidationException in one wording, whatever was wrong. What it was is in its cause,
 * for the log. AWS names no exception of its own for it and publishes no text.
 */
export function verifyAttestation(document: Uint8Array, { roots, nowMs }: AttestationOptions): Attestation {
  try {
    const { moduleId, timestampMs, pcrs, publicKey, userData, nonce } = verifySignedDocument(document, roots, nowMs);
    return {
      ...{ moduleId, timestampMs, pcrs, imageSha384: pcrs.get(0) },
      ...{ publicKey: readRecipientKey(publicKey), userData, nonce },
    };
  } catch (cause) {
    throw new KeyholdError('ValidationException', 'The attestation document in the request is not valid.', { cause });
  }
}

/**
 * All but the public key, which only a recipient needs. Throws an `Error`. What costs least comes first: a replayed document
 * ends at its age, before any signature is looked at.
 */
export function verifySignedDocument(document: Uint8Array, roots: TrustedRoots, nowMs: number): AttestationDocument {
  const signed = readCoseSign1(document);
  const claims = readAttestationDocument(signed.payload);
  if (claims.timestampMs < nowMs - MAX_AGE_MS) throw new Error('the document is too old');
  if (claims.timestampMs > nowMs + CLOCK_SKEW_MS) throw new Error('the document is from the future');
  verifyCoseSign1(signed, verifyCertificateChain(claims.cabundle, claims.certificate, roots, nowMs));
  return claims;
}

function readRecipientKey(spki: Uint8Array | undefined): KeyObject {
  if (spki === undefined) throw new Error('there is no public_key');
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  if (key.asymmetricKeyType !== 'rsa') throw new Error('public_key is not an RSA key');
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < RSA_MODULUS_BITS.least || modulusLength > RSA_MODULUS_BITS.most)
    throw new Error('public_key has too few or too many bits');
  if (publicExponent < RSA_EXPONENT.least || publicExponent >= RSA_EXPONENT.below || publicExponent % 2n === 0n)
    throw new Error('public_key has an unusual exponent');
  if (isEven(key.export({ format: 'jwk' }).n)) throw new Error('public_key has an even modulus');
  return key;
}

/** An even modulus is no product of two large primes, and OpenSSL does not encrypt with it. */
function isEven(base64url: string | undefined): boolean {
  return ((Buffer.from(base64url ?? '', 'base64url').at(-1) ?? 0) & 1) === 0;
}
