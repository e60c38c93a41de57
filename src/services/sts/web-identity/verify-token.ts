import { errors, jwtVerify } from 'jose';
import { KeyholdError } from '../../../runtime/errors.ts';
import { claimConditions } from './claim-conditions.ts';
import type { OidcProvider, ProviderKeys } from './provider-keys.ts';
import {
  ambiguousAudience,
  expired,
  noSuchProvider,
  notAnIdToken,
  notYetValid,
  wrongAudience,
  wrongSignature,
} from './refusals.ts';
import { type SessionClaims, sessionClaims } from './session-claims.ts';
import { type ClaimedToken, signatureAlgorithms } from './token-claims.ts';

/** Who a token speaks of, once its provider's signature has been verified. */
export interface WebIdentity {
  readonly subject: string;
  /** The client id that the token is for: `azp` where the token has one, else `aud`. */
  readonly audience: string;
  /** The values of the condition keys that the token brings, by the keys in lower case: `server.example.com/path:sub`. */
  readonly conditions: ReadonlyMap<string, readonly string[]>;
  readonly session: SessionClaims;
}

/** For clocks that disagree, AWS takes a token for five minutes after its expiry ("OIDC federation", IAM user guide). */
export const CLOCK_SKEW_SECONDS = 300;

/**
 * Believes a token, or throws. What costs nothing comes first, so that only tokens that would do otherwise make the provider
 * be asked for its keys.
 *
 * @throws KeyholdError InvalidIdentityTokenException, ExpiredTokenException, IDPCommunicationErrorException
 */
export async function verifyToken(
  claimed: ClaimedToken,
  provider: OidcProvider,
  keys: ProviderKeys,
  nowMs: number,
): Promise<WebIdentity> {
  if (claimed.issuer !== provider.url) throw noSuchProvider(claimed.issuer);
  const audience = audienceOf(claimed);
  if (!provider.clientIds.includes(audience)) throw wrongAudience();
  const now = Math.floor(nowMs / 1000);
  if (now >= claimed.expiry + CLOCK_SKEW_SECONDS) throw expired(now, claimed.expiry);
  if (now < claimed.begin - CLOCK_SKEW_SECONDS) throw notYetValid(now, claimed.begin);
  await verifySignature(claimed.token, provider, keys, nowMs);

  return {
    subject: claimed.subject,
    audience,
    conditions: claimConditions(claimed, audience),
    session: sessionClaims(claimed.claims),
  };
}

/**
 * AWS takes `azp` where there is one, whatever `aud` says then ("Available keys for AWS OIDC federation", IAM user guide).
 * A token for several audiences must have it: OpenID Connect Core 1.0, section 3.1.3.7.
 */
function audienceOf({ authorizedParty, audiences }: ClaimedToken): string {
  if (authorizedParty !== undefined) return authorizedParty;
  const [audience, another] = audiences;
  if (audience === undefined || another !== undefined) throw ambiguousAudience();
  return audience;
}

/** What was read of the token is what its signature is over: the same text. jose looks at issuer and times once more. */
async function verifySignature(
  token: string,
  provider: OidcProvider,
  keys: ProviderKeys,
  nowMs: number,
): Promise<void> {
  try {
    await jwtVerify(token, keys.of(provider, nowMs), {
      algorithms: [...signatureAlgorithms],
      issuer: provider.url,
      currentDate: new Date(nowMs),
      clockTolerance: CLOCK_SKEW_SECONDS,
    });
  } catch (error) {
    if (error instanceof KeyholdError) throw error;
    if (error instanceof errors.JWSSignatureVerificationFailed) throw wrongSignature(error);
    throw notAnIdToken(error);
  }
}
