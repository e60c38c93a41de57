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

/** The same, of services whose refusals name no resource then: CloudTrail and CloudWatch. */
export function namelessAccountTarget<Input, Ports>(permission: string): Target<Input, undefined, Ports> {
  return {
    ...accountTarget<Input, Ports>(permission),
    facts: (_, scope) => ({ arn: '*', shownAs: '', accountId: scope.caller.principal.accountId }),
  };
}
