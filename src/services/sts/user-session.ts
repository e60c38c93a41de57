import type { Scope } from '../caller.ts';
import type { UserIdentity } from './sessions/session.ts';

/** What GetSessionToken and GetFederationToken have in common: whom they make a session for, and how long it lasts. */

const USUAL_DURATION_SECONDS = 43_200;
/** "If the duration is longer than one hour, the session for AWS account owners defaults to one hour." */
const MOST_SECONDS_OF_ROOT = 3600;

export function durationOfUserSession(seconds: number = USUAL_DURATION_SECONDS, { caller }: Scope): number {
  return caller.principal.type === 'Root' ? Math.min(seconds, MOST_SECONDS_OF_ROOT) : seconds;
}

/** Nothing for root. */
export function userIdentityOf({ caller }: Scope): { readonly user?: UserIdentity } {
  const { userName, principal } = caller;
  return userName === undefined ? {} : { user: { userName, userId: principal.id } };
}
