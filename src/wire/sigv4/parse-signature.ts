import { KeyholdError } from '../../runtime/errors.ts';
import { type AuthorizationHeader, authorizationHash, parseAuthorizationHeader } from './authorization-header.ts';
import { hasQueryParameter } from './canonical-request.ts';
import { invalidToken } from './invalid-token.ts';
import type { CredentialScope, ParsedSignature, SignedRequest } from './signed-request.ts';
import { formatIsoBasic, parseHttpDate, parseIsoBasic } from './timestamp.ts';

const MAX_AUTHORIZATION_LENGTH = 8192;
const MAX_SIGNED_HEADERS = 100;
const MAX_SCOPE_ELEMENT_LENGTH = 128;

/**
 * Reads what a request says of its own signature, so that its credential can be looked up. Proves nothing: see
 * `verifySignature`.
 *
 * Errors and their order are those AWS's JSON services answer with. Presigned requests (`X-Amz-Algorithm` in the query)
 * are not served here and count as unsigned.
 *
 * @throws MissingAuthenticationTokenException, IncompleteSignatureException, InvalidSignatureException for a request
 *   that is signed in two ways, UnrecognizedClientException for an access key id that nobody can have
 */
export function parseSignature(request: SignedRequest): ParsedSignature {
  const headers = readSigningHeaders(request.rawHeaders);
  const { authorization } = headers;
  const presigned = hasQueryParameter(request.target, 'X-Amz-Algorithm');
  if (authorization && presigned) {
    throw new KeyholdError(
      'InvalidSignatureException',
      "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
    );
  }
  if (!authorization) throw new KeyholdError('MissingAuthenticationTokenException', 'Missing Authentication Token');
  if (headers.duplicate !== undefined) {
    // Two parties that read different ones of two headers disagree on what was signed, so neither is believed.
    throw incomplete(`'${headers.duplicate}' must not appear more than once in a signed request.`);
  }
  if (authorization.length > MAX_AUTHORIZATION_LENGTH) {
    throw incomplete(`Authorization header must not be longer than ${MAX_AUTHORIZATION_LENGTH} characters.`);
  }

  const { algorithm, credential, signedHeaders, signature } = parseAuthorizationHeader(authorization);
  const date = headers.amzDate || headers.date;
  // An empty SignedHeaders is there, but lacks the host, and is refused for that.
  if (!credential || !signature || signedHeaders === undefined || !date) {
    throw missingParameters(authorization, { algorithm, credential, signedHeaders, signature }, date);
  }
  const timestamp = parseIsoBasic(date) ?? (headers.amzDate ? undefined : parseHttpDate(date));
  if (timestamp === undefined) {
    throw incomplete(
      `Date must be in ISO-8601 'basic format'. Got '${date}'. See http://en.wikipedia.org/wiki/ISO_8601`,
    );
  }
  if (algorithm !== 'AWS4-HMAC-SHA256') {
    throw incomplete(`Unsupported AWS 'algorithm': '${algorithm}' (only AWS4-HMAC-SHA256 for now). `);
  }
  const signedHeaderNames = signedHeaders.split(';');
  if (signedHeaderNames.length > MAX_SIGNED_HEADERS) {
    throw incomplete(`SignedHeaders must not name more than ${MAX_SIGNED_HEADERS} headers.`);
  }
  return {
    scope: parseCredential(credential),
    credential,
    signedHeaders: signedHeaderNames,
    signedHeadersText: signedHeaders,
    signature,
    timestamp,
    timestampText: date.length === 16 ? date : formatIsoBasic(timestamp),
    sessionToken: headers.securityToken,
    headerNames: headers.names,
  };
}

interface SigningHeaders {
  readonly names: string[];
  readonly authorization: string | undefined;
  readonly amzDate: string | undefined;
  readonly date: string | undefined;
  readonly securityToken: string | undefined;
  /** The first header seen twice of those that decide who asks, for what, when and where. */
  readonly duplicate: string | undefined;
}

function readSigningHeaders(rawHeaders: readonly string[]): SigningHeaders {
  const names: string[] = [];
  let authorization: string | undefined;
  let amzDate: string | undefined;
  let date: string | undefined;
  let host: string | undefined;
  let target: string | undefined;
  let securityToken: string | undefined;
  let duplicate: string | undefined;

  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] as string).toLowerCase();
    const value = rawHeaders[index + 1] as string;
    names.push(name);
    // By length first: it tells most names apart without comparing characters.
    switch (name.length) {
      case 4:
        if (name === 'host') {
          if (host !== undefined) duplicate ??= 'Host';
          host = value;
        } else if (name === 'date') {
          if (date !== undefined) duplicate ??= 'Date';
          date = value;
        }
        break;
      case 10:
        if (name !== 'x-amz-date') break;
        if (amzDate !== undefined) duplicate ??= 'X-Amz-Date';
        amzDate = value;
        break;
      case 12:
        if (name !== 'x-amz-target') break;
        if (target !== undefined) duplicate ??= 'X-Amz-Target';
        target = value;
        break;
      case 13:
        if (name !== 'authorization') break;
        if (authorization !== undefined) duplicate ??= 'Authorization';
        authorization = value;
        break;
      case 20:
        if (name !== 'x-amz-security-token') break;
        if (securityToken !== undefined) duplicate ??= 'X-Amz-Security-Token';
        securityToken = value;
        break;
    }
  }
  return { names, authorization, amzDate, date, securityToken, duplicate };
}

function parseCredential(credential: string): CredentialScope {
  const elements = credential.split('/');
  if (elements.length !== 5) {
    throw incomplete(
      `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${credential}'`,
    );
  }
  const [accessKeyId, date, region, service, terminator] = elements as [string, string, string, string, string];
  if (credential.length > MAX_SCOPE_ELEMENT_LENGTH && elements.some((part) => part.length > MAX_SCOPE_ELEMENT_LENGTH)) {
    throw incomplete(`Credential must not have elements longer than ${MAX_SCOPE_ELEMENT_LENGTH} characters.`);
  }
  // Any other name may be somebody's: in the sandbox all are, and elsewhere the look-up finds out.
  if (accessKeyId === '') throw invalidToken();
  return { accessKeyId, date, region, service, terminator };
}

function missingParameters(authorization: string, header: AuthorizationHeader, date: string | undefined): KeyholdError {
  let message = '';
  if (!header.credential) message += "Authorization header requires 'Credential' parameter. ";
  if (!header.signature) message += "Authorization header requires 'Signature' parameter. ";
  if (header.signedHeaders === undefined) message += "Authorization header requires 'SignedHeaders' parameter. ";
  if (!date) message += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
  const digest = authorizationHash(authorization);
  return incomplete(`${message}(Hashed with SHA-256 and encoded with Base64) Authorization=${digest}`);
}

function incomplete(message: string): KeyholdError {
  return new KeyholdError('IncompleteSignatureException', message);
}
