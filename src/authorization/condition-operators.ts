// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like template literals.

import { isArn, readArn } from './arn.ts';
import {
  isInRange,
  parseAddress,
  parseAddressRange,
  parseBinary,
  parseBoolean,
  parseDate,
  parseNumber,
} from './condition-values.ts';
import { type Evaluation, spend } from './evaluation.ts';
import { malformed, quoted } from './malformed.ts';
import { compileTemplatePattern, matchesArn, matchesTemplatePattern, parseConditionArn } from './pattern.ts';
import { NO, type Truth, truthOf, UNKNOWN, YES } from './truth.ts';
import { fixedText, parseTemplate, resolveText } from './variables.ts';

/**
 * Whether one value of the request fits any of the values of the policy. Reading the value once is paid for by who calls;
 * what it costs beyond that, a test spends itself.
 */
export type ValueTest = (value: string, evaluation: Evaluation) => Truth;

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
  ['Bool', { negated: false, compile: compares(parseBoolean, (value, bound) => value === bound) }],
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
    const variable = templates.filter((it) => !it.fixed);
    const fixed = new Set(templates.filter((it) => it.fixed).map((it) => fold(fixedText(it))));
    if (variable.length === 0) return (value) => truthOf(fixed.has(fold(value)));
    return (value, evaluation) => {
      const folded = fold(value);
      if (fixed.has(folded)) return YES;
      return anyOf(variable, evaluation, (template) => {
        // Folding never shortens a text, so what is too long before it is too long after.
        const text = resolveText(template, evaluation, folded.length);
        return typeof text === 'number' ? text : truthOf(fold(text) === folded);
      });
    };
  };
}

function like(values: readonly string[], hasVariables: boolean): ValueTest {
  const patterns = values.map((value) => compileTemplatePattern(parseTemplate(value, hasVariables)));
  return (value, evaluation) =>
    anyOf(patterns, evaluation, (pattern) => matchesTemplatePattern(pattern, evaluation, value));
}

function arnLike(values: readonly string[], hasVariables: boolean): ValueTest {
  const patterns = values.map((value) => parseConditionArn(value, hasVariables));
  return (value, evaluation) => {
    const arn = readArn(value);
    const isComparable = isArn(arn);
    return anyOf(patterns, evaluation, (pattern) => {
      // What is no ARN cannot be compared with one, so neither ArnLike nor ArnNotLike may let it in.
      if (!isComparable && (pattern.kind === 'segments' || pattern.kind === 'exact')) return UNKNOWN;
      return matchesArn(pattern, arn, evaluation);
    });
  };
}

function liesInRanges(values: readonly string[]): ValueTest {
  return compareTyped(values, parseAddressRange, parseAddress, (address, range) => isInRange(range, address));
}

/** Comparison with values that are written like the request's. IAM knows no variables in them. */
function compares<T>(
  parse: (text: string) => T | undefined,
  fits: (value: T, bound: T) => boolean,
): ConditionOperator['compile'] {
  return (values) => compareTyped(values, parse, parse, fits);
}

/** Reading a typed value takes longer than reading its characters. */
const WORK_PER_TYPED_VALUE = 256;
const WORK_PER_BOUND = 4;

function compareTyped<Bound, Value>(
  values: readonly string[],
  parseBound: (text: string) => Bound | undefined,
  parseValue: (text: string) => Value | undefined,
  fits: (value: Value, bound: Bound) => boolean,
): ValueTest {
  const bounds = values.map((text) => {
    const bound = parseBound(text);
    if (bound === undefined) throw wrongType(text);
    return bound;
  });
  return (text, evaluation) => {
    if (!spend(evaluation, WORK_PER_TYPED_VALUE + bounds.length * WORK_PER_BOUND)) return UNKNOWN;
    const value = parseValue(text);
    return value === undefined ? UNKNOWN : truthOf(bounds.some((bound) => fits(value, bound)));
  };
}

/** Going on to one more value of the policy, besides what its test takes. */
const WORK_PER_ITEM = 4;

function anyOf<T>(items: readonly T[], evaluation: Evaluation, test: (item: T) => Truth): Truth {
  let result: Truth = NO;
  for (const item of items) {
    if (!spend(evaluation, WORK_PER_ITEM)) return UNKNOWN;
    const truth = test(item);
    if (truth === YES) return YES;
    if (truth === UNKNOWN) result = UNKNOWN;
  }
  return result;
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
