import type {
  ListEntitiesForPolicyRequest,
  ListEntitiesForPolicyResponse,
  PolicyGroup,
  PolicyRole,
  PolicyUser,
} from '@aws-sdk/client-iam';
import type { Reader, Table } from '../../../store/sealed-store.ts';
import { arn, marker, maxItems, path } from '../../../wire/iam-shapes.ts';
import { enumeration, required, structure } from '../../../wire/shapes.ts';
import { inTurns, listItems } from '../listing.ts';
import type { IamOperation } from '../ports.ts';
import {
  type AttachmentRecord,
  accountPrefix,
  attachmentsPrefix,
  attachmentsTable,
  boundariesTable,
  groupsTable,
  rolesTable,
  usersTable,
} from '../records.ts';
import { policyUsage } from './list-policies.ts';
import { notAttachable } from './managed-policy.ts';
import { type PolicyEntity, policyTarget } from './policy-target.ts';
import { MOST_BEARERS } from './shown-policy.ts';

export const listEntitiesForPolicy: IamOperation<
  ListEntitiesForPolicyRequest,
  ListEntitiesForPolicyResponse,
  { policy: PolicyEntity }
> = {
  name: 'ListEntitiesForPolicy',
  input: structure<ListEntitiesForPolicyRequest>({
    PolicyArn: required(arn),
    EntityFilter: enumeration(['User', 'Role', 'Group', 'LocalManagedPolicy', 'AWSManagedPolicy']),
    PathPrefix: path,
    PolicyUsageFilter: policyUsage,
    Marker: marker,
    MaxItems: maxItems,
  }),
  targets: { policy: policyTarget('iam:ListEntitiesForPolicy', ({ PolicyArn }) => notAttachable(PolicyArn)) },
  effect: 'read',
  audit: {
    readOnly: true,
    request: ['PolicyArn', 'EntityFilter', 'PathPrefix', 'PolicyUsageFilter', 'Marker', 'MaxItems'],
  },
  async handle({ input, scope, ports: { store } }) {
    const { accountId } = scope.caller.principal;
    const { EntityFilter, PathPrefix = '/' } = input;
    const bearers = await bearersOfPolicy(accountId, input, store);
    const ofKind = bearers.filter(({ kind }) => EntityFilter === undefined || kind === EntityFilter);
    const { items, more } = listItems(ofKind, 'ListEntitiesForPolicy', input, ({ kind, name }) => `${kind}/${name}`);

    const groups: PolicyGroup[] = [];
    const users: PolicyUser[] = [];
    const roles: PolicyRole[] = [];
    for await (const { kind, name } of inTurns(items)) {
      const recordName = `${accountPrefix(accountId)}${name}`;
      if (kind === 'Group') {
        const group = (await store.get(groupsTable, recordName))?.value;
        if (group?.path.startsWith(PathPrefix)) groups.push({ GroupName: group.groupName, GroupId: group.groupId });
      } else if (kind === 'User') {
        const user = (await store.get(usersTable, recordName))?.value;
        if (user?.path.startsWith(PathPrefix)) users.push({ UserName: user.userName, UserId: user.userId });
      } else {
        const role = (await store.get(rolesTable, recordName))?.value;
        if (role?.path.startsWith(PathPrefix)) roles.push({ RoleName: role.roleName, RoleId: role.roleId });
      }
    }
    return { PolicyGroups: groups, PolicyUsers: users, PolicyRoles: roles, ...more };
  },
};

interface Bearer {
  readonly kind: string;
  /** In lower case, as in names of records. */
  readonly name: string;
}

/** Everyone of the account who has the policy in the way that is asked for, once and in order. */
async function bearersOfPolicy(
  accountId: string,
  { PolicyArn = '', PolicyUsageFilter }: ListEntitiesForPolicyRequest,
  reader: Reader,
): Promise<Bearer[]> {
  const prefix = attachmentsPrefix(accountId, PolicyArn);
  const tables: Table<AttachmentRecord>[] = [];
  if (PolicyUsageFilter !== 'PermissionsBoundary') tables.push(attachmentsTable);
  if (PolicyUsageFilter !== 'PermissionsPolicy') tables.push(boundariesTable);
  const names = new Set<string>();
  for (const table of tables) {
    for (const name of await reader.names(table, { prefix, limit: MOST_BEARERS })) names.add(name.slice(prefix.length));
  }
  return [...names].sort().map((each) => {
    const [kind = '', name = ''] = each.split('/');
    return { kind, name };
  });
}
