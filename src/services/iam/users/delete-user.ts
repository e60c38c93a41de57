import type { DeleteUserRequest } from '@aws-sdk/client-iam';
import { existingUserName } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import { refuseDeletion, refuseDeletionWithPolicies } from '../delete-conflicts.ts';
import type { Entity } from '../entity.ts';
import { forgetBoundary } from '../permissions-boundaries.ts';
import type { IamOperation } from '../ports.ts';
import { identityName, type UserRecord, usersTable } from '../records.ts';
import { userTarget } from './user-target.ts';

export const deleteUser: IamOperation<DeleteUserRequest, undefined, { user: Entity<UserRecord> }> = {
  name: 'DeleteUser',
  input: structure<DeleteUserRequest>({ UserName: required(existingUserName) }),
  targets: { user: userTarget('iam:DeleteUser') },
  effect: 'change',
  audit: { readOnly: false, request: ['UserName'] },
  async handle({ targets, transaction }) {
    const { record: user, version } = targets.user;
    refuseDeletion(user.groups.length > 0, 'remove users from group');
    refuseDeletion(user.accessKeyIds.length > 0, 'delete access keys');
    refuseDeletionWithPolicies(user);
    await forgetBoundary(transaction, { ...user, kind: 'User', name: user.userName });
    await transaction.remove(usersTable, identityName(user.accountId, user.userName), version);
    return undefined;
  },
};
