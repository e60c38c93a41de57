import type { Group } from '@aws-sdk/client-iam';
import { groupArn } from '../arns.ts';
import type { GroupRecord } from '../records.ts';

export function shownGroup(group: GroupRecord): Group {
  const { path, groupName, groupId, createdAtMs } = group;
  return {
    Path: path,
    GroupName: groupName,
    GroupId: groupId,
    Arn: groupArn(group),
    CreateDate: new Date(createdAtMs),
  };
}
