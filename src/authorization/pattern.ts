import type { ConditionContext } from './context.ts';
import { malformed, quoted } from './malformed.ts';
import { NO, type Truth, truthOf, UNKNOWN } from './truth.ts';
import { fixedSymbols, parseTemplate, resolveSymbols, resolveText, splitTemplate, type Template } from './variables.ts';
import { compileWildcard, matchesWildcard, type WildcardPattern } from './wildcard.ts';

/** A wildcard pattern that is compiled once when it holds no variables, and per request when it does. */
export interface TemplatePattern {
  readonly template: Template;
  readonly compiled: WildcardPattern | undefined;
}

export function compileTemplatePattern(template: Template): TemplatePattern {
  return { template, compiled: template.fixed ? compileWildcard(fixedSymbols(template)) : undefined };
}

export function matchesTemplatePattern(
  pattern: TemplatePattern,
  context: ConditionContext,
  text: string,
  start = 0,
  end = text.length,
): Truth {
  if (pattern.compiled) return truthOf(matchesWildcard(pattern.compiled, text, start, end));
  const symbols = resolveSymbols(pattern.template, context, end - start);
  if (typeof symbols === 'number') return symbols;
  return truthOf(matchesWildcard(compileWildcard(symbols), text, start, end));
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
  while (segments.length < ARN_SEGMENTS) segments.push(parseTemplate('*', false));
  return { kind: 'segments', segments: segments.map(compileTemplatePattern) };
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

/** Whether an ARN matches. What is not an ARN matches nothing but `*`. */
export function matchesArn(pattern: ArnPattern, arn: string, context: ConditionContext): Truth {
  if (pattern.kind === 'any') return truthOf(true);
  if (pattern.kind === 'variable') {
    const expected = resolveText(pattern.template, context, arn.length);
    return typeof expected === 'number' ? expected : truthOf(expected === arn);
  }
  let result = truthOf(true);
  let start = 0;
  for (let i = 0; i < ARN_SEGMENTS; i++) {
    const isLast = i === ARN_SEGMENTS - 1;
    const end = isLast ? arn.length : arn.indexOf(':', start);
    if (end < 0) return NO;
    const truth = matchesTemplatePattern(pattern.segments[i] as TemplatePattern, context, arn, start, end);
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
