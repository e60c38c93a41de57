import { KeyholdError } from '../runtime/errors.ts';
import type { Caller } from '../services/caller.ts';
import { rootCaller } from '../services/iam/callers.ts';
import type { Credentials } from '../services/iam/credentials.ts';
import { parseSignature } from '../wire/sigv4/parse-signature.ts';
import type { SignedRequest } from '../wire/sigv4/signed-request.ts';
import { SigningKeyCache } from '../wire/sigv4/signing-key.ts';
import { checkSignatureClaims, isRegionName, verifySignature } from '../wire/sigv4/verify-signature.ts';

export interface Authenticated {
  readonly caller: Caller;
  /** The Region of the signature's scope. */
  readonly region: string;
}

/** The one choke point of authentication: no operation runs for a request that this has not let through. */
export type Authenticator = (request: SignedRequest, service: string, nowMs: number) => Promise<Authenticated>;

/** Verifies AWS Signature Version 4 against the stored access keys. */
export function signatureAuthenticator(credentials: Credentials): Authenticator {
  const signingKeys = new SigningKeyCache();
  return async (request, service, nowMs) => {
    const parsed = parseSignature(request);
    const expectation = { service, now: nowMs };
    checkSignatureClaims(parsed, expectation);
    const credential = await credentials.find(parsed.scope.accessKeyId);
    // No temporary credentials are issued yet, so no session token can be one of ours.
    if (credential === undefined || parsed.sessionToken !== undefined) {
      throw new KeyholdError('UnrecognizedClientException', 'The security token included in the request is invalid.');
    }
    verifySignature(request, parsed, credential, { ...expectation, signingKeys });
    return { caller: credential.caller, region: parsed.scope.region };
  };
}

const SANDBOX_ACCOUNT_ID = '000000000000';

/**
 * The sandbox believes any access key with any signature: the caller is root of account 000000000000, or of the account
 * that a 12-digit access key id names. The scope is still read, for it names the Region, which becomes part of ARNs.
 */
export function sandboxAuthenticator(): Authenticator {
  return async (request) => {
    const { scope } = parseSignature(request);
    if (!isRegionName(scope.region)) {
      throw new KeyholdError('InvalidSignatureException', 'Credential should be scoped to a valid region. ');
    }
    const accountId = /^\d{12}$/.test(scope.accessKeyId) ? scope.accessKeyId : SANDBOX_ACCOUNT_ID;
    return { caller: rootCaller(accountId, scope.accessKeyId), region: scope.region };
  };
}
