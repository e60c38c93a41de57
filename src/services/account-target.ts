import type { Target } from './operation.ts';

/** The account as a whole, for what is about no resource in particular. AWS writes its resource as `*`. */
export function accountTarget<Input, Ports>(permission: string): Target<Input, undefined, Ports> {
  return {
    permission,
    resolve: () => undefined,
    facts: (_, scope) => ({ arn: '*', accountId: scope.caller.principal.accountId }),
    condition: () => undefined,
    summary: { namedBy: 'account', crossAccount: false, states: [], conditionKeys: [] },
  };
}
