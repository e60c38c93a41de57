import { readArn } from './arn.ts';
import { allHold, type Condition } from './conditions.ts';
import { type Evaluation, isSpent } from './evaluation.ts';
import { type ArnPattern, matchesArn } from './pattern.ts';
import type { PrincipalElement } from './principal.ts';
import { NO, not, type Truth, UNKNOWN, YES } from './truth.ts';
import { matchesWildcard, type WildcardPattern } from './wildcard.ts';

/**
 * What a policy is attached to: a resource (it names principals); an identity, boundary or session (it does not); or a role,
 * to say who may assume it (it names principals, and no resource, for it is about its role).
 */
export type PolicyKind = 'resource' | 'identity' | 'trust';

/** A policy document, compiled for deciding. Immutable. */
export interface Policy {
  readonly kind: PolicyKind;
  readonly id: string | undefined;
  readonly denies: readonly Statement[];
  readonly allows: readonly Statement[];
  /** ARNs, in the partition `aws`, of the users, roles and sessions that it names as principals. */
  readonly principalArns: readonly string[];
  /** Ids of the accounts that it names as principals, as a whole. */
  readonly principalAccounts: readonly string[];
}

export interface Statement {
  readonly sid: string | undefined;
  /** The statement's place in the document, from 0. */
  readonly index: number;
  readonly effect: 'Allow' | 'Deny';
  /** Undefined in identity policies, whose statements are about their bearer. */
  readonly principal: PrincipalElement | undefined;
  readonly action: ActionElement;
  readonly resource: ResourceElement;
  readonly conditions: readonly Condition[];
}

/** An `Action` or `NotAction` element. Action names are case-insensitive, so all is in lower case. */
export interface ActionElement {
  readonly excludes: boolean;
  readonly any: boolean;
  readonly exact: ReadonlySet<string>;
  readonly patterns: readonly WildcardPattern[];
}

/** A `Resource` or `NotResource` element. In a key policy, the resource `*` is the key that the policy belongs to. */
export interface ResourceElement {
  readonly excludes: boolean;
  readonly any: boolean;
  readonly patterns: readonly ArnPattern[];
}

/** Whether a statement is about this action on this resource under these conditions; whom it is about is asked apart. */
export function statementCovers(statement: Statement, evaluation: Evaluation): Truth {
  const onAction = actionListed(statement.action, evaluation);
  if (onAction === NO) return NO;
  const onResource = resourceListed(statement.resource, evaluation);
  if (onResource === NO) return NO;
  const conditions = statement.conditions.length === 0 ? YES : allHold(statement.conditions, evaluation);
  if (conditions === NO) return NO;
  return onAction === UNKNOWN || onResource === UNKNOWN ? UNKNOWN : conditions;
}

function actionListed(element: ActionElement, evaluation: Evaluation): Truth {
  const truth = actionMatches(element, evaluation);
  return element.excludes ? not(truth) : truth;
}

function actionMatches(element: ActionElement, evaluation: Evaluation): Truth {
  const { action } = evaluation;
  // Asking a set hashes the text, which costs more than all the rest where the set is empty.
  if (element.any || (element.exact.size > 0 && element.exact.has(action))) return YES;
  for (const pattern of element.patterns) {
    const truth = matchesWildcard(pattern, action, evaluation);
    // An action has no variables, so what is unknown here is so because the work is used up.
    if (truth !== NO) return truth;
  }
  return NO;
}

function resourceListed(element: ResourceElement, evaluation: Evaluation): Truth {
  const truth = element.any ? YES : resourceMatches(element, evaluation);
  return element.excludes ? not(truth) : truth;
}

function resourceMatches(element: ResourceElement, evaluation: Evaluation): Truth {
  let result: Truth = NO;
  evaluation.resourceArn ??= readArn(evaluation.resource);
  for (const pattern of element.patterns) {
    // The statements of a policy often are about the same resources.
    const truth =
      pattern === evaluation.lastPattern
        ? evaluation.lastPatternMatches
        : matchesArn(pattern, evaluation.resourceArn, evaluation);
    evaluation.lastPattern = pattern;
    evaluation.lastPatternMatches = truth;
    if (truth === YES) return YES;
    if (truth !== UNKNOWN) continue;
    if (isSpent(evaluation)) return UNKNOWN;
    result = UNKNOWN;
  }
  return result;
}
