// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like template literals.
import { inRanges, parseAddressRanges, parseBinary, parseDate, parseNumber } from './condition-values.ts';
import type { ConditionContext } from './context.ts';
import { malformed, quoted } from './malformed.ts';
import { compileTemplatePattern, isArn, matchesArn, matchesTemplatePattern, parseConditionArn } from './pattern.ts';
import { NO, type Truth, truthOf, UNKNOWN, YES } from './truth.ts';
import { fixedText, parseTemplate, resolveText } from './variables.ts';

/** Whether one value of the request fits any of the values of the policy. */
export type ValueTest = (value: string, context: ConditionContext) => Truth;

export interface ConditionOperator {
  /** The values of the policy, compiled. Throws MalformedPolicyDocumentException for a value of the wrong type. */
  compile(values: readonly string[], hasVariables: boolean): ValueTest;
  /** A negated operator holds when the value fits none of the policy's values, and when there is no value at all. */
  readonly negated: boolean;
}

/** Every operator but `Null`, which asks for no value (see conditions.ts). */
export const conditionOperators: ReadonlyMap<string, ConditionOperator> = new Map([
  ['StringEquals', { negated: false, compile: equals(sameText) }],
  ['StringNotEquals', { negated: true, compile: equals(sameText) }],
  ['StringEqualsIgnoreCase', { negated: false, compile: equals(lowerCase) }],
  ['StringNotEqualsIgnoreCase', { negated: true, compile: equals(lowerCase) }],
  ['StringLike', { negated: false, compile: like }],
  ['StringNotLike', { negated: true, compile: like }],
  ['NumericEquals', { negated: false, compile: compares(parseNumber, (value, bound) => value === bound) }],
  ['NumericNotEquals', { negated: true, compile: compares(parseNumber, (value, bound) => value === bound) }],
  ['NumericLessThan', { negated: false, compile: compares(parseNumber, (value, bound) => value < bound) }],
  ['NumericLessThanEquals', { negated: false, compile: compares(parseNumber, (value, bound) => value <= bound) }],
  ['NumericGreaterThan', { negated: false, compile: compares(parseNumber, (value, bound) => value > bound) }],
  ['NumericGreaterThanEquals', { negated: false, compile: compares(parseNumber, (value, bound) => value >= bound) }],
  ['DateEquals', { negated: false, compile: compares(parseDate, (value, bound) => value === bound) }],
  ['DateNotEquals', { negated: true, compile: compares(parseDate, (value, bound) => value === bound) }],
  ['DateLessThan', { negated: false, compile: compares(parseDate, (value, bound) => value < bound) }],
  ['DateLessThanEquals', { negated: false, compile: compares(parseDate, (value, bound) => value <= bound) }],
  ['DateGreaterThan', { negated: false, compile: compares(parseDate, (value, bound) => value > bound) }],
  ['DateGreaterThanEquals', { negated: false, compile: compares(parseDate, (value, bound) => value >= bound) }],
  ['Bool', { negated: false, compile: equalsBoolean }],
  ['BinaryEquals', { negated: false, compile: compares(parseBinary, (value, bound) => value === bound) }],
  ['IpAddress', { negated: false, compile: liesInRanges }],
  ['NotIpAddress', { negated: true, compile: liesInRanges }],
  // "ArnEquals and ArnLike behave identically", says the IAM User Guide; both know wildcards.
  ['ArnEquals', { negated: false, compile: arnLike }],
  ['ArnLike', { negated: false, compile: arnLike }],
  ['ArnNotEquals', { negated: true, compile: arnLike }],
  ['ArnNotLike', { negated: true, compile: arnLike }],
]);

/** Equality of texts after folding. Values without variables are looked up in a set. */
function equals(fold: (text: string) => string): ConditionOperator['compile'] {
  return (values, hasVariables) => {
    const templates = values.map((value) => parseTemplate(value, hasVariables));
    const fixed = new Set(templates.filter((it) => it.fixed).map((it) => fold(fixedText(it))));
    const variable = templates.filter((it) => !it.fixed);
    return (value, context) => {
      const folded = fold(value);
      if (fixed.has(folded)) return YES;
      if (variable.length === 0) return NO;
      return anyOf(variable, (template) => {
        // Folding never shortens a text, so what is too long before it is too long after.
        const text = resolveText(template, context, folded.length);
        return typeof text === 'number' ? text : truthOf(fold(text) === folded);
      });
    };
  };
}

function like(values: readonly string[], hasVariables: boolean): ValueTest {
  const patterns = values.map((value) => compileTemplatePattern(parseTemplate(value, hasVariables)));
  return (value, context) => anyOf(patterns, (pattern) => matchesTemplatePattern(pattern, context, value));
}

function arnLike(values: readonly string[], hasVariables: boolean): ValueTest {
  const patterns = values.map((value) => parseConditionArn(value, hasVariables));
  return (value, context) =>
    anyOf(patterns, (pattern) => {
      // What is no ARN cannot be compared with one, so neither ArnLike nor ArnNotLike may let it in.
      if (pattern.kind === 'segments' && !isArn(value)) return UNKNOWN;
      return matchesArn(pattern, value, context);
    });
}

function equalsBoolean(values: readonly string[], hasVariables: boolean): ValueTest {
  for (const value of values) {
    const isTemplate = hasVariables && value.includes('${');
    if (!isTemplate && !isBoolean(value)) throw wrongType(value);
  }
  const test = equals(lowerCase)(values, hasVariables);
  return (value, context) => (isBoolean(value) ? test(value, context) : UNKNOWN);
}

/** Comparison of typed values. IAM knows no variables in them. */
function compares<T>(
  parse: (text: string) => T | undefined,
  fits: (value: T, bound: T) => boolean,
): ConditionOperator['compile'] {
  return (values) => {
    const bounds = values.map((text) => {
      const bound = parse(text);
      if (bound === undefined) throw wrongType(text);
      return bound;
    });
    return (text) => {
      const value = parse(text);
      return value === undefined ? UNKNOWN : anyOf(bounds, (bound) => truthOf(fits(value, bound)));
    };
  };
}

function liesInRanges(values: readonly string[]): ValueTest {
  const ranges = parseAddressRanges(values);
  if (ranges === undefined) throw wrongType(values.join(', '));
  return (address) => {
    const inside = inRanges(ranges, address);
    return inside === undefined ? UNKNOWN : truthOf(inside);
  };
}

function anyOf<T>(items: readonly T[], test: (item: T) => Truth): Truth {
  let result: Truth = NO;
  for (const item of items) {
    const truth = test(item);
    if (truth === YES) return YES;
    if (truth === UNKNOWN) result = UNKNOWN;
  }
  return result;
}

export function isBoolean(text: string): boolean {
  const lower = text.toLowerCase();
  return lower === 'true' || lower === 'false';
}

function wrongType(value: string): Error {
  return malformed(`Policy contains a condition value of the wrong type: ${quoted(value)}`);
}

function sameText(text: string): string {
  return text;
}

function lowerCase(text: string): string {
  return text.toLowerCase();
}
