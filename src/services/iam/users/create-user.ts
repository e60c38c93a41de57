import type { CreateUserRequest, CreateUserResponse } from '@aws-sdk/client-iam';
import { KeyholdError } from '../../../runtime/errors.ts';
import { arn, path, tags, userName } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import { type Entity, newEntityTarget } from '../entity.ts';
import { newUniqueId } from '../identifiers.ts';
import { users } from '../kinds.ts';
import type { IamOperation } from '../ports.ts';
import { accountPrefix, identityName, type UserRecord, usersTable } from '../records.ts';
import { newTags, requestTagConditions } from '../tags.ts';
import { shownUser } from './shown-user.ts';

/** AWS's quota of an account. */
const MOST_USERS = 5000;

export const createUser: IamOperation<CreateUserRequest, CreateUserResponse, { user: Entity<UserRecord> }> = {
  name: 'CreateUser',
  input: structure<CreateUserRequest>({
    Path: path,
    UserName: required(userName),
    PermissionsBoundary: arn,
    Tags: tags,
  }),
  targets: {
    user: newEntityTarget(users, {
      permission: 'iam:CreateUser',
      name: (input) => input.UserName,
      path: (input) => input.Path,
      conditions: requestTagConditions(({ Tags }) => Tags),
    }),
  },
  effect: 'change',
  audit: {
    readOnly: false,
    request: ['Path', 'UserName', 'PermissionsBoundary', 'Tags'],
    response: ({ User }) => ({ User }),
  },
  async handle({ input, scope, ports, transaction }) {
    const { accountId } = scope.caller.principal;
    const names = await transaction.names(usersTable, { prefix: accountPrefix(accountId), limit: MOST_USERS });
    if (names.length >= MOST_USERS) {
      throw new KeyholdError('LimitExceededException', `Cannot exceed quota for UsersPerAccount: ${MOST_USERS}`);
    }
    const user: UserRecord = {
      accountId,
      userName: input.UserName,
      userId: newUniqueId('AIDA', ports.random),
      path: input.Path ?? '/',
      createdAtMs: scope.nowMs,
      inlinePolicies: [],
      attachedPolicies: [],
      groups: [],
      accessKeyIds: [],
      tags: newTags(input.Tags),
    };
    await transaction.create(usersTable, identityName(accountId, user.userName), user);
    return { User: shownUser(user) };
  },
};
