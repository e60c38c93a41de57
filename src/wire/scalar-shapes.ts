import {
  type Constraint,
  type Limits,
  lengthConstraints,
  type Shape,
  serializationException,
  wrongType,
} from './shape.ts';

/**
 * A pattern that AWS puts on strings. The whole string must match.
 *
 * INVARIANT: the time of `matches` is linear in the string: it is character classes repeated, of which no character is in
 * two, or says beside it why.
 * `printed` is the text that AWS's description and error messages show; it is never made into a regular expression.
 */
export interface Pattern {
  readonly printed: string;
  readonly matches: RegExp;
  /** AWS enforces it without telling of it in its published description. */
  readonly unpublished?: true;
  /** What AWS says of a value that does not match, where it does not print the pattern: a sentence, said alone. */
  readonly reason?: string;
}

export interface StringLimits extends Limits {
  readonly pattern?: Pattern;
  /** The value is a secret: no message shows it. */
  readonly sensitive?: true;
  /** No secret, but AWS's messages do not show it. */
  readonly unquoted?: true;
}

/** A string of `min` to `max` Unicode code points. */
export function string(limits: StringLimits = {}): Shape<string> {
  const { min, max, pattern, sensitive, unquoted } = limits;
  const constraints: Constraint<string>[] = lengthConstraints(limits, hasCodePoints);
  if (pattern !== undefined) {
    const { printed, reason } = pattern;
    constraints.push({
      text: `Member must satisfy regular expression pattern: ${printed}`,
      holds: (value) => pattern.matches.test(value),
      ...(reason === undefined ? {} : { saidAlone: reason }),
    });
  }
  return {
    description: {
      type: 'string',
      ...(min === undefined ? {} : { min }),
      ...(max === undefined ? {} : { max }),
      ...(pattern === undefined ? {} : { pattern: pattern.printed }),
      ...(pattern?.unpublished ? { patternUnpublished: true } : {}),
      ...(sensitive ? { sensitive } : {}),
      ...(unquoted ? { unquoted } : {}),
    },
    read: readString,
    constraints,
    print: sensitive || unquoted ? hidden : itself,
  };
}

/** One of a closed set of strings. AWS prints the set in the order in which it is given here. */
export function enumeration<const V extends string>(values: readonly V[]): Shape<V> {
  const known: ReadonlySet<string> = new Set(values);
  const text = `Member must satisfy enum value set: [${values.join(', ')}]`;
  return {
    description: { type: 'string', enum: values },
    // What is read may be any string until its constraint has been checked; nothing looks at it before.
    read: readString as (json: unknown) => V,
    constraints: [{ text, holds: (value) => known.has(value) }],
    print: itself,
  };
}

/**
 * A whole number of `min` to `max`, inclusive.
 *
 * @param limits.publishedMax where the service description allows more than the operation's own page
 */
export function integer(limits: Limits & { readonly publishedMax?: number } = {}): Shape<number> {
  const shape = wholeNumber('integer', 'an Integer', limits);
  const { publishedMax } = limits;
  return publishedMax === undefined ? shape : { ...shape, description: { ...shape.description, max: publishedMax } };
}

/** A whole number of up to 64 bits, of which JavaScript keeps those of up to 53 exactly; others are refused. */
export function long(limits: Limits = {}): Shape<number> {
  return wholeNumber('long', 'a Long', limits);
}

/**
 * A number of 64 bits. Where a protocol has no numbers for what is not finite, it is sent as `NaN`, `Infinity` or `-Infinity`
 * ("Simple shape serialization" of AWS JSON 1.0, Smithy documentation).
 */
export function double(): Shape<number> {
  return {
    description: { type: 'double' },
    read: (json) => {
      if (typeof json === 'number') return json;
      const special = typeof json === 'string' ? NOT_FINITE.get(json) : undefined;
      if (special !== undefined) return special;
      throw wrongType(json, (token) => `${token} can not be converted to a Double`);
    },
    constraints: [],
    print: String,
  };
}

const NOT_FINITE: ReadonlyMap<string, number> = new Map(
  [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map((value) => [String(value), value]),
);

export function boolean(): Shape<boolean> {
  return {
    description: { type: 'boolean' },
    read: (json) => {
      if (typeof json === 'boolean') return json;
      // AWS's grammar slips for strings. It takes "true" and "yes" for true; a lenient reading of DryRun or of
      // BypassPolicyLockoutSafetyCheck is not worth having, and no AWS client sends one.
      throw wrongType(
        json,
        (token) => `${token} can not be converted to ${token === 'STRING_VALUE' ? 'an' : 'a'} Boolean`,
      );
    },
    constraints: [],
    print: String,
  };
}

/** Bytes, sent as base64 (RFC 4648 section 4). No message shows them, sensitive or not. */
export function blob(limits: Limits & { readonly sensitive?: true } = {}): Shape<Uint8Array> {
  const { min, max, sensitive } = limits;
  return {
    description: {
      type: 'blob',
      ...(min === undefined ? {} : { min }),
      ...(max === undefined ? {} : { max }),
      ...(sensitive ? { sensitive } : {}),
    },
    read: readBlob,
    constraints: lengthConstraints<Uint8Array>(
      limits,
      (value, least, most) => value.length >= least && value.length <= most,
    ),
    print: hidden,
  };
}

/** A moment, sent as seconds since the Unix epoch, possibly with a fraction; kept to the millisecond. */
export function timestamp(): Shape<Date> {
  return {
    description: { type: 'timestamp' },
    read: (json) => {
      const moment = typeof json === 'number' ? new Date(Math.round(json * 1000)) : undefined;
      // A number beyond the range of Date (100 million days around the epoch) makes an invalid one.
      if (moment !== undefined && !Number.isNaN(moment.getTime())) return moment;
      throw wrongType(json, (token) => `${token} can not be converted to milliseconds since epoch`);
    },
    constraints: [],
    print: (value) => value.toISOString(),
  };
}

function wholeNumber(type: 'integer' | 'long', target: string, limits: Limits): Shape<number> {
  const { min, max } = limits;
  const constraints: Constraint<number>[] = [];
  if (max !== undefined) {
    constraints.push({ text: `Member must have value less than or equal to ${max}`, holds: (value) => value <= max });
  }
  if (min !== undefined) {
    constraints.push({
      text: `Member must have value greater than or equal to ${min}`,
      holds: (value) => value >= min,
    });
  }
  return {
    description: { type, ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) },
    read: (json) => {
      // 1.0 and 1e3 are whole numbers to JSON. A fraction is refused rather than cut off: a caller who asks for 1.5
      // bytes is mistaken, and what AWS makes of it is not documented. A number that is merely too large for its type
      // is left to the constraints, as AWS leaves it.
      if (Number.isSafeInteger(json)) return json as number;
      if (type === 'integer' && Number.isInteger(json)) return json as number;
      throw wrongType(json, (token) => `${token} can not be converted to ${target}`);
    },
    constraints,
    print: String,
  };
}

/** Also reads the keys of maps, which are JSON strings already. */
export function readString(json: unknown): string {
  if (typeof json !== 'string') throw wrongType(json, (token) => `${token} can not be converted to a String`);
  // INVARIANT: no string of a request holds a lone surrogate, which JSON can spell (\ud800) but UTF-8 cannot: all of
  // them would be encoded as U+FFFD, and two different encryption contexts would bind a ciphertext alike.
  if (!json.isWellFormed()) throw serializationException('STRING_VALUE can not be converted to a String');
  return json;
}

function readBlob(json: unknown): Uint8Array {
  if (typeof json !== 'string') throw wrongType(json, (token) => `${token} can not be converted to a Blob`);
  const bytes = Buffer.from(json, 'base64');
  // Node's decoder overlooks whatever is not base64, so the text must come back as it went in: no white space, no
  // URL-safe alphabet, no missing padding, no stray bits (RFC 4648 sections 3.1 to 3.5). AWS quotes the refused text;
  // as it may be most of a secret, we do not.
  if (bytes.toString('base64') !== json) throw serializationException('STRING_VALUE can not be converted to a Blob');
  return bytes;
}

/**
 * AWS counts the characters of a string as Unicode code points, not as Java's UTF-16 units: 2048 emoji pass where the
 * limit is 2048. A string has at least half as many code points as units, so that most need no counting.
 */
function hasCodePoints(value: string, min: number, max: number): boolean {
  const units = value.length;
  if (units <= max && units >= 2 * min - 1) return true;
  if (units < min || units > 2 * max) return false;
  const count = countCodePoints(value);
  return count >= min && count <= max;
}

function countCodePoints(value: string): number {
  let count = value.length;
  for (let at = 0; at < value.length; at++) {
    // Strings are well formed by now: each leading surrogate has its trailing one.
    const unit = value.charCodeAt(at);
    if (unit >= 0xd800 && unit < 0xdc00) count--;
  }
  return count;
}

function itself(value: string): string {
  return value;
}

function hidden(): undefined {
  return undefined;
}
