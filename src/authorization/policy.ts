import { allHold, type Condition } from './conditions.ts';
import type { ConditionContext } from './context.ts';
import { type ArnPattern, matchesArn } from './pattern.ts';
import type { PrincipalElement } from './principal.ts';
import { NO, not, type Truth, UNKNOWN, YES } from './truth.ts';
import { matchesWildcard, type WildcardPattern } from './wildcard.ts';

/** What a policy is attached to: a resource (it names principals) or an identity, boundary or session (it does not). */
export type PolicyKind = 'resource' | 'identity';

/** A policy document, compiled for deciding. Immutable. */
export interface Policy {
  readonly kind: PolicyKind;
  readonly id: string | undefined;
  readonly denies: readonly Statement[];
  readonly allows: readonly Statement[];
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

/**
 * Whether a statement is about this action on this resource under these conditions; whom it is about is asked apart.
 *
 * @param action in lower case
 */
export function statementCovers(
  statement: Statement,
  action: string,
  resource: string,
  context: ConditionContext,
): Truth {
  if (!actionListed(statement.action, action)) return NO;
  const onResource = resourceListed(statement.resource, resource, context);
  if (onResource === NO || statement.conditions.length === 0) return onResource;
  const conditions = allHold(statement.conditions, context);
  if (conditions === NO) return NO;
  return onResource === UNKNOWN ? UNKNOWN : conditions;
}

function actionListed(element: ActionElement, action: string): boolean {
  return actionMatches(element, action) !== element.excludes;
}

function actionMatches(element: ActionElement, action: string): boolean {
  // Asking a set hashes the text, which costs more than all the rest where the set is empty.
  if (element.any || (element.exact.size > 0 && element.exact.has(action))) return true;
  for (const pattern of element.patterns) {
    if (matchesWildcard(pattern, action)) return true;
  }
  return false;
}

function resourceListed(element: ResourceElement, resource: string, context: ConditionContext): Truth {
  const truth = element.any ? YES : resourceMatches(element, resource, context);
  return element.excludes ? not(truth) : truth;
}

function resourceMatches(element: ResourceElement, resource: string, context: ConditionContext): Truth {
  let result: Truth = NO;
  for (const pattern of element.patterns) {
    const truth = matchesArn(pattern, resource, context);
    if (truth === YES) return YES;
    if (truth === UNKNOWN) result = UNKNOWN;
  }
  return result;
}
