import { KeyholdError } from '../runtime/errors.ts';

/**
 * The broken constraints of one request, in AWS's words. AWS names them all in one ValidationException, so that a caller
 * mends everything at once.
 */
export type Violations = string[];

/** INVARIANT: an answer stays small whatever is sent: so many broken constraints are named, each value cut to so much. */
const MAX_VIOLATIONS = 100;
const MAX_VALUE_CHARACTERS = 1024;

/** Notes that the value at `path` breaks a constraint. A `value` of undefined is left out: a blob's bytes or a secret. */
export function reportValue(violations: Violations, value: string | undefined, path: string, constraint: string): void {
  report(violations, value === undefined ? 'Value' : `Value '${bounded(value)}'`, path, constraint);
}

/** Refuses the value at `path` in the words that IAM has for some constraints, in which it names no other violation. */
export function refuseValue(path: string, reason: string): never {
  throw new KeyholdError('ValidationException', `The specified value for ${path} is invalid. ${reason}`);
}

/** Notes that the required member at `path` is absent. Of one whose value it does not show, AWS does not even say that it is null. */
export function reportNull(violations: Violations, hidden: boolean, path: string): void {
  report(violations, hidden ? 'Value' : 'Value null', path, 'Member must not be null');
}

/** @throws KeyholdError ValidationException naming every violation, if there is one */
export function refuseViolations(violations: Violations): void {
  if (violations.length === 0) return;
  const count = violations.length === 1 ? '1 validation error' : `${violations.length} validation errors`;
  throw new KeyholdError('ValidationException', `${count} detected: ${violations.join('; ')}`);
}

function report(violations: Violations, subject: string, path: string, constraint: string): void {
  if (violations.length >= MAX_VIOLATIONS) return;
  violations.push(`${subject} at '${path}' failed to satisfy constraint: ${constraint}`);
}

function bounded(value: string): string {
  if (value.length <= MAX_VALUE_CHARACTERS) return value;
  // The cut may fall inside a surrogate pair, whose half would not be valid UTF-8 on the wire.
  return `${value.slice(0, MAX_VALUE_CHARACTERS).toWellFormed()}...`;
}
