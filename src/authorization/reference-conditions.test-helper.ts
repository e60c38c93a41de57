import { BlockList, isIP } from 'node:net';
import type { WrittenContext } from './situation.test-helper.ts';

/**
 * The conditions of the reference authorizer, after "Condition operators", "Set operators for multivalued context keys" and
 * "Variables" in the IAM User Guide. `unknown` is what cannot be evaluated: it lets nobody in.
 */
export type Answer = boolean | 'unknown';

export function conditionAnswer(
  operator: string,
  key: string,
  wanted: readonly string[],
  version: string | undefined,
  context: WrittenContext,
): Answer {
  const [, set, name = '', ifExists] = /^(ForAllValues:|ForAnyValue:)?(.*?)(IfExists)?$/.exec(operator) ?? [];
  const values = valuesOf(key, context);
  if (name === 'Null') return wanted.some((it) => (it.toLowerCase() === 'true') === (values.length === 0));
  const isNegated = name.includes('Not');
  const compare = comparisons[name.replace('Not', '')];
  if (compare === undefined) throw new Error(`the reference does not know ${operator}`);
  if (values.length === 0) return ifExists !== undefined || (set === undefined ? isNegated : set === 'ForAllValues:');

  const arns = ['aws:principalarn', 'aws:federatedprovider', 'kms:granteeprincipal', 'kms:retiringprincipal'].includes(
    key.toLowerCase(),
  );
  const fits = (value: string): Answer => {
    const found = some(wanted, (it) => {
      return compare(value, arns ? it.replace(/^arn:aws-(cn|us-gov):/, 'arn:aws:') : it, version, context);
    });
    return isNegated ? not(found) : found;
  };
  if (set === 'ForAllValues:') return every(values, fits);
  if (set === 'ForAnyValue:') return some(values, fits);
  // One value is expected. Of several it is only known what all of them agree on.
  const [all, any] = [every(values, fits), some(values, fits)];
  return all === any ? all : 'unknown';
}

type Comparison = (value: string, wanted: string, version: string | undefined, context: WrittenContext) => Answer;

const ofTexts =
  (test: (value: string, wanted: string) => boolean): Comparison =>
  (value, wanted, version, context) => {
    const text = expanded(wanted, version, context);
    return text === undefined ? 'unknown' : test(value, literal(text));
  };
const ofNumbers =
  (test: (value: number, wanted: number) => boolean): Comparison =>
  (value, wanted) =>
    isNumber(value) ? test(Number(value), Number(wanted)) : 'unknown';
const ofDates =
  (test: (value: number, wanted: number) => boolean): Comparison =>
  (value, wanted) => {
    const [instant, bound] = [instantOf(value), instantOf(wanted)];
    if (bound === undefined) throw new Error(`the reference does not know the date ${wanted}`);
    return instant === undefined ? 'unknown' : test(instant, bound);
  };

const comparisons: Readonly<Record<string, Comparison>> = {
  StringEquals: ofTexts((value, wanted) => value === wanted),
  StringEqualsIgnoreCase: ofTexts((value, wanted) => value.toLowerCase() === wanted.toLowerCase()),
  StringLike: (value, wanted, version, context) => {
    const pattern = expanded(wanted, version, context);
    return pattern === undefined ? 'unknown' : glob(pattern, value);
  },
  NumericEquals: ofNumbers((value, wanted) => value === wanted),
  NumericLessThan: ofNumbers((value, wanted) => value < wanted),
  NumericLessThanEquals: ofNumbers((value, wanted) => value <= wanted),
  NumericGreaterThan: ofNumbers((value, wanted) => value > wanted),
  NumericGreaterThanEquals: ofNumbers((value, wanted) => value >= wanted),
  DateEquals: ofDates((value, wanted) => value === wanted),
  DateLessThan: ofDates((value, wanted) => value < wanted),
  DateLessThanEquals: ofDates((value, wanted) => value <= wanted),
  DateGreaterThan: ofDates((value, wanted) => value > wanted),
  DateGreaterThanEquals: ofDates((value, wanted) => value >= wanted),
  Bool: (value, wanted) => (/^(true|false)$/i.test(value) ? wanted.toLowerCase() === value.toLowerCase() : 'unknown'),
  BinaryEquals: (value, wanted) => {
    const bytes = (text: string) => Buffer.from(text, 'base64');
    const isBase64 = bytes(value).toString('base64').replace(/=+$/, '') === value.replace(/=+$/, '');
    return isBase64 ? bytes(value).equals(bytes(wanted)) : 'unknown';
  },
  IpAddress: (value, wanted) => {
    if (isIP(value) === 0) return 'unknown';
    const [address = '', prefix] = wanted.split('/');
    const [family, bits] = isIP(address) === 4 ? (['ipv4', 32] as const) : (['ipv6', 128] as const);
    const range = new BlockList();
    range.addSubnet(address, Number(prefix ?? bits), family);
    return range.check(value, isIP(value) === 4 ? 'ipv4' : 'ipv6');
  },
  ArnEquals: arnLike,
  ArnLike: arnLike,
};

function arnLike(value: string, wanted: string, version: string | undefined, context: WrittenContext): Answer {
  if (wanted === '*') return true;
  if (version !== '2008-10-17' && version !== undefined && /^\$\{[^}]*\}$/.test(wanted)) {
    const text = expanded(wanted, version, context);
    return text === undefined ? 'unknown' : literal(text) === value;
  }
  const segments = (arn: string) => [...arn.split(':').slice(0, 5), arn.split(':').slice(5).join(':')];
  if (value.split(':').length < 6 || !value.startsWith('arn:')) return 'unknown';
  const patterns = segments(wanted.replace(/\$\{[^}]*\}/g, (variable) => variable.replaceAll(':', '\0')));
  return every(patterns, (segment, i) => {
    const pattern = expanded(segment.replaceAll('\0', ':'), version, context);
    return pattern === undefined ? 'unknown' : glob(pattern, segments(value)[i] as string);
  });
}

/** Marks the characters that stand for themselves where wildcards act. */
const LITERAL = '\x01';

/** A text with its variables replaced, undefined where one has no value. */
export function expanded(text: string, version: string | undefined, context: WrittenContext): string | undefined {
  if (version !== '2012-10-17') return text;
  let hasAll = true;
  const result = text.replace(/\$\{\s*([^,}]*?)\s*(?:,\s*'([^']*)'\s*)?\}/g, (_, key: string, fallback?: string) => {
    const values = '*?$'.includes(key) ? [key] : valuesOf(key, context);
    const value = values.length === 0 ? fallback : values[0];
    if (value === undefined || values.length > 1) hasAll = false;
    return [...(value ?? '')].map((character) => LITERAL + character).join('');
  });
  return hasAll ? result : undefined;
}

const literal = (text: string) => text.replaceAll(LITERAL, '');

const patterns = new Map<string, RegExp>();

/** Only the tests' own patterns come here, so a regular expression may do. */
export function glob(pattern: string, text: string): boolean {
  let expression = patterns.get(pattern);
  if (expression === undefined) {
    let source = '';
    for (let i = 0; i < pattern.length; i++) {
      const character = pattern[i] as string;
      if (character === LITERAL) source += escaped(pattern[++i] as string);
      else source += character === '*' ? '.*' : character === '?' ? '.' : escaped(character);
    }
    expression = new RegExp(`^${source}$`, 's');
    if (patterns.size > 10_000) patterns.clear();
    patterns.set(pattern, expression);
  }
  return expression.test(text);
}

const escaped = (character: string) => character.replace(/[\\^$.*+?()[\]{}|/-]/, '\\$&');

function valuesOf(key: string, context: WrittenContext): readonly string[] {
  const [prefix, lower] = ['kms:encryptioncontext:', key.toLowerCase()];
  const found = lower.startsWith(prefix) ? prefix + key.slice(prefix.length) : lower;
  return Object.hasOwn(context, found) ? (context[found] ?? []) : [];
}

const isNumber = (text: string) => /^[+-]?\d+(\.\d+)?$/.test(text);

/** A year, which has four digits; a date, an instant with its zone, or seconds. */
function instantOf(text: string): number | undefined {
  if (/^(?!\d{4}$)\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const instant = /^\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?)?)?$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  return Number.isNaN(instant) ? undefined : instant;
}

/** One that surely holds settles it, whatever cannot be evaluated beside it. */
export function some<T>(items: readonly T[], test: (item: T, index: number) => Answer): Answer {
  const answers = items.map(test);
  return answers.includes(true) || (answers.includes('unknown') ? 'unknown' : false);
}

export function every<T>(items: readonly T[], test: (item: T, index: number) => Answer): Answer {
  return not(some(items, (item, index) => not(test(item, index))));
}

export function not(answer: Answer): Answer {
  return answer === 'unknown' ? 'unknown' : !answer;
}
