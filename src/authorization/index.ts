/** The IAM policy language: parse, match, decide, explain. Pure: no clock, no randomness, no I/O. */
export type { ConditionContext } from './context.ts';
export {
  type Allowed,
  type Decision,
  type Denied,
  type DenyReason,
  decide,
  leavesRoomForGrants,
  type PolicySet,
  type StatementReference,
} from './decide.ts';
export type { AuthorizationRequest } from './evaluation.ts';
export { denialMessage } from './explain.ts';
export { parsePolicy } from './parse-policy.ts';
export type { Policy, PolicyKind } from './policy.ts';
export { accountRootArn, grantNames, isServiceName, type Principal, parsePrincipalArn } from './principal.ts';
