import type { UpdateGroupRequest } from '@aws-sdk/client-iam';
import { groupName, path } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import { type Entity, type Renamed, renamedEntityTarget } from '../entity.ts';
import { groups } from '../kinds.ts';
import { moveLinkedRecord } from '../linked-records.ts';
import { moveAttachments } from '../move-attachments.ts';
import type { IamOperation } from '../ports.ts';
import { type GroupRecord, groupMemberName, groupMembersTable, groupsTable, identityName } from '../records.ts';
import { groupTarget } from './group-target.ts';
import { changeGroupsOf, membersOf } from './members.ts';

interface Targets {
  readonly group: Entity<GroupRecord>;
  readonly renamed: Renamed<GroupRecord>;
}

/** The unique id stays, and so do its members and what they may do. */
export const updateGroup: IamOperation<UpdateGroupRequest, undefined, Targets> = {
  name: 'UpdateGroup',
  input: structure<UpdateGroupRequest>({ GroupName: required(groupName), NewPath: path, NewGroupName: groupName }),
  targets: {
    group: groupTarget('iam:UpdateGroup'),
    renamed: renamedEntityTarget(groups, {
      permission: 'iam:UpdateGroup',
      name: (input) => input.GroupName,
      newName: (input) => input.NewGroupName,
      renamed: (record, { NewPath = record.path, NewGroupName = record.groupName }) => ({
        ...record,
        path: NewPath,
        groupName: NewGroupName,
      }),
    }),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['GroupName', 'NewPath', 'NewGroupName'] },
  async handle({ targets, transaction }) {
    const { record: before } = targets.group;
    const { record: after } = targets.renamed;
    const { accountId } = before;
    const place = ({ groupName: name }: GroupRecord) => identityName(accountId, name);
    await moveLinkedRecord(transaction, groupsTable, place(before), place(after), () => after);
    if (before.groupName === after.groupName) return undefined;
    for await (const userName of membersOf(transaction, accountId, before.groupName)) {
      await changeGroupsOf(transaction, accountId, userName, (names) =>
        names.map((name) => (name === before.groupName ? after.groupName : name)),
      );
      const member = ({ groupName: name }: GroupRecord) => groupMemberName(accountId, name, userName);
      await moveLinkedRecord(transaction, groupMembersTable, member(before), member(after), (value) => value);
    }
    await moveAttachments(transaction, 'Group', before, before.groupName, after.groupName);
    return undefined;
  },
};
