import { KeyholdError } from '../../../runtime/errors.ts';
import type { Scope } from '../../caller.ts';
import type { ConditionTable } from '../../condition-table.ts';
import type { ConditionRequest, Target } from '../../operation.ts';
import { rootArn } from '../arns.ts';
import { type Entity, entityTarget } from '../entity.ts';
import { users } from '../kinds.ts';
import type { IamPorts } from '../ports.ts';
import type { UserRecord } from '../records.ts';

interface NamesUser {
  readonly UserName: string;
}

interface MayNameUser {
  readonly UserName?: string | undefined;
}

/** The user that the request names. */
export function userTarget<Input extends NamesUser>(
  permission: string,
  conditions?: ConditionTable<ConditionRequest<Input, unknown>>,
): Target<Input, Entity<UserRecord>, IamPorts> {
  const name = (input: Input) => input.UserName;
  return entityTarget(users, { permission, name, ...(conditions === undefined ? {} : { conditions }) });
}

/** A user, or the root user of the caller's account, who has no record and no name. */
export interface UserOrRoot {
  readonly user?: Entity<UserRecord>;
}

/**
 * "If you do not specify a user name, IAM determines the user name implicitly based on the access key signing the request"
 * (API reference), which may be root's.
 */
export function userOrCallerTarget<Input extends MayNameUser>(permission: string): Target<Input, UserOrRoot, IamPorts> {
  const ofUser = entityTarget(users, { permission, name: (input: Input, scope) => input.UserName ?? ownName(scope) });
  return {
    permission,
    resolve: async (input, ports, scope) => {
      if (input.UserName === undefined && scope.caller.principal.type === 'Root') return {};
      return { user: await ofUser.resolve(input, ports, scope) };
    },
    facts: ({ user }, scope) => {
      if (user !== undefined) return ofUser.facts(user, scope);
      const { accountId } = scope.caller.principal;
      return { arn: rootArn(accountId), accountId };
    },
    condition: (key, request) => {
      const { user } = request.resolved;
      return user && ofUser.condition(key, { ...request, resolved: user });
    },
    check: ({ user }, input, scope) => {
      if (user !== undefined) ofUser.check?.(user, input, scope);
    },
    summary: ofUser.summary,
  };
}

function ownName({ caller }: Scope): string {
  if (caller.userName !== undefined) return caller.userName;
  throw new KeyholdError('ValidationException', 'Must specify userName when calling with non-User credentials');
}
