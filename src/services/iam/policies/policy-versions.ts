import { parseManagedPolicy, policySize } from '../../../authorization/index.ts';
import { KeyholdError } from '../../../runtime/errors.ts';
import type { Transaction } from '../../../store/sealed-store.ts';
import { iamString } from '../../../wire/iam-shapes.ts';
import { identityName, managedPoliciesTable, type PolicyVersion } from '../records.ts';
import { noSuchVersion, type PolicyEntity } from './policy-target.ts';

/** AWS's quota of one managed policy, white space not counted ("IAM and AWS STS quotas", IAM user guide). */
export const MOST_POLICY_CHARACTERS = 6144;

export const policyVersionId = iamString({
  pattern: { printed: 'v[1-9][0-9]*(\\.[A-Za-z0-9-]*)?', matches: /^v[1-9][0-9]*(?:\.[A-Za-z0-9-]*)?$/ },
});

/** Refuses a text that no managed policy may have. */
export function checkManagedDocument(text: string): void {
  parseManagedPolicy(text);
  if (policySize(text) <= MOST_POLICY_CHARACTERS) return;
  throw new KeyholdError('LimitExceededException', `Cannot exceed quota for PolicySize: ${MOST_POLICY_CHARACTERS}`);
}

export function existingVersion({ record, arn }: PolicyEntity, versionId: string): PolicyVersion {
  const version = record.versions.find((each) => each.versionId === versionId);
  if (version !== undefined) return version;
  throw new KeyholdError('NoSuchEntityException', noSuchVersion(arn, versionId));
}

/** Stores what changed of a policy of the caller's account. */
export async function changePolicy(
  { record, version }: PolicyEntity,
  change: Partial<PolicyEntity['record']>,
  transaction: Transaction,
): Promise<void> {
  const name = identityName(record.accountId, record.policyName);
  await transaction.replace(managedPoliciesTable, name, { ...record, ...change }, version);
}
