import type { Policy, PolicySet } from '../authorization/index.ts';
import type { Caller } from './caller.ts';

/** All the policies that bear on what a caller asks of a resource. */
export function policiesOf(caller: Caller, resourceAccountId: string, resourcePolicy: Policy | undefined): PolicySet {
  const { identityPolicies, permissionsBoundary, sessionPolicies } = caller;
  return { resourcePolicy, resourceAccountId, identityPolicies, permissionsBoundary, sessionPolicies };
}
