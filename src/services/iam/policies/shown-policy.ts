import type { Policy, PolicyVersion as ShownVersion } from '@aws-sdk/client-iam';
import type { Reader, Table } from '../../../store/sealed-store.ts';
import { policyArn } from '../arns.ts';
import {
  type AttachmentRecord,
  attachmentsPrefix,
  attachmentsTable,
  boundariesTable,
  type ManagedPolicyRecord,
  type PolicyVersion,
} from '../records.ts';
import { shownTags } from '../tags.ts';

/** By how many users, groups and roles of an account a policy is had. */
export interface PolicyUsage {
  readonly attachments: number;
  readonly boundaries: number;
}

/** More than an account can have users, groups and roles. */
export const MOST_BEARERS = 20_000;

/** @param accountId whose users, groups and roles are counted */
export async function usageOfPolicy(accountId: string, arn: string, reader: Reader): Promise<PolicyUsage> {
  const prefix = attachmentsPrefix(accountId, arn);
  const count = async (table: Table<AttachmentRecord>) =>
    (await reader.names(table, { prefix, limit: MOST_BEARERS })).length;
  return { attachments: await count(attachmentsTable), boundaries: await count(boundariesTable) };
}

/** A policy as GetPolicy shows it. */
export function shownPolicy(policy: ManagedPolicyRecord, usage: PolicyUsage): Policy {
  const { description, tags } = policy;
  return {
    ...listedPolicy(policy, usage),
    ...(description === undefined ? {} : { Description: description }),
    Tags: shownTags(tags),
  };
}

/** Listings leave out its description and its tags. */
export function listedPolicy(policy: ManagedPolicyRecord, usage: PolicyUsage): Policy {
  const { policyName, policyId, path, defaultVersionId, createdAtMs, updatedAtMs } = policy;
  return {
    PolicyName: policyName,
    PolicyId: policyId,
    Arn: policyArn(policy),
    Path: path,
    DefaultVersionId: defaultVersionId,
    AttachmentCount: usage.attachments,
    PermissionsBoundaryUsageCount: usage.boundaries,
    IsAttachable: true,
    CreateDate: new Date(createdAtMs),
    UpdateDate: new Date(updatedAtMs),
  };
}

/** A version as all operations but GetPolicyVersion show it: without its document. */
export function listedVersion(policy: ManagedPolicyRecord, { versionId, createdAtMs }: PolicyVersion): ShownVersion {
  return {
    VersionId: versionId,
    IsDefaultVersion: versionId === policy.defaultVersionId,
    CreateDate: new Date(createdAtMs),
  };
}
