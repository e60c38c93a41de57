import { type Policy, parsePolicy } from '../authorization/index.ts';
import type { Caller, Scope } from './caller.ts';

/** Callers and their requests, for tests below the wire. */
export const ACCOUNT = '111122223333';
export const OTHER_ACCOUNT = '444455556666';
export const REGION = 'us-east-1';
export const NOW = Date.UTC(2026, 10, 22, 10, 30, 15, 250);

export const administratorAccess = policy({ Effect: 'Allow', Action: '*', Resource: '*' });

/** An identity policy with these statements. */
export function policy(...statements: readonly object[]): Policy {
  return parsePolicy(JSON.stringify({ Version: '2012-10-17', Statement: statements }), 'identity');
}

/** The text of a key policy with these statements. */
export function keyPolicy(...statements: readonly object[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}

export function user(
  userName: string,
  { accountId = ACCOUNT, identityPolicies = [] as readonly Policy[] } = {},
): Caller {
  const arn = `arn:aws:iam::${accountId}:user/${userName}`;
  const id = `AIDA${userName.toUpperCase().padEnd(17, 'X')}`;
  return {
    principal: { type: 'User', arn, accountId, id },
    identityPolicies,
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    userName,
    auditIdentity: { type: 'IAMUser', principalId: id, arn, accountId, accessKeyId: 'AKIAIOSFODNN7EXAMPLE', userName },
  };
}

export const administrator: Caller = user('administrator', { identityPolicies: [administratorAccess] });

/** A request of this caller, in {@link REGION} at {@link NOW} unless told otherwise. */
export function scopeOf(caller: Caller, more: Partial<Scope> = {}): Scope {
  return {
    caller,
    region: REGION,
    nowMs: NOW,
    sourceIp: '192.0.2.7',
    secureTransport: false,
    userAgent: 'test/1.0',
    ...more,
  };
}
