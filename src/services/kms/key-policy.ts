import { accountRootArn, decide, type Policy, parsePolicy } from '../../authorization/index.ts';
import { MOST_KEY_POLICY_BYTES } from '../../keys/key.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { Scope } from '../caller.ts';
import { globalCondition } from '../global-conditions.ts';

/** A key has exactly one policy, and this is its name. */
export const ONLY_POLICY_NAME = 'default';

/** What AWS gives a key that is created without a policy: its account decides ("Default key policy", developer guide). */
export function defaultKeyPolicy(accountId: string): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Id: 'key-default-1',
    Statement: [
      {
        Sid: 'Enable IAM User Permissions',
        Effect: 'Allow',
        Principal: { AWS: accountRootArn(accountId) },
        Action: 'kms:*',
        Resource: '*',
      },
    ],
  });
}

/**
 * Judges a policy that is about to become a key's. Unless the caller bypasses it, AWS's lockout safety check demands that
 * the new policy lets the caller change it again.
 */
export function checkKeyPolicy(text: string, arn: string, scope: Scope, bypassLockoutCheck: boolean | undefined): void {
  if (Buffer.byteLength(text, 'utf8') > MOST_KEY_POLICY_BYTES) {
    throw new KeyholdError('LimitExceededException', `A key policy can have at most ${MOST_KEY_POLICY_BYTES} bytes.`);
  }
  // Not by the compiler that remembers what it compiled: a policy that is refused is nothing to remember.
  const policy = parsePolicy(text, 'resource');
  if (bypassLockoutCheck !== true && !letsCallerChangeIt(policy, arn, scope)) {
    throw new KeyholdError(
      'MalformedPolicyDocumentException',
      'The new key policy will not allow you to update the key policy in the future.',
    );
  }
}

function letsCallerChangeIt(resourcePolicy: Policy, resource: string, scope: Scope): boolean {
  const { principal, identityPolicies } = scope.caller;
  const context = {
    get: (key: string) => (key === 'kms:calleraccount' ? [principal.accountId] : globalCondition(key, scope)),
  };
  const request = { principal, action: 'kms:PutKeyPolicy', resource, context };
  return decide(request, { resourcePolicy, resourceAccountId: principal.accountId, identityPolicies }).allowed;
}
