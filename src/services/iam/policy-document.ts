import { policySize } from '../../authorization/index.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { InlinePolicy } from './records.ts';

/** Of all inline policies of one of them together, white space not counted ("IAM and AWS STS quotas", IAM user guide). */
export const mostInlineCharacters = { User: 2048, Group: 5120, Role: 10_240 } as const;

/** Refuses the inline policies that somebody is to have, where there is more of them than AWS's quota. */
export function refuseLargerPolicies(
  kind: keyof typeof mostInlineCharacters,
  name: string,
  policies: readonly InlinePolicy[],
): void {
  const most = mostInlineCharacters[kind];
  const size = policies.reduce((sum, { document }) => sum + policySize(document), 0);
  if (size <= most) return;
  const bearer = `${kind.toLowerCase()} ${name}`;
  throw new KeyholdError('LimitExceededException', `Maximum policy size of ${most} bytes exceeded for ${bearer}`);
}

/**
 * A policy as IAM answers it: "URL-encoded compliant with RFC 3986" (API reference). Beyond what JavaScript encodes, RFC
 * 3986 reserves these characters (section 2.2).
 */
export function urlEncodedPolicy(document: string): string {
  return encodeURIComponent(document).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
