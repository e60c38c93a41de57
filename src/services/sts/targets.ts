import { KeyholdError } from '../../runtime/errors.ts';
import { accountTarget } from '../account-target.ts';
import type { CallerSession } from '../caller.ts';
import type { Target } from '../operation.ts';
import type { StsPorts } from './ports.ts';

/**
 * "No permissions are required to perform this operation. If an administrator attaches a policy … that explicitly denies
 * access to the sts:GetCallerIdentity action, you can still perform this operation" (API reference of GetCallerIdentity).
 */
export function freeForAll<Input>(permission: string): Target<Input, undefined, StsPorts> {
  return { ...accountTarget(permission), needsNoPermission: true };
}

/**
 * What is not for credentials that are temporary, whatever policies say ("Comparing AWS STS credentials", IAM user guide).
 *
 * @param operation absent where it is the one that the permission is named after
 */
export function refusingSessions<Input, Resolved>(
  target: Target<Input, Resolved, StsPorts>,
  kinds: readonly CallerSession['kind'][],
  operation: string = target.permission.slice('sts:'.length),
): Target<Input, Resolved, StsPorts> {
  return {
    ...target,
    resolve: (input, ports, scope) => {
      const { session } = scope.caller;
      if (session !== undefined && kinds.includes(session.kind)) {
        throw new KeyholdError('AccessDeniedException', `Cannot call ${operation} with session credentials`);
      }
      return target.resolve(input, ports, scope);
    },
  };
}
