import { KeyholdError } from '../runtime/errors.ts';
import { refuseValue, reportValue, type Violations } from './violations.ts';

/**
 * What every shape of the constraint language is: how its value is read from JSON, which constraints it must meet, and
 * how it is described. A shape is built once, when an operation is declared, and used for every request.
 *
 * A request is judged in two phases, as AWS does: `read` refuses what is not of the member's type with a
 * SerializationException at the first fault; only then are all constraints checked, together.
 *
 * `T` is used both covariantly and contravariantly, so that a declaration must fit AWS's own type exactly: an
 * enumeration that forgets one of the SDK's values does not compile.
 */
export interface Shape<T> {
  readonly description: ShapeDescription;
  /** Deserialises a JSON value that is neither absent nor null. Throws KeyholdError SerializationException. */
  readonly read: (json: unknown) => T;
  /** In the order in which AWS prints them: longest, shortest, pattern, set of values. */
  readonly constraints: readonly Constraint<T>[];
  /** The value as an error message shows it; undefined where it must not be shown. */
  readonly print: (value: T) => string | undefined;
  /** Checks what lies within the value and has a path of its own: the members of structures. */
  readonly checkWithin?: (value: T, path: string, violations: Violations) => void;
}

export interface Constraint<T> {
  /** AWS's wording, for instance `Member must have length less than or equal to 2048`. */
  readonly text: string;
  readonly holds: (value: T) => boolean;
  /** What a value that breaks it is refused with instead, in a message that says nothing else; elements of lists are not. */
  readonly saidAlone?: string;
}

/** A shape as plain data, in the vocabulary of botocore's service descriptions. */
export interface ShapeDescription {
  readonly type:
    | 'string'
    | 'blob'
    | 'integer'
    | 'long'
    | 'double'
    | 'boolean'
    | 'timestamp'
    | 'list'
    | 'map'
    | 'structure';
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
  /** AWS enforces the pattern, but botocore's description does not tell of it. */
  readonly patternUnpublished?: boolean;
  readonly enum?: readonly string[];
  readonly sensitive?: boolean;
  /** No secret, but AWS's messages do not show it. */
  readonly unquoted?: boolean;
  /** The elements of a list. */
  readonly member?: ShapeDescription;
  readonly key?: ShapeDescription;
  readonly value?: ShapeDescription;
  readonly members?: Readonly<Record<string, ShapeDescription>>;
  readonly required?: readonly string[];
}

/** Checks one value against its own constraints and against those of what lies within it. */
export function check<T>(shape: Shape<T>, value: T, path: string, violations: Violations): void {
  for (const constraint of shape.constraints) {
    if (constraint.holds(value)) continue;
    if (constraint.saidAlone !== undefined) refuseValue(path, constraint.saidAlone);
    reportValue(violations, shape.print(value), path, constraint.text);
  }
  shape.checkWithin?.(value, path, violations);
}

/** The limits of a length, given in whatever unit the value has: code points, bytes or elements. */
export interface Limits {
  readonly min?: number;
  readonly max?: number;
}

/** The two constraints on a length, of those limits that are given. */
export function lengthConstraints<T>(limits: Limits, fits: (value: T, min: number, max: number) => boolean) {
  const { min, max } = limits;
  const constraints: Constraint<T>[] = [];
  if (max !== undefined) {
    const text = `Member must have length less than or equal to ${max}`;
    constraints.push({ text, holds: (value) => fits(value, 0, max) });
  }
  if (min !== undefined && min > 0) {
    const text = `Member must have length greater than or equal to ${min}`;
    constraints.push({ text, holds: (value) => fits(value, min, Number.POSITIVE_INFINITY) });
  }
  return constraints;
}

/**
 * A JSON value of another type than the member's, in AWS's words, which differ with the kind of target: scalars say
 * what they would not be converted from, aggregates what they had hoped for.
 *
 * @param otherwise what is said of a JSON scalar, given its token (`NUMBER_VALUE`, `STRING_VALUE`, …)
 */
export function wrongType(json: unknown, otherwise: (token: string) => string): KeyholdError {
  if (Array.isArray(json)) return serializationException('Start of list found where not expected');
  // The full stop is AWS's, and so is its absence above.
  if (typeof json === 'object') return serializationException('Start of structure or map found where not expected.');
  const token = typeof json === 'boolean' ? String(json).toUpperCase() : (typeof json).toUpperCase();
  return serializationException(otherwise(`${token}_VALUE`));
}

export function serializationException(message: string): KeyholdError {
  return new KeyholdError('SerializationException', message);
}
