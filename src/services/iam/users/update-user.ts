import type { UpdateUserRequest } from '@aws-sdk/client-iam';
import { existingUserName, path, userName } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import { type Entity, type Renamed, renamedEntityTarget } from '../entity.ts';
import { users } from '../kinds.ts';
import { moveLinkedRecord } from '../linked-records.ts';
import { moveAttachments } from '../move-attachments.ts';
import type { IamOperation } from '../ports.ts';
import {
  accessKeysTable,
  groupMemberName,
  groupMembersTable,
  identityName,
  type UserRecord,
  usersTable,
} from '../records.ts';
import { userTarget } from './user-target.ts';

interface Targets {
  readonly user: Entity<UserRecord>;
  readonly renamed: Renamed<UserRecord>;
}

/** The unique id stays, and so does all that the user may do; what else has the user's name gets the new one. */
export const updateUser: IamOperation<UpdateUserRequest, undefined, Targets> = {
  name: 'UpdateUser',
  input: structure<UpdateUserRequest>({
    UserName: required(existingUserName),
    NewPath: path,
    NewUserName: userName,
  }),
  targets: {
    user: userTarget('iam:UpdateUser'),
    renamed: renamedEntityTarget(users, {
      permission: 'iam:UpdateUser',
      name: (input) => input.UserName,
      newName: (input) => input.NewUserName,
      renamed: (record, { NewPath = record.path, NewUserName = record.userName }) => ({
        ...record,
        path: NewPath,
        userName: NewUserName,
      }),
    }),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['UserName', 'NewPath', 'NewUserName'] },
  async handle({ targets, transaction }) {
    const { record: before } = targets.user;
    const { record: after } = targets.renamed;
    const { accountId } = before;
    const place = ({ userName: name }: UserRecord) => identityName(accountId, name);
    await moveLinkedRecord(transaction, usersTable, place(before), place(after), () => after);
    if (before.userName === after.userName) return undefined;
    const renamed = <T>(value: T): T => ({ ...value, userName: after.userName });
    for (const group of before.groups) {
      const member = ({ userName: name }: UserRecord) => groupMemberName(accountId, group, name);
      await moveLinkedRecord(transaction, groupMembersTable, member(before), member(after), renamed);
    }
    for (const id of before.accessKeyIds) await moveLinkedRecord(transaction, accessKeysTable, id, id, renamed);
    await moveAttachments(transaction, 'User', before, before.userName, after.userName);
    return undefined;
  },
};
