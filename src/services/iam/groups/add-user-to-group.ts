import type { AddUserToGroupRequest } from '@aws-sdk/client-iam';
import { existingUserName, groupName } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import type { IamOperation } from '../ports.ts';
import { refuseBeyondQuota } from '../quotas.ts';
import { groupMemberName, groupMembersTable } from '../records.ts';
import { type Membership, membershipTarget } from './group-target.ts';
import { changeGroupsOf } from './members.ts';

export const MOST_GROUPS_OF_A_USER = 10;

/** Whoever is in the group already stays there: that is no error in AWS. */
export const addUserToGroup: IamOperation<AddUserToGroupRequest, undefined, { membership: Membership }> = {
  name: 'AddUserToGroup',
  input: structure<AddUserToGroupRequest>({ GroupName: required(groupName), UserName: required(existingUserName) }),
  targets: { membership: membershipTarget('iam:AddUserToGroup') },
  effect: 'change',
  audit: { readOnly: false, request: ['GroupName', 'UserName'] },
  async handle({ targets, transaction }) {
    const { accountId, groupName: group } = targets.membership.group.record;
    const { userName, groups } = targets.membership.user.record;
    if (groups.includes(group)) return undefined;
    refuseBeyondQuota('GroupsPerUser', MOST_GROUPS_OF_A_USER, groups.length);
    await changeGroupsOf(transaction, accountId, userName, (names) => [...names, group]);
    await transaction.create(groupMembersTable, groupMemberName(accountId, group, userName), { userName });
    return undefined;
  },
};
