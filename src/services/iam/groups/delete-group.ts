import type { DeleteGroupRequest } from '@aws-sdk/client-iam';
import { groupName } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import { refuseDeletion, refuseDeletionWithPolicies } from '../delete-conflicts.ts';
import type { Entity } from '../entity.ts';
import type { IamOperation } from '../ports.ts';
import { type GroupRecord, groupMembersPrefix, groupMembersTable, groupsTable, identityName } from '../records.ts';
import { groupTarget } from './group-target.ts';

export const deleteGroup: IamOperation<DeleteGroupRequest, undefined, { group: Entity<GroupRecord> }> = {
  name: 'DeleteGroup',
  input: structure<DeleteGroupRequest>({ GroupName: required(groupName) }),
  targets: { group: groupTarget('iam:DeleteGroup') },
  effect: 'change',
  audit: { readOnly: false, request: ['GroupName'] },
  async handle({ targets, transaction }) {
    const { record: group, version } = targets.group;
    const prefix = groupMembersPrefix(group.accountId, group.groupName);
    const [member] = await transaction.names(groupMembersTable, { prefix, limit: 1 });
    refuseDeletion(member !== undefined, 'remove users from group');
    refuseDeletionWithPolicies(group);
    await transaction.remove(groupsTable, identityName(group.accountId, group.groupName), version);
    return undefined;
  },
};
