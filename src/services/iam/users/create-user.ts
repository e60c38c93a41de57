import type { CreateUserRequest, CreateUserResponse } from '@aws-sdk/client-iam';
import { arn, path, tags, userName } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import { type Entity, newEntityTarget } from '../entity.ts';
import { newUniqueId } from '../identifiers.ts';
import { users } from '../kinds.ts';
import { boundaryOfRequestConditions, recordNewBoundary } from '../permissions-boundaries.ts';
import type { IamOperation } from '../ports.ts';
import { refuseBeyondAccountQuota } from '../quotas.ts';
import { identityName, type UserRecord, usersTable } from '../records.ts';
import { newTags, requestTagConditions, taggingTarget } from '../tags.ts';
import { shownUser } from './shown-user.ts';

export const MOST_USERS = 5000;

interface Targets {
  readonly user: Entity<UserRecord>;
  readonly tagging: Entity<UserRecord>;
}

export const createUser: IamOperation<CreateUserRequest, CreateUserResponse, Targets> = {
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
      conditions: {
        ...requestTagConditions(({ Tags }) => Tags),
        ...boundaryOfRequestConditions(({ PermissionsBoundary }) => PermissionsBoundary),
      },
    }),
    tagging: taggingTarget(
      newEntityTarget(users, {
        permission: 'iam:TagUser',
        name: (input) => input.UserName,
        path: (input) => input.Path,
        conditions: requestTagConditions(({ Tags }) => Tags),
      }),
    ),
  },
  effect: 'change',
  audit: {
    readOnly: false,
    request: ['Path', 'UserName', 'PermissionsBoundary', 'Tags'],
    response: ({ User }) => ({ User }),
  },
  async handle({ input, scope, ports, transaction }) {
    const { accountId } = scope.caller.principal;
    const { PermissionsBoundary: boundary } = input;
    await refuseBeyondAccountQuota(transaction, usersTable, accountId, 'UsersPerAccount', MOST_USERS);
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
      tags: newTags(input.Tags, 'ignored'),
      ...(boundary === undefined ? {} : { permissionsBoundary: boundary }),
    };
    if (boundary !== undefined) {
      const { userName: name, userId: id } = user;
      await recordNewBoundary(transaction, accountId, { policyArn: boundary, kind: 'User', name, id });
    }
    await transaction.create(usersTable, identityName(accountId, user.userName), user);
    return { User: shownUser(user) };
  },
};
