import {
  type AuthorizationRequest,
  type Decision,
  decideCounted,
  matchedStatements,
  type Policy,
  type PolicySet,
  type Principal,
  spend,
  WORK_PER_DECISION,
  type Work,
} from '../../../authorization/index.ts';
import { KeyholdError } from '../../../runtime/errors.ts';
import { EVERYTHING } from '../identity-policies.ts';
import { type ContextValues, simulatedContext } from './simulated-context.ts';
import type { SourcedPolicy } from './sources.ts';

/** What would be decided of a request that nobody makes: the engine's own decisions, laid out as AWS's simulator does. */
export interface Simulation {
  readonly principal: Principal;
  readonly identity: readonly SourcedPolicy[];
  readonly boundary?: SourcedPolicy;
  readonly resourcePolicy?: SourcedPolicy;
  /** Owns the resources whose ARNs name no account. */
  readonly resourceOwner: string;
  /** Policies of an organization, level by level from its root: of each level, one must allow. */
  readonly organization: readonly (readonly Policy[])[];
  readonly context: ContextValues;
  /** What is left of the work that all outcomes of one request share. */
  readonly work: Work;
}

/**
 * Of one request. What it takes is the product of its policies, its resources and its values, and whoever may do no more than
 * look at policies could stop a worker for minutes. Of usual policies, an outcome takes some thousand units.
 */
const WORK_PER_SIMULATION = 10 * WORK_PER_DECISION;
/** Going past a statement, whether or not it speaks of the request. */
const WORK_PER_STATEMENT = 16;
/** Something that the answer shows once more for each resource, and each character of it. */
const WORK_PER_SHOWN = 512;
const WORK_PER_SHOWN_CHARACTER = 4;

export function simulationWork(): Work {
  return { left: WORK_PER_SIMULATION };
}

/** @throws KeyholdError InvalidInputException when the work is used up */
function charge(work: Work, units: number): void {
  if (spend(work, units)) return;
  throw new KeyholdError('InvalidInputException', 'The policies and values take too long to simulate at once.');
}

export type Verdict = 'allowed' | 'explicitDeny' | 'implicitDeny';

/** Of one action on one resource. */
export interface Outcome {
  readonly resource: string;
  readonly verdict: Verdict;
  /** The statements that decided. */
  readonly matched: readonly MatchedStatement[];
  /** Condition keys that were needed and not given, as conditions ask for them. */
  readonly missing: ReadonlySet<string>;
  readonly allowedByBoundary?: boolean;
  readonly allowedByOrganization?: boolean;
  /** What the policies of either account come to, where there are two accounts. */
  readonly acrossAccounts?: ReadonlyMap<string, Verdict>;
}

export interface MatchedStatement {
  readonly source: SourcedPolicy;
  /** The statement's place in its document, from 0. */
  readonly index: number;
}

export function simulate(simulation: Simulation, action: string, resource: string): Outcome {
  const { principal, boundary, organization } = simulation;
  const context = simulatedContext(simulation.context);
  const request: AuthorizationRequest = { principal, action, resource, context };
  const resourceAccountId = accountOf(resource) ?? simulation.resourceOwner;
  const identityPolicies = simulation.identity.map(({ policy }) => policy);

  const common = {
    resource,
    missing: context.missing,
    ...(boundary === undefined
      ? {}
      : { allowedByBoundary: decideAlone(simulation, request, [boundary.policy]).allowed }),
  };
  for (const level of organization) {
    const decision = decideAlone(simulation, request, level);
    // "The simulation ends" there (API reference of EvaluationResult); statements of an organization are not shown.
    if (!decision.allowed) {
      return { ...common, verdict: verdictOf(decision), matched: [], allowedByOrganization: false };
    }
  }
  const decision = decideOne(simulation, request, {
    resourcePolicy: simulation.resourcePolicy?.policy,
    resourceAccountId,
    identityPolicies,
    permissionsBoundary: boundary?.policy,
  });
  const verdict = verdictOf(decision);
  const matched = decidingStatements(simulation, request, verdict);
  charge(simulation.work, matched.length * WORK_PER_SHOWN);
  for (const key of context.missing) {
    charge(simulation.work, WORK_PER_SHOWN + key.length * WORK_PER_SHOWN_CHARACTER);
  }
  return {
    ...common,
    verdict,
    matched,
    ...(organization.length === 0 ? {} : { allowedByOrganization: true }),
    ...(resourceAccountId === principal.accountId
      ? {}
      : { acrossAccounts: acrossAccounts(simulation, request, resourceAccountId) }),
  };
}

/** "If any statement denies … the deny statement is the only entry included"; an implicit deny has none. */
function decidingStatements(
  { identity, boundary, resourcePolicy, work }: Simulation,
  request: AuthorizationRequest,
  verdict: Verdict,
): MatchedStatement[] {
  if (verdict === 'implicitDeny') return [];
  const deciding = [resourcePolicy, ...identity, verdict === 'explicitDeny' ? boundary : undefined].filter(
    (source) => source !== undefined,
  );
  const effect = verdict === 'allowed' ? 'Allow' : 'Deny';
  const asked = deciding.map(({ policy }) => policy);
  return matchedStatements(request, asked, work, boundary !== undefined)
    .filter((statement) => statement.effect === effect)
    .map(({ policy, statement }) => ({ source: deciding[policy] as SourcedPolicy, index: statement }));
}

function acrossAccounts(
  simulation: Simulation,
  request: AuthorizationRequest,
  resourceAccountId: string,
): ReadonlyMap<string, Verdict> {
  const { identity, boundary, resourcePolicy } = simulation;
  const own = decideOne(simulation, request, {
    resourceAccountId: request.principal.accountId,
    identityPolicies: identity.map(({ policy }) => policy),
    permissionsBoundary: boundary?.policy,
  });
  const other =
    resourcePolicy &&
    decideOne(simulation, request, {
      resourcePolicy: resourcePolicy.policy,
      resourceAccountId,
      identityPolicies: [EVERYTHING],
    });
  return new Map([
    ['IAM Policy', verdictOf(own)],
    ['Resource Policy', other === undefined ? 'implicitDeny' : verdictOf(other)],
  ]);
}

/** What these policies say of the request, had the caller no others. */
function decideAlone(
  simulation: Simulation,
  request: AuthorizationRequest,
  identityPolicies: readonly Policy[],
): Decision {
  return decideOne(simulation, request, { resourceAccountId: request.principal.accountId, identityPolicies });
}

function decideOne({ work }: Simulation, request: AuthorizationRequest, policies: PolicySet): Decision {
  const asked = [policies.resourcePolicy, policies.permissionsBoundary, ...policies.identityPolicies];
  const statements = asked.reduce((sum, policy) => sum + (policy ? policy.allows.length + policy.denies.length : 0), 0);
  const decision = decideCounted(request, policies, work);
  charge(work, statements * WORK_PER_STATEMENT);
  return decision;
}

function verdictOf(decision: Decision): Verdict {
  if (decision.allowed) return 'allowed';
  return decision.reason.startsWith('explicit-deny') ? 'explicitDeny' : 'implicitDeny';
}

/** The account in a resource's ARN; undefined where there is none, as in the ARNs of buckets. */
function accountOf(resource: string): string | undefined {
  const accountId = resource.split(':', 5)[4];
  return accountId !== undefined && /^\d{12}$/.test(accountId) ? accountId : undefined;
}
