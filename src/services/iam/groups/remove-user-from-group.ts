import type { RemoveUserFromGroupRequest } from '@aws-sdk/client-iam';
import { existingUserName, groupName } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import { removeLinkedRecord } from '../linked-records.ts';
import type { IamOperation } from '../ports.ts';
import { groupMemberName, groupMembersTable } from '../records.ts';
import { type Membership, membershipTarget } from './group-target.ts';
import { changeGroupsOf } from './members.ts';

/** Whoever is not in the group stays outside: that is no error in AWS. */
export const removeUserFromGroup: IamOperation<RemoveUserFromGroupRequest, undefined, { membership: Membership }> = {
  name: 'RemoveUserFromGroup',
  input: structure<RemoveUserFromGroupRequest>({
    GroupName: required(groupName),
    UserName: required(existingUserName),
  }),
  targets: { membership: membershipTarget('iam:RemoveUserFromGroup') },
  effect: 'change',
  audit: { readOnly: false, request: ['GroupName', 'UserName'] },
  async handle({ targets, transaction }) {
    const { accountId, groupName: group } = targets.membership.group.record;
    const { userName, groups } = targets.membership.user.record;
    if (!groups.includes(group)) return undefined;
    await changeGroupsOf(transaction, accountId, userName, (names) => names.filter((name) => name !== group));
    await removeLinkedRecord(transaction, groupMembersTable, groupMemberName(accountId, group, userName));
    return undefined;
  },
};
