import type {
  AttachedPolicy,
  EntityType,
  GroupDetail,
  ManagedPolicyDetail,
  PolicyDetail,
  RoleDetail,
  UserDetail,
} from '@aws-sdk/client-iam';
import type { Reader, Table } from '../../../store/sealed-store.ts';
import { policyArn } from '../arns.ts';
import { awsManagedPolicies } from '../aws-managed-policies.ts';
import { shownGroup } from '../groups/shown-group.ts';
import { findManagedPolicy } from '../policies/managed-policy.ts';
import { listedPolicy, listedVersion, usageOfPolicy } from '../policies/shown-policy.ts';
import { urlEncodedPolicy } from '../policy-document.ts';
import type { IamPorts } from '../ports.ts';
import type { KnownPrincipals } from '../principals.ts';
import {
  accountPrefix,
  attachmentsPrefix,
  attachmentsTable,
  type GroupRecord,
  groupsTable,
  type ManagedPolicyRecord,
  managedPoliciesTable,
  type PolicyBearer,
  type RoleRecord,
  rolesTable,
  type UserRecord,
  usersTable,
} from '../records.ts';
import { newRole, roleLastUsed } from '../roles/shown-role.ts';
import { shownUser } from '../users/shown-user.ts';

/** What GetAccountAuthorizationDetails lists: everyone and every policy, by AWS's kinds. */

export interface AuthorizationDetails {
  readonly UserDetailList: UserDetail[];
  readonly GroupDetailList: GroupDetail[];
  readonly RoleDetailList: RoleDetail[];
  readonly Policies: ManagedPolicyDetail[];
}

interface DetailKind {
  readonly type: EntityType;
  /** Of all that there are in the account, in order. */
  readonly names: (accountId: string, reader: Reader) => Promise<readonly string[]>;
  /** Adds the details of one of them, and tells how long they are; of what has gone meanwhile there are none. */
  readonly add: (
    details: AuthorizationDetails,
    accountId: string,
    name: string,
    ports: IamPorts,
    known: KnownPrincipals,
  ) => Promise<number>;
}

export const detailKinds: readonly DetailKind[] = [
  kindOfRecords('User', usersTable, ({ UserDetailList }, user) => UserDetailList.push(userDetail(user))),
  kindOfRecords('Group', groupsTable, ({ GroupDetailList }, group) => GroupDetailList.push(groupDetail(group))),
  kindOfRecords('Role', rolesTable, async ({ RoleDetailList }, role, ports, known) =>
    RoleDetailList.push(await roleDetail(role, ports, known)),
  ),
  kindOfRecords('LocalManagedPolicy', managedPoliciesTable, async ({ Policies }, policy, { store }) =>
    Policies.push(await policyDetail(policy, policy.accountId, store)),
  ),
  {
    type: 'AWSManagedPolicy',
    names: attachedAwsPolicies,
    add: async ({ Policies }, accountId, arn, { store }) => {
      const policy = await findManagedPolicy(arn, store);
      if (policy === undefined) return 0;
      Policies.push(await policyDetail(policy.record, accountId, store));
      return charactersOf(policy.record);
    },
  },
];

/** More than an account may have of any kind. */
const MOST_OF_A_KIND = 10_000;

function kindOfRecords<R>(
  type: EntityType,
  table: Table<R>,
  add: (details: AuthorizationDetails, record: R, ports: IamPorts, known: KnownPrincipals) => Promise<number> | number,
): DetailKind {
  return {
    type,
    names: async (accountId, reader) => {
      const prefix = accountPrefix(accountId);
      const names = await reader.names(table, { prefix, limit: MOST_OF_A_KIND });
      return names.map((name) => name.slice(prefix.length));
    },
    add: async (details, accountId, name, ports, known) => {
      const stored = await ports.store.get(table, accountPrefix(accountId) + name);
      if (stored === undefined) return 0;
      await add(details, stored.value, ports, known);
      return charactersOf(stored.value);
    },
  };
}

/** What a record takes is mostly its documents, and so is what is shown of it. */
function charactersOf(record: unknown): number {
  return JSON.stringify(record).length;
}

/** The ARNs of AWS's own policies that someone of the account has. */
export async function attachedAwsPolicies(accountId: string, reader: Reader): Promise<readonly string[]> {
  const attached: string[] = [];
  for (const arn of [...awsManagedPolicies.keys()].sort()) {
    const prefix = attachmentsPrefix(accountId, arn);
    const [first] = await reader.names(attachmentsTable, { prefix, limit: 1 });
    if (first !== undefined) attached.push(arn);
  }
  return attached;
}

function userDetail(user: UserRecord): UserDetail {
  return {
    ...shownUser(user),
    UserPolicyList: inlinePolicies(user),
    GroupList: [...user.groups],
    AttachedManagedPolicies: attachedPolicies(user),
  };
}

function groupDetail(group: GroupRecord): GroupDetail {
  return {
    ...shownGroup(group),
    GroupPolicyList: inlinePolicies(group),
    AttachedManagedPolicies: attachedPolicies(group),
  };
}

async function roleDetail(role: RoleRecord, ports: IamPorts, known: KnownPrincipals): Promise<RoleDetail> {
  return {
    // AWS's RoleDetail has no more than this of a role, either.
    ...(await newRole(role, ports.store, known)),
    RoleLastUsed: await roleLastUsed(role, ports),
    InstanceProfileList: [],
    RolePolicyList: inlinePolicies(role),
    AttachedManagedPolicies: attachedPolicies(role),
  };
}

/** With its versions, the newest first. */
async function policyDetail(
  policy: ManagedPolicyRecord,
  accountId: string,
  reader: Reader,
): Promise<ManagedPolicyDetail> {
  const versions = policy.versions.map((version) => ({
    Document: urlEncodedPolicy(version.document),
    ...listedVersion(policy, version),
  }));
  return {
    ...listedPolicy(policy, await usageOfPolicy(accountId, policyArn(policy), reader)),
    PolicyVersionList: versions.reverse(),
  };
}

function inlinePolicies(bearer: PolicyBearer): PolicyDetail[] {
  return bearer.inlinePolicies.map(({ policyName, document }) => ({
    PolicyName: policyName,
    PolicyDocument: urlEncodedPolicy(document),
  }));
}

function attachedPolicies(bearer: PolicyBearer): AttachedPolicy[] {
  return bearer.attachedPolicies.map((arn) => ({ PolicyName: arn.slice(arn.lastIndexOf('/') + 1), PolicyArn: arn }));
}
