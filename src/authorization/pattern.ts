import { ARN_SEGMENTS, isArn, type ReadArn, readArn } from './arn.ts';
import { type Evaluation, spend } from './evaluation.ts';
import { malformed, quoted } from './malformed.ts';
import { NO, type Truth, truthOf, UNKNOWN, YES } from './truth.ts';
import {
  fixedPattern,
  fixedText,
  parseTemplate,
  resolvePattern,
  resolveText,
  splitTemplate,
  type Template,
} from './variables.ts';
import { ANYTHING, matchesWildcard, type WildcardPattern, wildcardPattern } from './wildcard.ts';

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

/**
 * A pattern for ARNs. A wildcard stays inside its segment, and so does a variable's value: `arn:aws:kms:*:key/x` does
 * not reach across accounts. The sixth segment is all that follows the fifth colon.
 */
export type ArnPattern =
  | { readonly kind: 'any' }
  | { readonly kind: 'variable'; readonly template: Template }
  /** One ARN and no other: what most policies name, and what is compared fastest. */
  | { readonly kind: 'exact'; readonly arn: string }
  | {
      readonly kind: 'segments';
      /** The first segments, as far as they are the same in all ARNs that match, with the colon after each. */
      readonly head: string;
      readonly rest: readonly TemplatePattern[];
    };

/**
 * Compiles the ARN of a `Resource`: `*` or an ARN. One with fewer than six segments is completed with `*`, as IAM does
 * ("Incomplete ARNs" in the IAM User Guide's page on the Resource element).
 *
 * @throws KeyholdError MalformedPolicyDocumentException
 */
export function parseResourceArn(text: string, hasVariables: boolean): ArnPattern {
  if (text === '*') return { kind: 'any' };
  if (isExactArn(text)) return { kind: 'exact', arn: text };
  return segmentsPattern(splitTemplate(parseTemplate(text, hasVariables), ARN_SEGMENTS));
}

/**
 * Compiles the ARN of a condition: `*`, all six segments, or one variable that is the whole ARN.
 *
 * @throws KeyholdError MalformedPolicyDocumentException
 */
export function parseConditionArn(text: string, hasVariables: boolean): ArnPattern {
  if (text === '*') return { kind: 'any' };
  if (isExactArn(text)) return { kind: 'exact', arn: text };
  const template = parseTemplate(text, hasVariables);
  if (template.parts.length === 1 && template.parts[0]?.kind === 'variable') return { kind: 'variable', template };
  const segments = splitTemplate(template, ARN_SEGMENTS);
  if (segments.length < ARN_SEGMENTS) throw malformed(`Condition value ${quoted(text)} must be in ARN format or "*".`);
  return segmentsPattern(segments);
}

/** What a pattern lacks of the six segments may be anything. */
function segmentsPattern(segments: readonly Template[]): ArnPattern {
  const isPlain = ({ parts, fixed }: Template) =>
    fixed && parts.every((part) => part.kind === 'text' && !/[*?]/.test(part.text));
  let plain = 0;
  while (plain < ARN_SEGMENTS - 1 && plain < segments.length && isPlain(segments[plain] as Template)) plain++;
  const rest = segments.slice(plain).map(compileTemplatePattern);
  while (plain + rest.length < ARN_SEGMENTS) rest.push(wildcardPattern('*'));
  return {
    kind: 'segments',
    head: segments
      .slice(0, plain)
      .map((it) => `${fixedText(it)}:`)
      .join(''),
    rest,
  };
}

/** Besides comparing the segments. */
const WORK_PER_ARN = 16;

/** Whether an ARN matches. What is not an ARN matches nothing but `*`. */
export function matchesArn(pattern: ArnPattern, arn: ReadArn, evaluation: Evaluation): Truth {
  if (pattern.kind === 'any') return YES;
  const { text, colons } = arn;
  if (pattern.kind === 'variable') {
    const expected = resolveText(pattern.template, evaluation, text.length);
    return typeof expected === 'number' ? expected : truthOf(expected === text);
  }
  if (!spend(evaluation, WORK_PER_ARN)) return UNKNOWN;
  if (pattern.kind === 'exact') return truthOf(pattern.arn === text);
  if (colons === undefined) return NO;
  const { head, rest } = pattern;
  const first = ARN_SEGMENTS - rest.length;
  // Where the segment before ends elsewhere, the characters need no comparing.
  if (first > 0 && ((colons[first - 1] as number) !== head.length - 1 || !text.startsWith(head))) return NO;
  let result: Truth = YES;
  let start = head.length;
  for (let i = 0; i < rest.length; i++) {
    const end = i === rest.length - 1 ? text.length : (colons[first + i] as number);
    const segment = rest[i] as TemplatePattern;
    const truth = segment === ANYTHING ? YES : matchesTemplatePattern(segment, evaluation, text, start, end);
    if (truth === NO) return NO;
    if (truth === UNKNOWN) result = UNKNOWN;
    start = end + 1;
  }
  return result;
}

/** Whether it is an ARN in which nothing stands for anything else, whatever the version of the document. */
function isExactArn(text: string): boolean {
  return isArn(readArn(text)) && !/[*?$]/.test(text);
}
