import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose';
import { issuerIsNoUrl, missingClaim, notAnIdToken, unusableClaim } from './refusals.ts';

/** AWS's list (API reference of AssumeRoleWithWebIdentity). INVARIANT: no HMAC, whose key the provider publishes, and no `none`. */
export const signatureAlgorithms: readonly string[] = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512'];

/** OpenID Connect Core 1.0, section 2. */
const LONGEST_SUBJECT = 255;

/** What a token says of itself. INVARIANT: nothing here is to be believed before `verify-token.ts` has. */
export interface ClaimedToken {
  readonly token: string;
  readonly issuer: string;
  readonly subject: string;
  /** `aud`: whom the token is for. */
  readonly audiences: readonly string[];
  /** `azp`: to whom it was issued, where the token says so. */
  readonly authorizedParty?: string;
  /** Seconds since the Unix epoch, UTC. */
  readonly expiry: number;
  /** The later of `iat` and `nbf`, in seconds since the Unix epoch, UTC. */
  readonly begin: number;
  /** All of them. */
  readonly claims: Claims;
}

export type Claims = Readonly<Record<string, unknown>>;

/** @throws KeyholdError InvalidIdentityTokenException */
export function readToken(token: string): ClaimedToken {
  const claims: Claims = decode(token);
  // In the order in which AWS misses them.
  const issuer = text(claims, 'iss');
  if (!URL.canParse(issuer)) throw issuerIsNoUrl();
  const subject = text(claims, 'sub');
  if (subject.length > LONGEST_SUBJECT) throw unusableClaim('sub');
  const audiences = readAudiences(claims);
  const issuedAt = seconds(claims, 'iat');
  const expiry = seconds(claims, 'exp');
  const authorizedParty = claim(claims, 'azp') === undefined ? undefined : text(claims, 'azp');
  return {
    token,
    issuer,
    subject,
    audiences,
    ...(authorizedParty === undefined ? {} : { authorizedParty }),
    expiry,
    begin: claim(claims, 'nbf') === undefined ? issuedAt : Math.max(issuedAt, seconds(claims, 'nbf')),
    claims,
  };
}

/** As everywhere in requests, a lone surrogate is none: JSON can spell it, but nothing that it is written to can hold it. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed();
}

/** A claim of the token itself, whatever its name. */
export function claim(claims: Claims, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}

function decode(token: string): JWTPayload {
  try {
    const { alg = 'none' } = decodeProtectedHeader(token);
    // AWS says of such a token the same as of one that is none.
    if (!signatureAlgorithms.includes(alg)) throw new Error(`tokens are not signed with ${alg}`);
    return decodeJwt(token);
  } catch (cause) {
    throw notAnIdToken(cause);
  }
}

function required(claims: Claims, name: string): unknown {
  const value = claim(claims, name);
  if (value === undefined || value === null) throw missingClaim(name);
  return value;
}

function text(claims: Claims, name: string): string {
  const value = required(claims, name);
  if (!isText(value) || value === '') throw unusableClaim(name);
  return value;
}

/** AWS: "Timestamps in the token must be formatted as either an integer or a long integer." */
function seconds(claims: Claims, name: string): number {
  const value = required(claims, name);
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw unusableClaim(name);
  return value;
}

function readAudiences(claims: Claims): string[] {
  const value = required(claims, 'aud');
  const audiences: unknown[] = Array.isArray(value) ? value : [value];
  if (!isNonEmptyTexts(audiences)) throw unusableClaim('aud');
  return audiences;
}

function isNonEmptyTexts(values: unknown[]): values is string[] {
  return values.length > 0 && values.every((value) => isText(value) && value !== '');
}
