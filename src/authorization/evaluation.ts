import type { ReadArn } from './arn.ts';
import type { ConditionContext } from './context.ts';
import type { Principal } from './principal.ts';
import { NO, type Truth } from './truth.ts';

/** What a caller wants to do. */
export interface AuthorizationRequest {
  readonly principal: Principal;
  /** Such as `kms:Encrypt`. */
  readonly action: string;
  /** The resource's ARN, or `*` for an action that is about no resource. */
  readonly resource: string;
  readonly context: ConditionContext;
}

/** A request while it is being decided. */
export interface Evaluation extends Work {
  readonly principal: Principal;
  /** In lower case, because action names are case-insensitive. */
  readonly action: string;
  readonly resource: string;
  readonly context: ConditionContext;
  /** The resource once a policy has asked where its segments end. */
  resourceArn: ReadArn | undefined;
  /** The pattern that the resource was last compared with, and the result. */
  lastPattern: object | undefined;
  lastPatternMatches: Truth;
  /** The key that the context was last asked for, and what it answered. */
  lastKey: string;
  lastValues: readonly string[];
}

/**
 * The work that may still be done for one decision. A unit is about what it takes to compare one character with one
 * symbol of a pattern: a few nanoseconds at most.
 *
 * INVARIANT: whoever finds it used up answers UNKNOWN. What is unknown cannot let anyone in: a Deny denies, an Allow
 * does not allow.
 */
export interface Work {
  left: number;
}

/**
 * The work that all policies of one decision share: some 5 ms. What a decision costs is the product of two texts, the
 * policies' patterns and the caller's values, and both are other people's: 32 KiB of patterns on values of a few KiB
 * would hold up everyone else for seconds. Ordinary decisions take a few hundred units.
 */
export const WORK_PER_DECISION = 1_000_000;

/** Asking the context for a key. */
const WORK_PER_KEY = 32;

const NO_VALUES: readonly string[] = Object.freeze([]);

export function beginEvaluation(request: AuthorizationRequest, work: number): Evaluation {
  return {
    principal: request.principal,
    action: request.action.toLowerCase(),
    resource: request.resource,
    resourceArn: undefined,
    lastPattern: undefined,
    lastPatternMatches: NO,
    context: request.context,
    lastKey: '',
    lastValues: NO_VALUES,
    left: work,
  };
}

/** Takes work from what is left. False when that was not enough; then nothing is left for anything else either. */
export function spend(work: Work, units: number): boolean {
  work.left -= units;
  return work.left >= 0;
}

export function isSpent(work: Work): boolean {
  return work.left < 0;
}

/**
 * The values of a condition key, none when the request does not have it. The context is asked once for a key that one
 * pattern after the other names. Patterns that alternate between keys pay each time: to remember all of them would make
 * ordinary decisions, which ask for a few keys once each, slower by a third.
 */
export function valuesOf(evaluation: Evaluation, key: string): readonly string[] {
  if (key === evaluation.lastKey) return evaluation.lastValues;
  const values = evaluation.context.get(key) ?? NO_VALUES;
  spend(evaluation, WORK_PER_KEY + values.length);
  evaluation.lastKey = key;
  evaluation.lastValues = values;
  return values;
}
