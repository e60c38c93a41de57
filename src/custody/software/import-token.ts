import type { WrappingAlgorithm, WrappingKeySpec } from '../../crypto/key-wrapping.ts';
import { invariant, KeyholdError } from '../../runtime/errors.ts';

/**
 * What an import token holds, before it is sealed (`docs/formats/import-token.md`):
 *
 *     version (1) ‖ algorithm (1) ‖ wrapping key spec (1) ‖ valid to, milliseconds (8) ‖ private key, PKCS#8
 */
export interface ImportToken {
  readonly validToMs: number;
  readonly algorithm: WrappingAlgorithm;
  readonly wrappingKeySpec: WrappingKeySpec;
  /** PKCS#8 in DER, the holder's to wipe. */
  readonly privateKey: Buffer;
}

const VERSION = 1;
const HEADER_BYTES = 11;

/** By their numbers in tokens, from 1. A number keeps its meaning for as long as there may be tokens: a day. */
const algorithmsByNumber: readonly WrappingAlgorithm[] = [
  'RSAES_OAEP_SHA_1',
  'RSAES_OAEP_SHA_256',
  'RSA_AES_KEY_WRAP_SHA_1',
  'RSA_AES_KEY_WRAP_SHA_256',
  'SM2PKE',
];
const specsByNumber: readonly WrappingKeySpec[] = ['RSA_2048', 'RSA_3072', 'RSA_4096', 'SM2'];

/** The caller wipes what this gives. */
export function encodeToken({ validToMs, algorithm, wrappingKeySpec, privateKey }: ImportToken): Buffer {
  const encoded = Buffer.alloc(HEADER_BYTES + privateKey.length);
  encoded[0] = VERSION;
  encoded[1] = numberOf(algorithmsByNumber, algorithm);
  encoded[2] = numberOf(specsByNumber, wrappingKeySpec);
  encoded.writeBigUInt64BE(BigInt(validToMs), 3);
  encoded.set(privateKey, HEADER_BYTES);
  return encoded;
}

/** Reads what has been opened, and so was written here. Throws TamperedRecord if it is of another version all the same. */
export function decodeToken(encoded: Buffer): ImportToken {
  const algorithm = algorithmsByNumber[(encoded[1] ?? 0) - 1];
  const wrappingKeySpec = specsByNumber[(encoded[2] ?? 0) - 1];
  if (encoded[0] !== VERSION || algorithm === undefined || wrappingKeySpec === undefined) {
    throw new KeyholdError('TamperedRecord', 'the import token is of no version that is known here');
  }
  const validToMs = Number(encoded.readBigUInt64BE(3));
  return { validToMs, algorithm, wrappingKeySpec, privateKey: encoded.subarray(HEADER_BYTES) };
}

function numberOf<T>(byNumber: readonly T[], value: T): number {
  const index = byNumber.indexOf(value);
  invariant(index >= 0, 'all values have numbers');
  return index + 1;
}
