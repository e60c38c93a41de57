/**
 * Three-valued logic (Kleene's), because a condition may be impossible to evaluate: a variable without a value, a
 * number that is none. Keeping "unknown" apart until the end lets a statement fail closed in both directions: an
 * unknown Deny denies, an unknown Allow does not allow, and negation does not turn one into the other.
 */
export const NO = 0;
export const YES = 1;
export const UNKNOWN = 2;

export type Truth = typeof NO | typeof YES | typeof UNKNOWN;

export function truthOf(fact: boolean): Truth {
  return fact ? YES : NO;
}

export function not(truth: Truth): Truth {
  if (truth === UNKNOWN) return UNKNOWN;
  return truth === YES ? NO : YES;
}
