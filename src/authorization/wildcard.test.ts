import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Truth, UNKNOWN, YES } from './truth.ts';
import { markLiterals, matchesWildcard, wildcardPattern } from './wildcard.ts';

function matchWithin(units: number, pattern: string, text: string): Truth {
  return matchesWildcard(wildcardPattern(pattern), text, { left: units });
}

function matches(pattern: string, text: string): boolean {
  return matchWithin(1e9, pattern, text) === YES;
}

/** The definition, spelled out: exponential, and plainly right. */
function matchesByDefinition(
  pattern: string,
  text: string,
  literals: ReadonlySet<number> = new Set(),
  at = 0,
): boolean {
  if (at === pattern.length) return text === '';
  const acting = literals.has(at) ? undefined : pattern[at];
  const restFits = (from: number) => matchesByDefinition(pattern, text.slice(from), literals, at + 1);
  if (acting === '*') return Array.from({ length: text.length + 1 }, (_, i) => i).some(restFits);
  return text !== '' && (acting === '?' || pattern[at] === text[0]) && restFits(1);
}

const word = (alphabet: string, maxLength: number) =>
  fc.array(fc.constantFrom(...alphabet), { maxLength }).map((units) => units.join(''));

describe('wildcards', () => {
  test.each([
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['*', 'anything', true],
    ['?', '', false],
    ['?', 'a', true],
    ['kms:*', 'kms:encrypt', true],
    ['kms:*', 'kms:', true],
    ['kms:*', 'kmx:encrypt', false],
    ['kms:gen*key', 'kms:generatedatakey', true],
    ['kms:gen*key', 'kms:generatedatakeypair', false],
    ['ab*ba', 'aba', false],
    ['ab*ba', 'abba', true],
    ['*aab*', 'aaab', true],
    ['*a?b*', 'xaabb', true],
    ['*a?c*', 'abab', false],
    ['a**b', 'ab', true],
    ['a.c', 'abc', false],
    ['[a-z]', 'b', false],
  ])('%j against %j', (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });

  test('agree with the definition', () => {
    fc.assert(
      fc.property(word('ab*?', 9), word('ab', 10), (pattern, text) => {
        expect(matches(pattern, text)).toBe(matchesByDefinition(pattern, text));
      }),
      { numRuns: 20_000 },
    );
  });

  test('match a part of a text without looking beyond it', () => {
    const matchesPart = (pattern: string, start: number, end: number) =>
      matchesWildcard(wildcardPattern(pattern), 'abcde', { left: 1000 }, start, end) === YES;
    expect(matchesPart('b*d', 1, 4)).toBe(true);
    expect(matchesPart('b*d', 1, 3)).toBe(false);
    expect(matchesPart('b*d', 1, 5)).toBe(false);
    expect(matchesPart('b*c*d', 1, 4)).toBe(true);
    expect(matchesPart('b*e*', 1, 4)).toBe(false);
  });

  test('in literal text do not act', () => {
    fc.assert(
      fc.property(word('ab*?', 4), word('a*?', 3), word('ab*?', 4), word('ab*?', 8), (before, value, after, text) => {
        const literals = markLiterals(value, before.length, undefined);
        const pattern = before + value + after;
        for (const subject of [text, text + value, value + text]) {
          const expected = matchesByDefinition(pattern, subject, literals);
          expect(matchesWildcard(wildcardPattern(pattern, literals), subject, { left: 10_000 }) === YES).toBe(expected);
        }
      }),
      { numRuns: 5000 },
    );
  });

  test('longer than a few characters agree with a regular expression', () => {
    const longWord = (maxLength: number) =>
      fc.array(fc.constantFrom('a', 'a', 'b', '?'), { minLength: 28, maxLength }).map((units) => units.join(''));
    fc.assert(
      fc.property(longWord(70), longWord(40), fc.nat(40), fc.nat(7), (piece, filler, cut, changed) => {
        const pattern = `a*${piece}*${piece.slice(cut)}`;
        const there = `a${filler}${piece}${filler}${piece.slice(cut)}`;
        const text = changed === 0 ? there : `${there.slice(0, 31 + changed)}b${there.slice(32 + changed)}`;
        const expected = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(text);
        expect(matches(pattern, text)).toBe(expected);
      }),
      { numRuns: 5000 },
    );
  });

  test('cost a repetitive pattern no more work than it is given', () => {
    // A search without a limit would compare some 10^9 times here; this ends at once, or the test's time-out ends it.
    const text = 'a'.repeat(200_000);
    for (const pattern of [`*${'a'.repeat(16_000)}b*`, `*${'a?'.repeat(8000)}b*`]) {
      const work = { left: 1_000_000 };
      expect(matchesWildcard(wildcardPattern(pattern), text, work)).toBe(UNKNOWN);
      expect(work.left).toBeGreaterThan(-100_000);
    }
  });

  test('are found with little work in texts that do not repeat themselves', () => {
    const text = Array.from({ length: 2000 }, (_, i) => i).join(' ');
    expect(matchWithin(3 * text.length, '0 1*19?9*77*1999', text)).toBe(YES);
    expect(matchWithin(2000, `${text.slice(0, 900)}*${text.slice(-900)}`, text)).toBe(YES);
    expect(matchWithin(32, 'x*y', text)).not.toBe(UNKNOWN);
  });

  test('answer the same with less work, or that it is unknown', () => {
    fc.assert(
      fc.property(word('ab*?', 9), word('ab', 10), fc.nat(60), (pattern, text, units) => {
        expect([matchWithin(1e9, pattern, text), UNKNOWN]).toContain(matchWithin(units, pattern, text));
      }),
      { numRuns: 5000 },
    );
  });
});
