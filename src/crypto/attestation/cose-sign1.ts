import { type KeyObject, verify } from 'node:crypto';
import { encode } from 'cborg';
import { readCbor } from './cbor-reader.ts';

/** A COSE_Sign1 as the Nitro Secure Module makes it (RFC 9052 section 4.2), of which nothing is verified yet. */
export interface CoseSign1 {
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

const COSE_SIGN1_TAG = 18;
/** The map {1: -35}: the algorithm is ES384 (RFC 9053 section 2.1), and nothing else is said. */
const PROTECTED_HEADER = Buffer.from('a1013822', 'hex');
/** "attestation_process.md" of aws-nitro-enclaves-nsm-api, section 3.1. */
const PAYLOAD_MAX_BYTES = 16384;
/** r and s, one after the other (RFC 9053 section 2.1), of the curve P-384. */
const SIGNATURE_BYTES = 96;

/**
 * The structure with or without its tag.
 *
 * INVARIANT: the algorithm is not negotiated. A document with another protected header than {@link PROTECTED_HEADER}, or
 * with anything in the unprotected one, is refused before a key is looked at.
 */
export function readCoseSign1(document: Uint8Array): CoseSign1 {
  return readCbor(document, (cbor) => {
    const parts: Uint8Array[] = [];
    cbor.optionalTag(COSE_SIGN1_TAG);
    let part = 0;
    cbor.items(() => {
      if (part++ !== 1) parts.push(cbor.bytes());
      else cbor.pairs(() => refuse('the unprotected header is not empty'));
    });
    const [protectedHeader, payload, signature] = parts;
    if (part !== 4 || protectedHeader === undefined || payload === undefined || signature === undefined)
      return refuse('COSE_Sign1 does not have four parts');
    if (!PROTECTED_HEADER.equals(protectedHeader)) return refuse('the protected header is not that of ES384');
    if (payload.length < 1 || payload.length > PAYLOAD_MAX_BYTES) return refuse('the payload has a wrong size');
    if (signature.length !== SIGNATURE_BYTES) return refuse('the signature is not of 96 bytes');
    return { payload, signature };
  });
}

/** Throws unless the payload is signed by this P-384 key. */
export function verifyCoseSign1({ payload, signature }: CoseSign1, key: KeyObject): void {
  // Sig_structure (RFC 9052 section 4.4): context, protected header, external data (there is none), payload.
  const signed = encode(['Signature1', PROTECTED_HEADER, new Uint8Array(0), payload]);
  if (!verify('sha384', signed, { key, dsaEncoding: 'ieee-p1363' }, signature))
    refuse('the signature is not that of the certificate’s key');
}

function refuse(reason: string): never {
  throw new Error(reason);
}
