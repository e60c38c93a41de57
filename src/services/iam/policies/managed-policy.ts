import { KeyholdError } from '../../../runtime/errors.ts';
import type { Reader } from '../../../store/sealed-store.ts';
import { type AwsManagedPolicy, awsManagedPolicies } from '../aws-managed-policies.ts';
import { getEntity } from '../entity.ts';
import { managedPolicies } from '../kinds.ts';
import type { ManagedPolicyRecord } from '../records.ts';

/** Managed policies by their ARNs, which is how requests name them: those of an account, and AWS's own. */

/** What stands for the account in the ARNs of AWS's own policies. */
export const AWS = 'aws';

export interface PolicyName {
  /** Twelve digits, or {@link AWS}. */
  readonly accountId: string;
  readonly path: string;
  readonly policyName: string;
}

const ACCOUNT = /^(?:\d{12}|aws)$/;

/** @throws KeyholdError ValidationException for what is no ARN of a managed policy */
export function parsePolicyArn(arn: string): PolicyName {
  const [scheme, partition, service, region, accountId = '', resource = '', ...more] = arn.split(':');
  const slash = resource.indexOf('/');
  const lastSlash = resource.lastIndexOf('/');
  const policyName = resource.slice(lastSlash + 1);
  const prefix = `${scheme}:${partition}:${service}:${region}`;
  const isPolicy = prefix === 'arn:aws:iam:' && resource.slice(0, slash) === 'policy' && policyName !== '';
  if (!isPolicy || more.length > 0 || !ACCOUNT.test(accountId)) {
    throw new KeyholdError('ValidationException', `ARN ${arn} is not valid.`);
  }
  return { accountId, path: resource.slice(slash, lastSlash + 1), policyName };
}

/** A policy that exists. `version` is absent for AWS's own, which are in no table. */
export interface ManagedPolicy {
  readonly record: ManagedPolicyRecord;
  readonly version?: number;
}

/** The policy of exactly this ARN, path and case of letters included; undefined if there is none. */
export async function findManagedPolicy(arn: string, reader: Reader): Promise<ManagedPolicy | undefined> {
  const awsManaged = awsManagedPolicies.get(arn);
  if (awsManaged !== undefined) return { record: recordOf(awsManaged) };
  const { accountId, policyName } = parsePolicyArn(arn);
  const stored = await getEntity(managedPolicies, accountId, policyName, reader);
  if (stored === undefined || managedPolicies.arnOf(stored.value) !== arn) return undefined;
  return { record: stored.value, version: stored.version };
}

/** One of AWS's policies as a record like those of accounts. AWS shows the default version alone to those who look. */
export function recordOf({ document, versionId, ...policy }: AwsManagedPolicy): ManagedPolicyRecord {
  return {
    ...policy,
    accountId: AWS,
    tags: [],
    defaultVersionId: versionId,
    nextVersion: Number(versionId.slice(1)) + 1,
    versions: [{ versionId, document, createdAtMs: policy.updatedAtMs }],
  };
}

/**
 * The policy that is to be attached to someone of this account, or to be their permissions boundary.
 *
 * @throws KeyholdError NoSuchEntityException also for a policy of another account, of which nothing is told
 */
export async function attachablePolicy(arn: string, accountId: string, reader: Reader): Promise<ManagedPolicyRecord> {
  const name = parsePolicyArn(arn);
  const isReachable = name.accountId === AWS || name.accountId === accountId;
  const policy = isReachable ? await findManagedPolicy(arn, reader) : undefined;
  if (policy !== undefined) return policy.record;
  throw new KeyholdError('NoSuchEntityException', notAttachable(arn));
}

export function notAttachable(arn: string): string {
  return `Policy ${arn} does not exist or is not attachable.`;
}
