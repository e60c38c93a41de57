import { accountRootArn, decide, invalidPrincipal, type Policy, parsePolicy } from '../../authorization/index.ts';
import { type KeyIdentity, keyArn, MOST_KEY_POLICY_BYTES } from '../../keys/key.ts';
import type { KeyPolicyRecord, PrincipalIds } from '../../keys/tables.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { Scope } from '../caller.ts';
import { globalCondition } from '../global-conditions.ts';
import { namedPrincipals } from '../iam/principals.ts';
import { policiesOf } from '../policies-of.ts';
import type { KmsPorts } from './ports.ts';

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

/** What is about to become a key's policy. */
export interface NewKeyPolicy {
  readonly text: string;
  readonly keyArn: string;
  readonly bypassLockoutCheck: boolean | undefined;
}

/**
 * Judges a new policy, and gives it as it is to be stored: with the ids of whom it names. Unless the caller bypasses it,
 * AWS's lockout safety check demands that the policy lets the caller change it again.
 *
 * @throws KeyholdError LimitExceededException, MalformedPolicyDocumentException
 */
export async function judgedKeyPolicy(
  { text, keyArn: resource, bypassLockoutCheck }: NewKeyPolicy,
  scope: Scope,
  ports: Pick<KmsPorts, 'store' | 'unknownPrincipals'>,
): Promise<KeyPolicyRecord> {
  if (Buffer.byteLength(text, 'utf8') > MOST_KEY_POLICY_BYTES) {
    throw new KeyholdError('LimitExceededException', `A key policy can have at most ${MOST_KEY_POLICY_BYTES} bytes.`);
  }
  // Not by the compiler that remembers what it compiled: a policy that is refused is nothing to remember.
  const { principalArns, principalAccounts } = compileKeyPolicy(text);
  const { ids, unknown } = await namedPrincipals(
    [...principalArns, ...principalAccounts.map(accountRootArn)],
    ports.store,
  );
  if (unknown.length > 0 && ports.unknownPrincipals === 'refused') {
    throw invalidPrincipal('resource');
  }
  const record = Object.keys(ids).length === 0 ? { policy: text } : { policy: text, principalIds: ids };
  const policy = compileKeyPolicy(text, record.principalIds);
  if (bypassLockoutCheck !== true && !letsCallerChangeIt(policy, resource, scope)) {
    throw new KeyholdError(
      'MalformedPolicyDocumentException',
      'The new key policy will not allow you to update the key policy in the future.',
    );
  }
  return record;
}

/** What a request says of the policy of the key that it makes. */
interface GivenKeyPolicy {
  readonly Policy?: string | undefined;
  readonly BypassPolicyLockoutSafetyCheck?: boolean | undefined;
}

/**
 * The policy that a new key gets: the one that is given, once it is judged, or else the default. That one is not judged by
 * what the caller may do: it locks nobody out, and AWS's own AWSKeyManagementServicePowerUser makes keys with it that it may
 * not give other policies.
 */
export function policyOfNewKey(
  { Policy: text, BypassPolicyLockoutSafetyCheck: bypassLockoutCheck }: GivenKeyPolicy,
  key: KeyIdentity,
  scope: Scope,
  ports: Pick<KmsPorts, 'store' | 'unknownPrincipals'>,
): Promise<KeyPolicyRecord> {
  const given =
    text === undefined
      ? { text: defaultKeyPolicy(key.accountId), bypassLockoutCheck: true }
      : { text, bypassLockoutCheck };
  return judgedKeyPolicy({ ...given, keyArn: keyArn(key) }, scope, ports);
}

/** Compiles a key policy: those whose ids are known are meant by them, all others by their ARNs. */
export function compileKeyPolicy(text: string, principalIds?: PrincipalIds): Policy {
  return parsePolicy(text, 'resource', principalIds && new Map(Object.entries(principalIds)));
}

function letsCallerChangeIt(resourcePolicy: Policy, resource: string, scope: Scope): boolean {
  const { principal } = scope.caller;
  const context = {
    get: (key: string) => (key === 'kms:calleraccount' ? [principal.accountId] : globalCondition(key, scope)),
  };
  const request = { principal, action: 'kms:PutKeyPolicy', resource, context };
  return decide(request, policiesOf(scope.caller, principal.accountId, resourcePolicy)).allowed;
}
