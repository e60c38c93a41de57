import { groupArn, policyArn, roleArn, userArn } from './arns.ts';
import type { EntityKind } from './entity.ts';
import {
  type GroupRecord,
  groupsTable,
  type ManagedPolicyRecord,
  managedPoliciesTable,
  type RoleRecord,
  rolesTable,
  type UserRecord,
  usersTable,
} from './records.ts';

/** What IAM has by name. */

export const users: EntityKind<UserRecord> = {
  noun: 'user',
  table: usersTable,
  nameOf: ({ userName }) => userName,
  arnOf: userArn,
  tagsOf: ({ tags }) => tags,
  boundaryOf: ({ permissionsBoundary }) => permissionsBoundary,
};

export const groups: EntityKind<GroupRecord> = {
  noun: 'group',
  table: groupsTable,
  nameOf: ({ groupName }) => groupName,
  arnOf: groupArn,
};

export const roles: EntityKind<RoleRecord> = {
  noun: 'role',
  table: rolesTable,
  nameOf: ({ roleName }) => roleName,
  arnOf: roleArn,
  tagsOf: ({ tags }) => tags,
  boundaryOf: ({ permissionsBoundary }) => permissionsBoundary,
};

export const managedPolicies: EntityKind<ManagedPolicyRecord> = {
  noun: 'policy',
  table: managedPoliciesTable,
  nameOf: ({ policyName }) => policyName,
  arnOf: policyArn,
  tagsOf: ({ tags }) => tags,
};
