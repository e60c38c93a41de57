import type { EvaluationResult, ResourceSpecificResult, Statement } from '@aws-sdk/client-iam';
import { contextKey } from '../../../authorization/index.ts';
import type { MatchedStatement, Outcome, Verdict } from './simulation.ts';

/** The outcomes of one action on each of its resources, as AWS's simulator answers them. */
export function shownResult(action: string, outcomes: readonly Outcome[], writtenKeys: WrittenKeys): EvaluationResult {
  const verdict = mostRestrictive(outcomes.map((outcome) => outcome.verdict));
  const [only] = outcomes;
  const resource = outcomes.length === 1 && only !== undefined ? only.resource : resourceTemplate(action);
  const organization = outcomes.map(({ allowedByOrganization }) => allowedByOrganization);
  const matched = outcomes.filter((outcome) => outcome.verdict === verdict).flatMap((outcome) => outcome.matched);
  return {
    EvalActionName: action,
    EvalResourceName: resource,
    EvalDecision: verdict,
    MatchedStatements: shownStatements(matched),
    MissingContextValues: shownKeys(new Set(outcomes.flatMap(({ missing }) => [...missing])), writtenKeys),
    ...(organization.includes(undefined)
      ? {}
      : { OrganizationsDecisionDetail: { AllowedByOrganizations: !organization.includes(false) } }),
    ...boundaryDetail(outcomes),
    ...(resource === ANY_RESOURCE && outcomes.length === 1
      ? {}
      : {
          EvalDecisionDetails: details(outcomes),
          ResourceSpecificResults: outcomes.map((outcome) => shownResource(outcome, writtenKeys)),
        }),
  };
}

/** What stands for no resource in particular. */
export const ANY_RESOURCE = '*';

/** Keys as policies write them, by the form in which conditions ask for them. */
export type WrittenKeys = ReadonlyMap<string, string>;

export function writtenKeys(names: Iterable<string>): WrittenKeys {
  const keys = new Map<string, string>();
  for (const name of names) if (!keys.has(contextKey(name))) keys.set(contextKey(name), name);
  return keys;
}

function shownResource(outcome: Outcome, keys: WrittenKeys): ResourceSpecificResult {
  return {
    EvalResourceName: outcome.resource,
    EvalResourceDecision: outcome.verdict,
    MatchedStatements: shownStatements(outcome.matched),
    MissingContextValues: shownKeys(outcome.missing, keys),
    ...(outcome.acrossAccounts === undefined ? {} : { EvalDecisionDetails: details([outcome]) }),
    ...boundaryDetail([outcome]),
  };
}

function shownKeys(asked: ReadonlySet<string>, keys: WrittenKeys): string[] {
  return [...asked].map((key) => keys.get(key) ?? key);
}

function boundaryDetail(outcomes: readonly Outcome[]): Pick<EvaluationResult, 'PermissionsBoundaryDecisionDetail'> {
  if (outcomes.some(({ allowedByBoundary }) => allowedByBoundary === undefined)) return {};
  const allowed = outcomes.every(({ allowedByBoundary }) => allowedByBoundary);
  return { PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: allowed } };
}

/** Of each kind of policy what it comes to at worst; empty within one account. */
function details(outcomes: readonly Outcome[]): Record<string, Verdict> {
  const worst = new Map<string, Verdict>();
  for (const { acrossAccounts = [] } of outcomes) {
    for (const [kind, verdict] of acrossAccounts) {
      worst.set(kind, mostRestrictive([verdict, worst.get(kind) ?? 'allowed']));
    }
  }
  // The keys of a map are data, which the XML writer tells by its being a Map.
  return worst as unknown as Record<string, Verdict>;
}

function mostRestrictive(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes('explicitDeny')) return 'explicitDeny';
  return verdicts.includes('implicitDeny') ? 'implicitDeny' : 'allowed';
}

/** Each statement once, by where it stands in its policy. */
function shownStatements(matched: readonly MatchedStatement[]): Statement[] {
  const seen = new Set<string>();
  return matched.flatMap(({ source, index }) => {
    const key = `${source.id} ${source.type} ${index}`;
    const span = source.spans[index];
    if (seen.has(key) || span === undefined) return [];
    seen.add(key);
    return {
      SourcePolicyId: source.id,
      SourcePolicyType: source.type as unknown as Statement['SourcePolicyType'],
      StartPosition: { Line: span.start.line, Column: span.start.column },
      EndPosition: { Line: span.end.line, Column: span.end.column },
    };
  });
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: AWS's notation of the form of ARNs
const KEY_TEMPLATE = 'arn:${Partition}:kms:${Region}:${Account}:key/${KeyId}';
/** Actions of KMS that are about no key ("Actions, resources, and condition keys for AWS KMS", Service Authorization Reference). */
const NOT_ON_KEYS =
  /^kms:(?:CreateKey|GenerateRandom|List(?:Keys|Aliases|RetirableGrants)|(?:Connect|Create|Delete|Describe|Disconnect|Update)CustomKeyStores?)$/i;

/**
 * What stands for several resources at once: the form of the ARNs that the action is about, or `*`. Of services besides KMS
 * we do not keep the forms.
 */
function resourceTemplate(action: string): string {
  return /^kms:/i.test(action) && !NOT_ON_KEYS.test(action) ? KEY_TEMPLATE : ANY_RESOURCE;
}
