import { invalidPrincipal, parsePolicy, policySize } from '../../../authorization/index.ts';
import type { Reader } from '../../../store/sealed-store.ts';
import { namedPrincipals } from '../principals.ts';
import { refuseBeyondQuota } from '../quotas.ts';
import type { PolicyOfPrincipals } from '../records.ts';

/** Characters, without white space ("Role trust policy length", "IAM and AWS STS quotas"). */
export const MOST_TRUST_POLICY_CHARACTERS = 2048;

/**
 * Judges a policy that is about to say who may assume a role. Whom it names must exist, for the policy then means them and
 * nobody who has their name later. Services and accounts are believed as they are: nobody else comes to bear their names.
 *
 * @throws KeyholdError MalformedPolicyDocumentException, LimitExceededException
 */
export async function newTrustPolicy(document: string, reader: Reader): Promise<PolicyOfPrincipals> {
  const { principalArns } = parsePolicy(document, 'trust');
  const { ids, unknown } = await namedPrincipals(principalArns, reader);
  const [nobody] = unknown;
  if (nobody !== undefined) throw invalidPrincipal('trust', 'AWS', nobody);
  refuseLargerTrustPolicy(document);
  return { document, principalIds: ids };
}

export function refuseLargerTrustPolicy(document: string): void {
  refuseBeyondQuota('ACLSizePerRole', MOST_TRUST_POLICY_CHARACTERS, policySize(document) - 1);
}
