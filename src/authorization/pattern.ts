import { type Evaluation, spend } from './evaluation.ts';
import { malformed, quoted } from './malformed.ts';
import { NO, type Truth, truthOf, UNKNOWN, YES } from './truth.ts';
import { fixedPattern, parseTemplate, resolvePattern, resolveText, splitTemplate, type Template } from './variables.ts';
import { matchesWildcard, type WildcardPattern, wildcardPattern } from './wildcard.ts';

/** A wildcard pattern, or the template that becomes one for each request because it holds variables. */
export type TemplatePattern = WildcardPattern | Template;

export function compileTemplatePattern(template: Template): TemplatePattern {
  return template.fixed ? fixedPattern(template) : template;
}

export function matchesTemplatePattern(
  pattern: TemplatePattern,
  evaluation: Evaluation,
  subject: string,
  start = 0,
  end = subject.length,
): Truth {
  if (!('parts' in pattern)) return matchesWildcard(pattern, subject, evaluation, start, end);
  const resolved = resolvePattern(pattern, evaluation, end - start);
  return typeof resolved === 'number' ? resolved : matchesWildcard(resolved, subject, evaluation, start, end);
}

const ARN_SEGMENTS = 6;

/**
 * A pattern for ARNs. A wildcard stays inside its segment, and so does a variable's value: `arn:aws:kms:*:key/x` does
 * not reach across accounts. The sixth segment is all that follows the fifth colon.
 */
export type ArnPattern =
  | { readonly kind: 'any' }
  | { readonly kind: 'variable'; readonly template: Template }
  | { readonly kind: 'segments'; readonly segments: readonly TemplatePattern[] };

/**
 * Compiles the ARN of a `Resource`: `*` or an ARN. One with fewer than six segments is completed with `*`, as IAM does
 * ("Incomplete ARNs" in the IAM User Guide's page on the Resource element).
 *
 * @throws KeyholdError MalformedPolicyDocumentException
 */
export function parseResourceArn(text: string, hasVariables: boolean): ArnPattern {
  if (text === '*') return { kind: 'any' };
  if (!text.startsWith('arn:')) throw malformed(`Resource ${quoted(text)} must be in ARN format or "*".`);
  const segments = splitTemplate(parseTemplate(text, hasVariables), ARN_SEGMENTS);
  const patterns = segments.map(compileTemplatePattern);
  while (patterns.length < ARN_SEGMENTS) patterns.push(wildcardPattern('*'));
  return { kind: 'segments', segments: patterns };
}

/**
 * Compiles the ARN of a condition: `*`, all six segments, or one variable that is the whole ARN.
 *
 * @throws KeyholdError MalformedPolicyDocumentException
 */
export function parseConditionArn(text: string, hasVariables: boolean): ArnPattern {
  if (text === '*') return { kind: 'any' };
  const template = parseTemplate(text, hasVariables);
  if (template.parts.length === 1 && template.parts[0]?.kind === 'variable') return { kind: 'variable', template };
  const segments = splitTemplate(template, ARN_SEGMENTS);
  if (segments.length < ARN_SEGMENTS) throw malformed(`Condition value ${quoted(text)} must be in ARN format or "*".`);
  return { kind: 'segments', segments: segments.map(compileTemplatePattern) };
}

/** Finding the six segments of an ARN, besides comparing them. */
const WORK_PER_ARN = 16;

/** Whether an ARN matches. What is not an ARN matches nothing but `*`. */
export function matchesArn(pattern: ArnPattern, arn: string, evaluation: Evaluation): Truth {
  if (pattern.kind === 'any') return YES;
  if (pattern.kind === 'variable') {
    const expected = resolveText(pattern.template, evaluation, arn.length);
    return typeof expected === 'number' ? expected : truthOf(expected === arn);
  }
  // A search for a colon reads several characters at once, unlike a comparison with a pattern.
  if (!spend(evaluation, WORK_PER_ARN + (arn.length >> 3))) return UNKNOWN;
  let result: Truth = YES;
  let start = 0;
  for (let i = 0; i < ARN_SEGMENTS; i++) {
    const isLast = i === ARN_SEGMENTS - 1;
    const end = isLast ? arn.length : arn.indexOf(':', start);
    if (end < 0) return NO;
    const truth = matchesTemplatePattern(pattern.segments[i] as TemplatePattern, evaluation, arn, start, end);
    if (truth === NO) return NO;
    if (truth === UNKNOWN) result = UNKNOWN;
    start = end + 1;
  }
  return result;
}

/** Whether text has the six segments of an ARN. */
export function isArn(text: string): boolean {
  let colon = -1;
  for (let i = 1; i < ARN_SEGMENTS; i++) {
    colon = text.indexOf(':', colon + 1);
    if (colon < 0) return false;
  }
  return text.startsWith('arn:');
}
