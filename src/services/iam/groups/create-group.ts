import type { CreateGroupRequest, CreateGroupResponse } from '@aws-sdk/client-iam';
import { groupName, path } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import { type Entity, newEntityTarget } from '../entity.ts';
import { newUniqueId } from '../identifiers.ts';
import { groups } from '../kinds.ts';
import type { IamOperation } from '../ports.ts';
import { refuseBeyondAccountQuota } from '../quotas.ts';
import { type GroupRecord, groupsTable, identityName } from '../records.ts';
import { shownGroup } from './shown-group.ts';

export const MOST_GROUPS = 300;

export const createGroup: IamOperation<CreateGroupRequest, CreateGroupResponse, { group: Entity<GroupRecord> }> = {
  name: 'CreateGroup',
  input: structure<CreateGroupRequest>({ Path: path, GroupName: required(groupName) }),
  targets: {
    group: newEntityTarget(groups, {
      permission: 'iam:CreateGroup',
      name: (input) => input.GroupName,
      path: (input) => input.Path,
    }),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['Path', 'GroupName'], response: ({ Group }) => ({ Group }) },
  async handle({ input, scope, ports, transaction }) {
    const { accountId } = scope.caller.principal;
    await refuseBeyondAccountQuota(transaction, groupsTable, accountId, 'GroupsPerAccount', MOST_GROUPS);
    const group: GroupRecord = {
      accountId,
      groupName: input.GroupName,
      groupId: newUniqueId('AGPA', ports.random),
      path: input.Path ?? '/',
      createdAtMs: scope.nowMs,
      inlinePolicies: [],
      attachedPolicies: [],
    };
    await transaction.create(groupsTable, identityName(accountId, group.groupName), group);
    return { Group: shownGroup(group) };
  },
};
