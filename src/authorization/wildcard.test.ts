import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileWildcard, literalSymbols, matchesWildcard, wildcardSymbols } from './wildcard.ts';

function matches(pattern: string, text: string): boolean {
  return matchesWildcard(compileWildcard(wildcardSymbols(pattern)), text);
}

/** The definition, spelled out: exponential, and plainly right. */
function matchesByDefinition(pattern: string, text: string): boolean {
  if (pattern === '') return text === '';
  const [head, rest] = [pattern[0], pattern.slice(1)];
  if (head === '*') {
    return Array.from({ length: text.length + 1 }, (_, i) => i).some((i) => matchesByDefinition(rest, text.slice(i)));
  }
  return text !== '' && (head === '?' || head === text[0]) && matchesByDefinition(rest, text.slice(1));
}

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
    const word = (alphabet: string, maxLength: number) =>
      fc.array(fc.constantFrom(...alphabet), { maxLength }).map((units) => units.join(''));
    fc.assert(
      fc.property(word('ab*?', 9), word('ab', 10), (pattern, text) => {
        expect(matches(pattern, text)).toBe(matchesByDefinition(pattern, text));
      }),
      { numRuns: 20_000 },
    );
  });

  test('match a part of a text without looking beyond it', () => {
    const pattern = compileWildcard(wildcardSymbols('b*d'));
    expect(matchesWildcard(pattern, 'abcde', 1, 4)).toBe(true);
    expect(matchesWildcard(pattern, 'abcde', 1, 3)).toBe(false);
    expect(matchesWildcard(pattern, 'abcde', 1, 5)).toBe(false);
  });

  test('in literal text do not act', () => {
    const pattern = compileWildcard([...literalSymbols('a*?'), ...wildcardSymbols('*')]);
    expect(matchesWildcard(pattern, 'a*?b')).toBe(true);
    expect(matchesWildcard(pattern, 'abcb')).toBe(false);
  });

  test('longer than a machine word agree with a regular expression', () => {
    const word = (maxLength: number) =>
      fc.array(fc.constantFrom('a', 'a', 'b', '?'), { minLength: 28, maxLength }).map((units) => units.join(''));
    fc.assert(
      fc.property(word(70), word(40), fc.nat(40), fc.nat(7), (piece, filler, cut, changed) => {
        const pattern = `a*${piece}*${piece.slice(cut)}`;
        const there = `a${filler}${piece}${filler}${piece.slice(cut)}`;
        const text = changed === 0 ? there : `${there.slice(0, 31 + changed)}b${there.slice(32 + changed)}`;
        const expected = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(text);
        expect(matches(pattern, text)).toBe(expected);
      }),
      { numRuns: 5000 },
    );
  });

  test('take no more than linear time on texts that almost match', () => {
    // A plain search would compare some 10^9 times here; this ends at once, or the test's time-out ends it.
    const text = 'a'.repeat(100_000);
    expect(matches(`*${'a'.repeat(20_000)}b*`, text)).toBe(false);
    expect(matches(`*b${'a'.repeat(20_000)}*`, text)).toBe(false);
    expect(matches(`*${'a*'.repeat(10_000)}b`, text)).toBe(false);
    expect(matches(`*${'a?'.repeat(500)}b*`, text)).toBe(false);
  });
});
