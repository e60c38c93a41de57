import type { GetUserRequest, GetUserResponse, User } from '@aws-sdk/client-iam';
import { existingUserName } from '../../../wire/iam-shapes.ts';
import { structure } from '../../../wire/shapes.ts';
import { rootArn } from '../arns.ts';
import type { IamOperation } from '../ports.ts';
import { accountsTable } from '../records.ts';
import { shownUser } from './shown-user.ts';
import { type UserOrRoot, userOrCallerTarget } from './user-target.ts';

export const getUser: IamOperation<GetUserRequest, GetUserResponse, { user: UserOrRoot }> = {
  name: 'GetUser',
  input: structure<GetUserRequest>({ UserName: existingUserName }),
  targets: { user: userOrCallerTarget('iam:GetUser') },
  effect: 'read',
  audit: { readOnly: true, request: ['UserName'] },
  async handle({ targets, scope, ports }) {
    const { user } = targets.user;
    if (user !== undefined) return { User: shownUser(user.record) };
    // Root has neither name nor path, and the account's id for its own.
    const { id, accountId } = scope.caller.principal;
    const account = await ports.store.get(accountsTable, accountId);
    // Nobody has made the accounts of the sandbox.
    const CreateDate = new Date(account?.value.createdAtMs ?? scope.nowMs);
    return { User: { UserId: id, Arn: rootArn(accountId), CreateDate } as User };
  },
};
