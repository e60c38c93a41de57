import { KeyholdError } from '../../../runtime/errors.ts';

/**
 * Why a web identity token is refused, in AWS's words where an answer of AWS is on record (developers' reports, and "Resolve
 * errors with OIDC federation" of AWS re:Post); the two spaces in one of them are AWS's. Of a wrong signature, of a token that
 * is not yet valid and of an unusable claim none is, so that those words are ours.
 */

export function notAnIdToken(cause?: unknown): KeyholdError {
  return invalid(
    'The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)',
    cause,
  );
}

export function missingClaim(claim: string): KeyholdError {
  return invalid(`Missing a required claim: ${claim}`);
}

export function unusableClaim(claim: string): KeyholdError {
  return invalid(`Invalid value of the claim: ${claim}`);
}

export function issuerIsNoUrl(): KeyholdError {
  return invalid('Issuer must be a valid URL');
}

export function noSuchProvider(issuer: string): KeyholdError {
  return invalid(`No OpenIDConnect provider found in your account for ${issuer}`);
}

export function wrongAudience(): KeyholdError {
  return invalid('Incorrect token audience');
}

export function ambiguousAudience(): KeyholdError {
  return invalid('Token audience contains more than one audience while authorized party is not present');
}

export function malformedTags(): KeyholdError {
  return invalid('Session tags passed in claim are not in correct format.');
}

export function wrongSignature(cause?: unknown): KeyholdError {
  return invalid('Token signature invalid', cause);
}

/** Times are in seconds since the Unix epoch, UTC, as they are in tokens. */
export function expired(now: number, expiry: number): KeyholdError {
  return new KeyholdError(
    'ExpiredTokenException',
    `Token expired: current date/time ${now} must be before the expiration date/time ${expiry}`,
  );
}

export function notYetValid(now: number, begin: number): KeyholdError {
  return invalid(`Token not yet valid: current date/time ${now} must not be before the date/time ${begin}`);
}

/** The provider answers, but not with a key that this token could be verified with. */
export function noVerificationKey(cause?: unknown): KeyholdError {
  return invalid(
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
    cause,
  );
}

export function untrustedCertificate(cause?: unknown): KeyholdError {
  return invalid("OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint", cause);
}

/** Nobody answers. Clients try again after this one, which is why it is not the one above. */
export function providerUnreachable(cause?: unknown): KeyholdError {
  return new KeyholdError('IDPCommunicationErrorException', 'Error communicating with IDP', { cause });
}

function invalid(message: string, cause?: unknown): KeyholdError {
  return new KeyholdError('InvalidIdentityTokenException', message, { cause });
}
