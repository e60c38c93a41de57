import { KeyholdError } from '../../../runtime/errors.ts';
import type { Scope } from '../../caller.ts';
import type { ConditionTable } from '../../condition-table.ts';
import type { ConditionRequest, Target } from '../../operation.ts';
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

/** "If you do not specify a user name, IAM determines the user name implicitly based on the access key signing the request." */
export function userOrCallerTarget<Input extends MayNameUser>(
  permission: string,
): Target<Input, Entity<UserRecord>, IamPorts> {
  return entityTarget(users, { permission, name: (input: Input, scope) => input.UserName ?? ownName(scope) });
}

function ownName({ caller }: Scope): string {
  if (caller.userName !== undefined) return caller.userName;
  throw new KeyholdError('ValidationException', 'Must specify userName when calling with non-User credentials');
}
