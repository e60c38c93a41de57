import { decide, type Policy, parsePolicy } from '../../../authorization/index.ts';
import { conditionReader } from '../../condition-table.ts';
import { globalCondition, type RequestFacts } from '../../global-conditions.ts';
import { roleArn } from '../../iam/arns.ts';
import { EVERYTHING } from '../../iam/identity-policies.ts';
import type { RoleRecord } from '../../iam/records.ts';
import { valuesOfTag } from '../../iam/tags.ts';
import type { RoleAssumption } from './session.ts';

/** What a trust policy judges: a request for a session of this role. */
export interface TrustQuestion {
  readonly assumption: RoleAssumption;
  /** Absent where there is none of that name. */
  readonly role?: RoleRecord;
}

/** "Available keys for AWS STS" (IAM user guide), and tags of the request and of the role. */
export const trustConditions = conditionReader<TrustQuestion>({
  'sts:ExternalId': ({ assumption: { externalId } }) => (externalId === undefined ? undefined : [externalId]),
  'sts:RoleSessionName': ({ assumption: { sessionName } }) => [sessionName],
  'sts:SourceIdentity': ({ assumption: { sourceIdentity } }) =>
    sourceIdentity === undefined ? undefined : [sourceIdentity],
  'sts:TransitiveTagKeys': ({ assumption: { transitiveTagKeys } }) =>
    transitiveTagKeys.length === 0 ? undefined : transitiveTagKeys,
  'aws:TagKeys': ({ assumption: { tags } }) => (tags.length === 0 ? undefined : tags.map(({ key }) => key)),
  'aws:RequestTag/${TagKey}': ({ assumption: { tags } }, tagKey) => valuesOfTag(tags, tagKey),
  'aws:ResourceTag/${TagKey}': ({ role }, tagKey) => role && valuesOfTag(role.tags, tagKey),
  'iam:ResourceTag/${TagKey}': ({ role }, tagKey) => role && valuesOfTag(role.tags, tagKey),
});

/** Whether a request for a role's session needs this, and so whether the role's trust policy must allow it. */
export const furtherPermissions = {
  /** Also for tags that are inherited: each role of a chain lets itself be tagged. */
  'sts:TagSession': ({ tags, inheritedTags }: RoleAssumption) => tags.length > 0 || inheritedTags.length > 0,
  'sts:SetSourceIdentity': ({ sourceIdentity }: RoleAssumption) => sourceIdentity !== undefined,
} as const;

export function compileTrustPolicy({ trustPolicy: { document, principalIds } }: RoleRecord): Policy {
  return parsePolicy(document, 'trust', new Map(Object.entries(principalIds)));
}

/**
 * Whether a role, as it is now, would still let itself be assumed by a request of back then. What the assumer's own policies
 * say does not matter any more, as in AWS: those decided whether the session began.
 */
export function isStillTrusted(assumption: RoleAssumption, role: RoleRecord, assumedAtMs: number): boolean {
  const facts = factsOf(assumption, assumedAtMs);
  const question: TrustQuestion = { assumption, role };
  const { principal, hasBoundary } = assumption.by;
  const policies = {
    resourcePolicy: compileTrustPolicy(role),
    resourceAccountId: role.accountId,
    identityPolicies: [EVERYTHING],
    sessionPolicies: [EVERYTHING],
    permissionsBoundary: hasBoundary ? EVERYTHING : undefined,
  };
  // What `perform` told the policy then.
  const context = {
    get: (key: string) =>
      trustConditions.read(key, question) ??
      (key === 'aws:resourceaccount' ? [role.accountId] : globalCondition(key, facts)),
  };
  return permissionsOf(assumption).every(
    (action) => decide({ principal, action, resource: roleArn(role), context }, policies).allowed,
  );
}

function permissionsOf(assumption: RoleAssumption): readonly string[] {
  const further = Object.entries(furtherPermissions).filter(([, isNeeded]) => isNeeded(assumption));
  return [assumption.action, ...further.map(([permission]) => permission)];
}

function factsOf({ by }: RoleAssumption, nowMs: number): RequestFacts {
  const { principal, userName, conditions, region, sourceIp, secureTransport, userAgent } = by;
  return {
    caller: { principal, conditions: new Map(conditions), ...(userName === undefined ? {} : { userName }) },
    region,
    nowMs,
    sourceIp,
    secureTransport,
    userAgent,
  };
}
