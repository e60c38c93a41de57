import { existingUserName } from '../../../wire/iam-shapes.ts';
import type { AnyOperation } from '../../perform.ts';
import { userBearers } from '../bearers.ts';
import { entityTarget } from '../entity.ts';
import { inlinePolicyOperations } from '../inline-policies.ts';
import { users } from '../kinds.ts';
import { identityName, usersTable } from '../records.ts';
import { tagOperations } from '../tag-operations.ts';
import { createUser } from './create-user.ts';
import { deleteUser } from './delete-user.ts';
import { getUser } from './get-user.ts';
import { listGroupsForUser } from './list-groups-for-user.ts';
import { listUsers } from './list-users.ts';
import { updateUser } from './update-user.ts';

export const userOperations: readonly AnyOperation[] = [
  createUser,
  deleteUser,
  getUser,
  listGroupsForUser,
  listUsers,
  updateUser,
  ...inlinePolicyOperations({ ...userBearers, name: existingUserName }),
  ...tagOperations({
    title: 'User',
    member: 'UserName',
    name: existingUserName,
    keyCase: 'ignored',
    table: usersTable,
    recordName: ({ accountId, userName }) => identityName(accountId, userName),
    target: (declaration) => entityTarget(users, declaration),
  }),
];
