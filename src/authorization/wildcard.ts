import { spend, type Work } from './evaluation.ts';
import { NO, type Truth, truthOf, UNKNOWN, YES } from './truth.ts';

/**
 * Patterns with `*` (any run of characters, also none) and `?` (exactly one UTF-16 code unit), matched without regular
 * expressions: the patterns are callers' text, and a backtracking engine would let one policy stall the server.
 *
 * There is nothing to compile but the text itself. Tables that search faster (Knuth-Morris-Pratt, Shift-And) would make
 * long repetitive patterns linear, but they are many times a pattern's size, and policies are kept by the thousand. The
 * plain search below takes one step for each character unless pattern and text are both repetitive, and then the work of
 * the decision bounds it.
 */
export interface WildcardPattern {
  readonly text: string;
  /** The places of `text` whose `*` or `?` stands for itself: a policy variable's value is spliced in as literal text. */
  readonly literals: ReadonlySet<number> | undefined;
  /** The places of the first and of the last `*` that act; the text's length and -1 when none does. */
  readonly firstRun: number;
  readonly lastRun: number;
}

const ANY_RUN = 0x2a;
const ANY_ONE = 0x3f;

/** Besides the steps of matching: the call itself. */
const WORK_PER_PATTERN = 8;

/** Policies name these by the thousand, as segments of ARNs. */
export const ANYTHING: WildcardPattern = Object.freeze({ text: '*', literals: undefined, firstRun: 0, lastRun: 0 });
const NOTHING: WildcardPattern = Object.freeze({ text: '', literals: undefined, firstRun: 0, lastRun: -1 });

export function wildcardPattern(text: string, literals?: ReadonlySet<number>): WildcardPattern {
  if (text === '') return NOTHING;
  if (text === '*' && literals === undefined) return ANYTHING;
  let firstRun = text.indexOf('*');
  while (literals?.has(firstRun)) firstRun = text.indexOf('*', firstRun + 1);
  if (firstRun < 0) return { text, literals, firstRun: text.length, lastRun: -1 };
  let lastRun = text.lastIndexOf('*');
  while (literals?.has(lastRun)) lastRun = text.lastIndexOf('*', lastRun - 1);
  return { text, literals, firstRun, lastRun };
}

/** Adds the places of a value's `*` and `?`, when the value stands at `offset` of a pattern and is literal text there. */
export function markLiterals(value: string, offset: number, places: Set<number> | undefined): Set<number> | undefined {
  let marked = places;
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i);
    if (unit !== ANY_RUN && unit !== ANY_ONE) continue;
    marked ??= new Set();
    marked.add(offset + i);
  }
  return marked;
}

/** Whether the whole of `subject`, or of its part from `start` to `end`, matches; UNKNOWN when the work is used up. */
export function matchesWildcard(
  pattern: WildcardPattern,
  subject: string,
  work: Work,
  start = 0,
  end = subject.length,
): Truth {
  const { text, firstRun, lastRun } = pattern;
  const length = text.length;
  const room = end - start;
  // Without a `*`, all of the text is before the first and nothing after the last.
  const ends = lastRun < 0 ? length : length - (lastRun - firstRun + 1);
  const fits = lastRun < 0 ? room === ends : room >= ends;
  if (!spend(work, fits ? WORK_PER_PATTERN + ends : WORK_PER_PATTERN)) return UNKNOWN;
  if (!fits || !standsAt(pattern, 0, firstRun, subject, start)) return NO;
  if (lastRun < 0) return YES;
  // What follows the last `*` has one place where it can stand.
  const tail = end - (length - lastRun - 1);
  if (!standsAt(pattern, lastRun + 1, length, subject, tail)) return NO;
  return firstRun === lastRun ? YES : standBetween(pattern, subject, work, start + firstRun, tail);
}

/** Whether the symbols at the places `from` to `to`, none of them a `*` that acts, fit the subject at `at`. */
function standsAt({ text, literals }: WildcardPattern, from: number, to: number, subject: string, at: number): boolean {
  for (let place = from; place < to; place++) {
    const symbol = text.charCodeAt(place);
    if (symbol === subject.charCodeAt(at + place - from)) continue;
    if (symbol !== ANY_ONE || literals?.has(place)) return false;
  }
  return true;
}

/**
 * Whether what the pattern has between its first and its last `*` is found, in order, between `start` and `end`. The
 * leftmost place for each stretch between two `*` leaves the most room for those after it, so only the stretch at hand is
 * ever moved.
 */
function standBetween(
  { text, literals, firstRun, lastRun }: WildcardPattern,
  subject: string,
  work: Work,
  start: number,
  end: number,
): Truth {
  let left = work.left;
  let place = firstRun + 1;
  let at = start;
  let stretch = place;
  let stretchAt = start;
  while (place < lastRun && left >= 0) {
    left--;
    const symbol = text.charCodeAt(place);
    const acts = (symbol === ANY_RUN || symbol === ANY_ONE) && !literals?.has(place);
    if (acts && symbol === ANY_RUN) {
      stretch = ++place;
      stretchAt = at;
    } else if (at >= end) {
      // A stretch that reaches the end where it stands has no more room further on.
      break;
    } else if (acts || symbol === subject.charCodeAt(at)) {
      place++;
      at++;
    } else {
      place = stretch;
      at = ++stretchAt;
    }
  }
  work.left = left;
  return left < 0 ? UNKNOWN : truthOf(place === lastRun);
}
