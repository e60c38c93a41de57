import { hash } from 'node:crypto';
import { KeyholdError } from '../../runtime/errors.ts';

/** The pieces of an `Authorization` header, each undefined where it is missing. */
export interface AuthorizationHeader {
  readonly algorithm: string;
  readonly credential: string | undefined;
  readonly signedHeaders: string | undefined;
  readonly signature: string | undefined;
}

/**
 * Takes `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…` apart. As at AWS, parameters come in any order,
 * are separated by commas or spaces or both, the last of a name wins, and names that nobody knows are passed over.
 *
 * @throws IncompleteSignatureException where a parameter has no equal-sign
 */
export function parseAuthorizationHeader(header: string): AuthorizationHeader {
  const firstSpace = header.indexOf(' ');
  const algorithm = firstSpace === -1 ? header : header.slice(0, firstSpace);
  let credential: string | undefined;
  let signedHeaders: string | undefined;
  let signature: string | undefined;

  for (let start = algorithm.length; start < header.length; ) {
    const first = header.charCodeAt(start);
    if (first === 0x20 || first === 0x2c) {
      start++;
      continue;
    }
    const end = endOfParameter(header, start);
    const equals = header.indexOf('=', start);
    if (equals === -1 || equals >= end) {
      throw new KeyholdError(
        'IncompleteSignatureException',
        `Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '${authorizationHash(header)}'.`,
      );
    }
    const value = header.slice(equals + 1, end);
    if (header.startsWith('Credential=', start)) credential = value;
    else if (header.startsWith('SignedHeaders=', start)) signedHeaders = value;
    else if (header.startsWith('Signature=', start)) signature = value;
    start = end;
  }
  return { algorithm, credential, signedHeaders, signature };
}

/** How AWS shows an Authorization header in an error: it once showed the header itself, but signatures are to be kept. */
export function authorizationHash(header: string): string {
  return hash('sha256', Buffer.from(header, 'latin1'), 'base64');
}

function endOfParameter(header: string, start: number): number {
  const comma = header.indexOf(',', start);
  const end = comma === -1 ? header.length : comma;
  const space = header.indexOf(' ', start);
  return space === -1 || space > end ? end : space;
}
