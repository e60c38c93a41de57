import {
  type AuthorizationRequest,
  beginEvaluation,
  type Evaluation,
  spend,
  WORK_PER_DECISION,
  type Work,
} from './evaluation.ts';
import { type Policy, type Statement, statementCovers } from './policy.ts';
import {
  actsForAccount,
  allowNaming,
  DIRECTLY,
  denyNames,
  type GrantNaming,
  type Naming,
  NOT_NAMED,
  VIA_ROLE,
} from './principal.ts';
import { NO, YES } from './truth.ts';

/** All the policies that bear on a request. */
export interface PolicySet {
  /**
   * The policy of the resource. Absent only for actions that are about no resource that has one (kms:CreateKey,
   * kms:ListKeys, an alias).
   *
   * INVARIANT: whoever asks about a key passes its policy, but for kms:RetireGrant, of which AWS lets key policies say
   * nothing. Absent, the identity policies alone would decide.
   */
  readonly resourcePolicy?: Policy | undefined;
  /** The account that owns the resource; for an action about no resource, the account it happens in. */
  readonly resourceAccountId: string;
  readonly identityPolicies: readonly Policy[];
  readonly permissionsBoundary?: Policy | undefined;
  /** None, or an empty list, when the session was made without any. A request must be allowed by one of them. */
  readonly sessionPolicies?: readonly Policy[] | undefined;
}

export type Decision = Allowed | Denied;

export interface Allowed {
  readonly allowed: true;
  readonly by: {
    /** `account-root` when no statement was needed: the root user acts in its own account. */
    readonly source: 'resource-policy' | 'identity-policy' | 'account-root' | 'grant';
    readonly statement?: StatementReference;
    /** The resource policy's statement that made the identity policy count. */
    readonly delegatedBy?: StatementReference;
  };
}

export interface Denied {
  readonly allowed: false;
  readonly reason: DenyReason;
  /** The statement that denies, of an explicit deny. */
  readonly statement?: StatementReference;
}

export type DenyReason =
  | 'explicit-deny-in-resource-based-policy'
  | 'explicit-deny-in-identity-based-policy'
  | 'explicit-deny-in-permissions-boundary'
  | 'explicit-deny-in-session-policy'
  | 'no-resource-based-policy-allows'
  | 'no-identity-based-policy-allows'
  | 'no-permissions-boundary-allows'
  | 'no-session-policy-allows';

/** A statement's place in its document, for the audit trail. */
export type StatementReference = Pick<Statement, 'sid' | 'index'>;

/**
 * Decides as AWS does ("Policy evaluation logic" in the IAM User Guide, "Determining access to AWS KMS keys" in the KMS
 * Developer Guide): an explicit deny anywhere wins; then the resource policy must name the caller or its account; where
 * it names only the account, or where the account is not the resource's, the caller's own policies must allow too.
 */
export function decide(request: AuthorizationRequest, policies: PolicySet): Decision {
  return decideWithin(beginEvaluation(request, WORK_PER_DECISION), policies);
}

/**
 * The same for one of many decisions that somebody asks for at once.
 *
 * @param shared the work that all of them may take, of which this one's is taken; below zero there was not enough
 */
export function decideCounted(request: AuthorizationRequest, policies: PolicySet, shared: Work): Decision {
  const evaluation = beginEvaluation(request, WORK_PER_DECISION);
  const decision = decideWithin(evaluation, policies);
  spend(shared, WORK_PER_DECISION - evaluation.left);
  return decision;
}

/** The same with as much work as the evaluation brings along. */
export function decideWithin(evaluation: Evaluation, policies: PolicySet): Decision {
  const denied = findExplicitDeny(evaluation, policies);
  if (denied) return denied;

  const { principal } = evaluation;
  const isAtHome = principal.accountId === policies.resourceAccountId;
  if (!policies.resourcePolicy) {
    return isAtHome ? decideByIdentity(evaluation, policies, undefined) : denials.noResourcePolicy;
  }

  const grounds = strongestAllow(policies.resourcePolicy, evaluation);
  if (grounds === undefined) return denials.noResourcePolicy;

  if (!actsForAccount(principal)) return allowedBy('resource-policy', grounds.statement);
  if (isAtHome) {
    if (grounds.naming === DIRECTLY) return allowedBy('resource-policy', grounds.statement);
    if (grounds.naming === VIA_ROLE) {
      return limitedBy(evaluation, policies) ?? allowedBy('resource-policy', grounds.statement);
    }
  }
  return decideByIdentity(evaluation, policies, grounds.statement);
}

/**
 * Decides once more when policies have not allowed the request and a grant does, for whom the grant names. AWS documents
 * grants as a part of what the key policy says ("Grants in AWS KMS", developer guide), and of resource policies which of
 * the caller's own policies limit them ("Policy evaluation logic", IAM User Guide): what names the caller itself, none; what
 * names its role, the permissions boundary and the session policies; what names its account leaves it to all of them. An
 * explicit deny anywhere wins over any grant. Unlike a key policy, a grant to someone of another account needs nothing of
 * that account.
 */
export function decideByGrant(request: AuthorizationRequest, policies: PolicySet, naming: GrantNaming): Decision {
  const evaluation = beginEvaluation(request, WORK_PER_DECISION);
  const denied = findExplicitDeny(evaluation, policies);
  if (denied) return denied;
  if (naming === 'account') return decideByIdentity(evaluation, policies, undefined);
  const limited = naming === 'role' ? limitedBy(evaluation, policies) : undefined;
  return limited ?? allowedBy('grant');
}

/** INVARIANT: no grant overrides an explicit deny. */
export function leavesRoomForGrants({ reason }: Denied): boolean {
  return !reason.startsWith('explicit-deny');
}

/** Of several types of policy that deny, one is told; AWS does the same, without saying which. */
function findExplicitDeny(evaluation: Evaluation, policies: PolicySet): Denied | undefined {
  const { resourcePolicy, identityPolicies, permissionsBoundary, sessionPolicies } = policies;
  const hasBoundary = permissionsBoundary !== undefined;
  const inResource = resourcePolicy && firstDeny(resourcePolicy, evaluation, hasBoundary);
  if (inResource) return explicitDeny('explicit-deny-in-resource-based-policy', inResource);
  for (const policy of identityPolicies) {
    const inIdentity = firstDeny(policy, evaluation, hasBoundary);
    if (inIdentity) return explicitDeny('explicit-deny-in-identity-based-policy', inIdentity);
  }
  const inBoundary = permissionsBoundary && firstDeny(permissionsBoundary, evaluation, hasBoundary);
  if (inBoundary) return explicitDeny('explicit-deny-in-permissions-boundary', inBoundary);
  if (sessionPolicies) {
    for (const policy of sessionPolicies) {
      const inSession = firstDeny(policy, evaluation, hasBoundary);
      if (inSession) return explicitDeny('explicit-deny-in-session-policy', inSession);
    }
  }
  return undefined;
}

/** INVARIANT: a Deny that cannot be evaluated denies. */
function firstDeny(policy: Policy, evaluation: Evaluation, hasBoundary: boolean): Statement | undefined {
  for (const statement of policy.denies) {
    if (statement.principal && !denyNames(statement.principal, evaluation.principal, hasBoundary)) continue;
    if (statementCovers(statement, evaluation) !== NO) return statement;
  }
  return undefined;
}

interface Grounds {
  readonly naming: Naming;
  readonly statement: Statement;
}

/** The allowing statement of a resource policy that names the caller most strongly. */
function strongestAllow(policy: Policy, evaluation: Evaluation): Grounds | undefined {
  let naming: Naming = NOT_NAMED;
  let strongest: Statement | undefined;
  for (const statement of policy.allows) {
    if (!statement.principal) continue;
    const found = allowNaming(statement.principal, evaluation.principal);
    if (found <= naming || !allows(statement, evaluation)) continue;
    naming = found;
    strongest = statement;
    if (naming === DIRECTLY) break;
  }
  return strongest && { naming, statement: strongest };
}

/** The caller's own side: an identity policy must allow, within the permissions boundary and the session policies. */
function decideByIdentity(evaluation: Evaluation, policies: PolicySet, delegation: Statement | undefined): Decision {
  const { principal } = evaluation;
  if (!actsForAccount(principal)) return denials.noIdentityPolicy;
  // Nothing needs to allow the root user of an account what the account may do.
  const isRoot = principal.type === 'Root';
  const allowing = isRoot ? undefined : firstAllow(policies.identityPolicies, evaluation);
  if (!isRoot && allowing === undefined) return denials.noIdentityPolicy;
  const limited = limitedBy(evaluation, policies);
  if (limited) return limited;
  if (allowing) return allowedBy('identity-policy', allowing, delegation);
  return delegation ? allowedBy('resource-policy', delegation) : allowedBy('account-root');
}

/** What a permissions boundary or the session policies do not allow, implicitly. */
function limitedBy(evaluation: Evaluation, policies: PolicySet): Denied | undefined {
  const { permissionsBoundary, sessionPolicies } = policies;
  if (permissionsBoundary && !allowsAny(permissionsBoundary, evaluation)) return denials.noBoundary;
  if (sessionPolicies === undefined || sessionPolicies.length === 0) {
    // A federated user's session without a policy has no permissions but those that a resource gives it by name (API
    // reference of GetFederationToken).
    return evaluation.principal.type === 'FederatedUser' ? denials.noSessionPolicy : undefined;
  }
  return firstAllow(sessionPolicies, evaluation) ? undefined : denials.noSessionPolicy;
}

function firstAllow(policies: readonly Policy[], evaluation: Evaluation): Statement | undefined {
  for (const policy of policies) {
    const statement = allowsAny(policy, evaluation);
    if (statement) return statement;
  }
  return undefined;
}

/** The first allowing statement of a policy that is about its bearer. */
function allowsAny(policy: Policy, evaluation: Evaluation): Statement | undefined {
  for (const statement of policy.allows) {
    if (!statement.principal && allows(statement, evaluation)) return statement;
  }
  return undefined;
}

/** INVARIANT: an Allow that cannot be evaluated does not allow. */
function allows(statement: Statement, evaluation: Evaluation): boolean {
  return statementCovers(statement, evaluation) === YES;
}

function allowedBy(source: Allowed['by']['source'], statement?: Statement, delegation?: Statement): Allowed {
  if (statement === undefined) return { allowed: true, by: { source } };
  if (delegation === undefined) return { allowed: true, by: { source, statement: referenceTo(statement) } };
  return {
    allowed: true,
    by: { source, statement: referenceTo(statement), delegatedBy: referenceTo(delegation) },
  };
}

function explicitDeny(reason: DenyReason, statement: Statement): Denied {
  return { allowed: false, reason, statement: referenceTo(statement) };
}

function referenceTo(statement: Statement): StatementReference {
  return { sid: statement.sid, index: statement.index };
}

const denials = {
  noResourcePolicy: Object.freeze<Denied>({ allowed: false, reason: 'no-resource-based-policy-allows' }),
  noIdentityPolicy: Object.freeze<Denied>({ allowed: false, reason: 'no-identity-based-policy-allows' }),
  noBoundary: Object.freeze<Denied>({ allowed: false, reason: 'no-permissions-boundary-allows' }),
  noSessionPolicy: Object.freeze<Denied>({ allowed: false, reason: 'no-session-policy-allows' }),
};
