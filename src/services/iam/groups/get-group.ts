import type { GetGroupRequest, GetGroupResponse, User } from '@aws-sdk/client-iam';
import type { Reader } from '../../../store/sealed-store.ts';
import { groupName, marker, maxItems } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import type { Entity } from '../entity.ts';
import { linkedRecord } from '../linked-records.ts';
import { inTurns, listRecords } from '../listing.ts';
import type { IamOperation } from '../ports.ts';
import {
  type GroupRecord,
  groupMemberName,
  groupMembersPrefix,
  groupMembersTable,
  identityName,
  usersTable,
} from '../records.ts';
import { listedUser } from '../users/shown-user.ts';
import { groupTarget } from './group-target.ts';
import { shownGroup } from './shown-group.ts';

/** Who has been renamed or deleted since the list was read is in no group by that name any more. */
async function refuseMembership(reader: Reader, { accountId, groupName: group }: GroupRecord, userName: string) {
  if ((await reader.get(groupMembersTable, groupMemberName(accountId, group, userName))) === undefined) return;
  await linkedRecord(reader, usersTable, identityName(accountId, userName));
}

export const getGroup: IamOperation<GetGroupRequest, GetGroupResponse, { group: Entity<GroupRecord> }> = {
  name: 'GetGroup',
  input: structure<GetGroupRequest>({ GroupName: required(groupName), Marker: marker, MaxItems: maxItems }),
  targets: { group: groupTarget('iam:GetGroup') },
  effect: 'read',
  audit: { readOnly: true, request: ['GroupName', 'Marker', 'MaxItems'] },
  async handle({ input, targets, ports }) {
    const { record: group } = targets.group;
    const prefix = groupMembersPrefix(group.accountId, group.groupName);
    const { items, more } = await listRecords(ports.store, groupMembersTable, prefix, 'GetGroup', input);
    const Users: User[] = [];
    for await (const { userName } of inTurns(items)) {
      const user = await ports.store.get(usersTable, identityName(group.accountId, userName));
      if (user !== undefined) Users.push(listedUser(user.value));
      else await refuseMembership(ports.store, group, userName);
    }
    return { Group: shownGroup(group), Users, ...more };
  },
};
