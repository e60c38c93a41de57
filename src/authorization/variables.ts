// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like template literals.
import { type ConditionContext, contextKey } from './context.ts';
import { malformed, quoted } from './malformed.ts';
import { NO, UNKNOWN } from './truth.ts';
import { literalSymbols, type PatternSymbol, wildcardSymbols } from './wildcard.ts';

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
  | { readonly kind: 'variable'; readonly key: string; readonly fallback: string | undefined };

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
  return { kind: 'variable', key: contextKey(key), fallback };
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

/**
 * The template's text for a request; UNKNOWN when a variable has no value, NO when the text would be longer than
 * `longest` and so fits nothing that is asked about. The limit keeps a policy with thousands of variables from growing
 * into megabytes.
 */
export function resolveText(template: Template, context: ConditionContext, longest: number): string | Unresolved {
  let text = '';
  for (const part of template.parts) {
    const value = part.kind === 'variable' ? variableValue(part.key, part.fallback, context) : part.text;
    if (value === undefined) return UNKNOWN;
    if (text.length + value.length > longest) return NO;
    text += value;
  }
  return text;
}

/** The same as a pattern, which must fit within `longest`. A value's wildcards do not act. */
export function resolveSymbols(
  template: Template,
  context: ConditionContext,
  longest: number,
): PatternSymbol[] | Unresolved {
  const symbols: PatternSymbol[] = [];
  let literals = 0;
  for (const part of template.parts) {
    if (part.kind === 'text') {
      for (const symbol of wildcardSymbols(part.text)) symbols.push(symbol);
      continue;
    }
    const value = part.kind === 'variable' ? variableValue(part.key, part.fallback, context) : part.text;
    if (value === undefined) return UNKNOWN;
    literals += value.length;
    if (literals > longest) return NO;
    for (const symbol of literalSymbols(value)) symbols.push(symbol);
  }
  return symbols;
}

/** What can be known of a comparison with a template that has no text. */
export type Unresolved = typeof NO | typeof UNKNOWN;

/** The text of a template without variables. */
export function fixedText(template: Template): string {
  return template.parts.map((part) => (part.kind === 'variable' ? '' : part.text)).join('');
}

/** The pattern of a template without variables. */
export function fixedSymbols(template: Template): PatternSymbol[] {
  return template.parts.flatMap((part) => {
    if (part.kind === 'variable') return [];
    return part.kind === 'text' ? wildcardSymbols(part.text) : literalSymbols(part.text);
  });
}

/** Keys with several values cannot be variables: which of them would be meant? */
function variableValue(key: string, fallback: string | undefined, context: ConditionContext): string | undefined {
  const values = context.get(key);
  if (values === undefined || values.length === 0) return fallback;
  return values.length === 1 ? values[0] : undefined;
}
