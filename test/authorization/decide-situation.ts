import { decideByGrant, decideWithin, leavesRoomForGrants, type PolicySet } from '../../src/authorization/decide.ts';
import { beginEvaluation, WORK_PER_DECISION } from '../../src/authorization/evaluation.ts';
import { contextOf } from '../../src/authorization/fixtures.test-helper.ts';
import { parsePolicy } from '../../src/authorization/parse-policy.ts';
import type { Policy, PolicyKind } from '../../src/authorization/policy.ts';
import { grantNames } from '../../src/authorization/principal.ts';
import type { Verdict } from '../../src/authorization/reference.test-helper.ts';
import type { Situation, WrittenGrant, WrittenPolicy } from '../../src/authorization/situation.test-helper.ts';
import { type FoldedTerms, foldContext, foldTerms, isGrantOperation, termsAllow } from '../../src/keys/grant.ts';

/** The engine's answer where the reference gives its own, by the way that perform.ts takes. */
export function decideSituation(s: Situation, policies: PolicySet, work = WORK_PER_DECISION): Verdict {
  const { principal, action, resource, context } = s;
  const request = { principal, action, resource, context: contextOf(context) };
  const decision = decideWithin(beginEvaluation(request, work), policies);
  if (decision.allowed) return 'allowed';
  if (!leavesRoomForGrants(decision)) return decision.reason;
  const byGrant = grantNames(principal).some(
    ({ name, naming }) =>
      s.grants.some((grant) => grant.grantee === name && grantFits(grant, s)) &&
      decideByGrant(request, policies, naming).allowed,
  );
  return byGrant ? 'allowed' : decision.reason;
}

export function policySetOf(s: Situation): PolicySet {
  const bearers = (policy: WrittenPolicy) => parsed(policy, 'identity');
  return {
    resourceAccountId: s.resourceAccountId,
    resourcePolicy: s.resourcePolicy && parsed(s.resourcePolicy, isTrust(s) ? 'trust' : 'resource', s.principalIds),
    identityPolicies: s.identityPolicies.map(bearers),
    permissionsBoundary: s.boundary && bearers(s.boundary),
    sessionPolicies: s.sessionPolicies.map(bearers),
  };
}

/** Whether a role is asked for, and its trust policy. */
export function isTrust({ action }: Situation): boolean {
  return action.startsWith('sts:');
}

function parsed(policy: WrittenPolicy, kind: PolicyKind, ids: Situation['principalIds'] = {}): Policy {
  return parsePolicy(JSON.stringify(policy), kind, new Map(Object.entries(ids)));
}

function grantFits(grant: WrittenGrant, s: Situation): boolean {
  const operation = s.action.replace('kms:', '');
  if (!isGrantOperation(operation) || operation === 'CreateGrant') return false;
  const prefix = 'kms:encryptioncontext:';
  const pairs = Object.entries(s.context).flatMap(([key, [value]]) =>
    key.startsWith(prefix) && value !== undefined ? [[key.slice(prefix.length), value] as const] : [],
  );
  return termsAllow(termsOf(grant), { operation, context: foldContext(Object.fromEntries(pairs)) });
}

function termsOf({ operations, contextSubset }: WrittenGrant): FoldedTerms {
  return foldTerms({
    operations: operations.filter(isGrantOperation),
    constraints: contextSubset === undefined ? {} : { encryptionContextSubset: contextSubset },
  });
}
