import { groupName, roleName, userName } from '../../wire/iam-shapes.ts';
import type { Shape } from '../../wire/shapes.ts';
import { type Entity, type EntityKind, entityTarget } from './entity.ts';
import { groups, roles, users } from './kinds.ts';
import type { GroupRecord, PolicyBearer, RoleRecord, UserRecord } from './records.ts';

/** Those who have policies, and what differs from one kind of them to the next. */
export interface Bearers<R extends PolicyBearer> {
  readonly kind: EntityKind<R>;
  /** As the names of operations and members say it: Put`User`Policy, `User`Name. */
  readonly title: 'User' | 'Group' | 'Role';
  /** Of the member that names the bearer. */
  readonly name: Shape<string>;
  /** The unique id. */
  readonly idOf: (record: R) => string;
}

export const userBearers: Bearers<UserRecord> = {
  kind: users,
  title: 'User',
  name: userName,
  idOf: ({ userId }) => userId,
};

export const groupBearers: Bearers<GroupRecord> = {
  kind: groups,
  title: 'Group',
  name: groupName,
  idOf: ({ groupId }) => groupId,
};

export const roleBearers: Bearers<RoleRecord> = {
  kind: roles,
  title: 'Role',
  name: roleName,
  idOf: ({ roleId }) => roleId,
};

/** The target of an operation on one bearer, which the member called after the kind names. */
export function bearerTarget<R extends PolicyBearer>({ kind, title }: Bearers<R>, operation: string, conditions = {}) {
  const member = `${title}Name`;
  return {
    bearer: entityTarget<object, R>(kind, {
      permission: `iam:${operation}`,
      name: (input) => (input as Record<string, string>)[member] as string,
      conditions,
    }),
  };
}

export interface BearerTargets<R> {
  readonly bearer: Entity<R>;
}

/** What the audit record shows of a request: the bearer's name, and these. */
export function shownMembers<T>(
  { title }: { readonly title: string },
  ...members: (keyof T & string)[]
): (keyof T & string)[] {
  return [`${title}Name` as keyof T & string, ...members];
}
