/** The IAM policy language: parse, match, decide, explain. Pure: no clock, no randomness, no I/O. */
export { type ConditionContext, contextKey } from './context.ts';
export { contextKeysOf } from './context-keys.ts';
export {
  type Allowed,
  type Decision,
  type Denied,
  type DenyReason,
  decide,
  decideByGrant,
  decideCounted,
  leavesRoomForGrants,
  type PolicySet,
  type StatementReference,
} from './decide.ts';
export { type AuthorizationRequest, spend, WORK_PER_DECISION, type Work } from './evaluation.ts';
export { denialMessage } from './explain.ts';
export { type MatchedStatement, matchedStatements } from './matched-statements.ts';
export { parseManagedPolicy, parsePolicy } from './parse-policy.ts';
export type { Policy, PolicyKind } from './policy.ts';
export { policySize } from './policy-size.ts';
export {
  accountRootArn,
  type GrantNaming,
  grantNames,
  invalidPrincipal,
  isServiceName,
  type Principal,
  type PrincipalIds,
  parsePrincipalArn,
} from './principal.ts';
export { type StatementSpan, statementSpans, type TextPosition } from './statement-spans.ts';
export { writtenWithIds } from './written-with-ids.ts';
