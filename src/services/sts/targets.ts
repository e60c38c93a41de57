import type { Target } from '../operation.ts';
import type { StsPorts } from './ports.ts';

/**
 * "No permissions are required to perform this operation. If an administrator attaches a policy … that explicitly denies
 * access to the sts:GetCallerIdentity action, you can still perform this operation" (API reference of GetCallerIdentity).
 */
export function freeForAll<Input>(permission: string): Target<Input, undefined, StsPorts> {
  return {
    permission,
    needsNoPermission: true,
    resolve: () => undefined,
    facts: (_, scope) => ({ arn: '*', accountId: scope.caller.principal.accountId }),
    condition: () => undefined,
    summary: { namedBy: 'account', crossAccount: false, states: [], conditionKeys: [] },
  };
}
