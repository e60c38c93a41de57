import { KeyholdError } from '../runtime/errors.ts';
import type { MaybePromise } from '../runtime/maybe-promise.ts';
import type { Caller } from '../services/caller.ts';
import { rootCaller } from '../services/iam/callers.ts';
import type { Credential, Credentials } from '../services/iam/credentials.ts';
import type { LiveSessions } from '../services/sts/sessions/live-sessions.ts';
import { invalidToken } from '../wire/sigv4/invalid-token.ts';
import { parseSignature } from '../wire/sigv4/parse-signature.ts';
import type { ParsedSignature, SignedRequest } from '../wire/sigv4/signed-request.ts';
import { SigningKeyCache } from '../wire/sigv4/signing-key.ts';
import { checkSignatureClaims, isRegionName, verifySignature } from '../wire/sigv4/verify-signature.ts';

export interface Authenticated {
  readonly caller: Caller;
  /** The Region of the signature's scope. */
  readonly region: string;
}

/** The one choke point of authentication: no operation runs for a request that this has not let through. */
export type Authenticator = (request: SignedRequest, service: string, nowMs: number) => Promise<Authenticated>;

/** Verifies AWS Signature Version 4 against the stored access keys, and against session tokens. */
export function signatureAuthenticator(accessKeys: Credentials, sessions: LiveSessions): Authenticator {
  const signingKeys = new SigningKeyCache();
  return async (request, service, nowMs) => {
    const parsed = parseSignature(request);
    const expectation = { service, now: nowMs };
    checkSignatureClaims(parsed, expectation);
    const credential = await findCredential(parsed, accessKeys, sessions, nowMs);
    if (credential === undefined) throw invalidToken();
    verifySignature(request, parsed, credential, { ...expectation, signingKeys });
    refuseToIam(credential.caller, service);
    return { caller: credential.caller, region: parsed.scope.region };
  };
}

/**
 * INVARIANT: who comes with a session token is known by it alone, and who comes without one by an access key that is
 * stored: the key of a session is not stored, and the token of a session opens for no other.
 */
function findCredential(
  { scope, sessionToken }: ParsedSignature,
  accessKeys: Credentials,
  sessions: LiveSessions,
  nowMs: number,
): MaybePromise<Credential | undefined> {
  const { accessKeyId } = scope;
  return sessionToken === undefined ? accessKeys.find(accessKeyId) : sessions.find(sessionToken, accessKeyId, nowMs);
}

/**
 * "You cannot call any IAM API operations unless MFA authentication information is included in the request" with the
 * credentials of GetSessionToken, and never with those of GetFederationToken (their API references). There are no MFA
 * devices here.
 */
function refuseToIam({ session }: Caller, service: string): void {
  if (service === 'iam' && session !== undefined && session.kind !== 'role') throw invalidToken();
}

const SANDBOX_ACCOUNT_ID = '000000000000';

/**
 * The sandbox believes any signature, of any time and for any service, and so any access key id: one that IAM knows acts as
 * whoever has it, with its policies, and a session token of ours as its session. Any other is a stranger's, with or without
 * a token: root of account 000000000000, or of the account that a 12-digit access key id names. The scope is still read,
 * for it names the Region, which becomes part of ARNs.
 */
export function sandboxAuthenticator(accessKeys: Credentials, sessions: LiveSessions): Authenticator {
  return async (request, service, nowMs) => {
    const { scope, sessionToken } = parseSignature(request);
    const { accessKeyId, region } = scope;
    if (!isRegionName(region)) {
      throw new KeyholdError('InvalidSignatureException', 'Credential should be scoped to a valid region. ');
    }
    const known =
      (sessionToken && (await sessions.find(sessionToken, accessKeyId, nowMs))) ||
      (accessKeyId.startsWith('AKIA') && (await findKnown(accessKeyId, accessKeys)));
    const caller = known ? known.caller : stranger(accessKeyId);
    refuseToIam(caller, service);
    return { caller, region };
  };
}

/** Whoever's key is inactive is refused, and does not become root. */
async function findKnown(accessKeyId: string, accessKeys: Credentials): Promise<Credential | undefined> {
  const found = await accessKeys.find(accessKeyId);
  if (found === undefined && (await accessKeys.exists(accessKeyId))) throw invalidToken();
  return found;
}

function stranger(accessKeyId: string): Caller {
  const accountId = /^\d{12}$/.test(accessKeyId) ? accessKeyId : SANDBOX_ACCOUNT_ID;
  return { ...rootCaller(accountId, accessKeyId), isStranger: true };
}
