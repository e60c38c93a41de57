// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like template literals.
import { contextKey } from './context.ts';
import { type Evaluation, spend, valuesOf } from './evaluation.ts';
import { malformed, quoted } from './malformed.ts';
import { NO, UNKNOWN } from './truth.ts';
import { markLiterals, type WildcardPattern, wildcardPattern } from './wildcard.ts';

/**
 * Policy variables: `${aws:username}`, `${aws:PrincipalTag/team, 'none'}`, and `${*}`, `${?}`, `${$}` for those three
 * characters themselves. See "IAM policy elements: Variables and tags" in the IAM User Guide.
 */
export interface Template {
  readonly parts: readonly TemplatePart[];
  /** Whether the text is the same for every request. */
  readonly fixed: boolean;
}

type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  /** Text whose `*` and `?` stand for themselves even where wildcards act. */
  | { readonly kind: 'literal'; readonly text: string }
  | {
      readonly kind: 'variable';
      readonly key: string;
      /** The key as the policy's author wrote it. */
      readonly written: string;
      readonly fallback: string | undefined;
    };

/** A context key, then perhaps a default in single quotes. */
const VARIABLE = /^\s*([^\s,'${}*?]+)\s*(?:,\s*'([^']*)'\s*)?$/;

/**
 * Reads a string that may hold variables.
 *
 * @param hasVariables false for documents of version 2008-10-17, where `${` has no meaning
 * @throws KeyholdError MalformedPolicyDocumentException when a `${` is not a variable
 */
export function parseTemplate(text: string, hasVariables: boolean): Template {
  const parts: TemplatePart[] = [];
  let position = 0;
  while (position < text.length) {
    const start = hasVariables ? text.indexOf('${', position) : -1;
    if (start !== position) parts.push({ kind: 'text', text: text.slice(position, start < 0 ? text.length : start) });
    if (start < 0) break;
    const end = text.indexOf('}', start);
    if (end < 0) throw malformed(`Policy contains an invalid policy variable: ${quoted(text)}`);
    parts.push(parseVariable(text.slice(start + 2, end)));
    position = end + 1;
  }
  return { parts, fixed: parts.every((part) => part.kind !== 'variable') };
}

function parseVariable(inside: string): TemplatePart {
  if (inside === '*' || inside === '?' || inside === '$') return { kind: 'literal', text: inside };
  const [, key, fallback] = VARIABLE.exec(inside) ?? [];
  if (key === undefined) throw malformed(`Policy contains an invalid policy variable: \${${quoted(inside)}}`);
  return { kind: 'variable', key: contextKey(key), written: key, fallback };
}

/** The colon-separated segments of a template, at most `limit`; the last one keeps the remaining colons. */
export function splitTemplate(template: Template, limit: number): Template[] {
  const segments: TemplatePart[][] = [[]];
  for (const part of template.parts) {
    if (part.kind !== 'text') {
      segments.at(-1)?.push(part);
      continue;
    }
    let rest = part.text;
    for (let colon = rest.indexOf(':'); colon >= 0 && segments.length < limit; colon = rest.indexOf(':')) {
      segments.at(-1)?.push({ kind: 'text', text: rest.slice(0, colon) });
      segments.push([]);
      rest = rest.slice(colon + 1);
    }
    segments.at(-1)?.push({ kind: 'text', text: rest });
  }
  return segments.map((parts) => ({ parts, fixed: parts.every((part) => part.kind !== 'variable') }));
}

/** Reading one part of a template. */
const WORK_PER_PART = 8;

/**
 * The template's text for a request; UNKNOWN when a variable has no value, NO when the text would be longer than
 * `longest` and so fits nothing that is asked about.
 */
export function resolveText(template: Template, evaluation: Evaluation, longest: number): string | Unresolved {
  let text = '';
  for (const part of template.parts) {
    const value = part.kind === 'variable' ? variableValue(part.key, part.fallback, evaluation) : part.text;
    if (value === undefined) return UNKNOWN;
    if (text.length + value.length > longest) return ofTooLong(template, evaluation);
    if (!spend(evaluation, WORK_PER_PART + value.length)) return UNKNOWN;
    text += value;
  }
  return text;
}

/** The same as a pattern, whose literal text must fit within `longest`. A value's wildcards do not act. */
export function resolvePattern(
  template: Template,
  evaluation: Evaluation,
  longest: number,
): WildcardPattern | Unresolved {
  let text = '';
  let literals: Set<number> | undefined;
  let literalLength = 0;
  for (const part of template.parts) {
    const value = part.kind === 'variable' ? variableValue(part.key, part.fallback, evaluation) : part.text;
    if (value === undefined) return UNKNOWN;
    if (part.kind !== 'text') literalLength += value.length;
    if (literalLength > longest) return ofTooLong(template, evaluation);
    if (!spend(evaluation, WORK_PER_PART + value.length)) return UNKNOWN;
    if (part.kind !== 'text') literals = markLiterals(value, text.length, literals);
    text += value;
  }
  return wildcardPattern(text, literals);
}

/**
 * INVARIANT: a template of which one variable has no value is UNKNOWN, however long the rest of it is: NO would be a YES of a
 * negated operator, and let somebody in by a variable that nobody gave a value.
 */
function ofTooLong({ parts }: Template, evaluation: Evaluation): Unresolved {
  const isKnown = parts.every(
    (part) => part.kind !== 'variable' || variableValue(part.key, part.fallback, evaluation) !== undefined,
  );
  return isKnown ? NO : UNKNOWN;
}

/** What can be known of a comparison with a template that has no text. */
export type Unresolved = typeof NO | typeof UNKNOWN;

/** The text of a template without variables. */
export function fixedText(template: Template): string {
  return template.parts.map((part) => (part.kind === 'variable' ? '' : part.text)).join('');
}

/** The pattern of a template without variables. */
export function fixedPattern(template: Template): WildcardPattern {
  let literals: Set<number> | undefined;
  let offset = 0;
  for (const part of template.parts) {
    if (part.kind === 'variable') continue;
    if (part.kind === 'literal') literals = markLiterals(part.text, offset, literals);
    offset += part.text.length;
  }
  return wildcardPattern(fixedText(template), literals);
}

/** Keys with several values cannot be variables: which of them would be meant? */
function variableValue(key: string, fallback: string | undefined, evaluation: Evaluation): string | undefined {
  const values = valuesOf(evaluation, key);
  if (values.length === 0) return fallback;
  return values.length === 1 ? values[0] : undefined;
}
