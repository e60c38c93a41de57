/**
 * Patterns with `*` (any run of characters, also none) and `?` (exactly one UTF-16 code unit), matched without regular
 * expressions: the patterns are callers' text, and a backtracking engine would let one policy stall the server.
 *
 * A pattern is made from symbols rather than from text, because a policy variable's value is spliced in as literal
 * text: a `*` in it stands for itself.
 */
export type PatternSymbol = number;
const ANY_RUN: PatternSymbol = -1;
const ANY_ONE: PatternSymbol = -2;

/** A stretch of a pattern between two `*`, with the table by which it is searched for. */
type Piece =
  /** Without `?`. */
  | { readonly kind: 'exact'; readonly symbols: Int32Array; readonly failure: Int32Array }
  /** With `?`. */
  | { readonly kind: 'fuzzy'; readonly length: number; readonly fits: FitTable };

/** Bit i of a unit's row is set when symbol i of the piece fits that unit. */
interface FitTable {
  readonly byUnit: ReadonlyMap<number, Int32Array>;
  /** The row of the units that the piece does not name. */
  readonly byOthers: Int32Array;
}

export interface WildcardPattern {
  /** What stands before the first `*`. */
  readonly first: Int32Array;
  /** What stands after the last `*`; undefined when the pattern holds none, and `first` is all of it. */
  readonly last: Int32Array | undefined;
  readonly middle: readonly Piece[];
  /** Code units that any matching text has at least. */
  readonly minLength: number;
}

/** The symbols of text in which `*` and `?` are wildcards. */
export function wildcardSymbols(text: string): PatternSymbol[] {
  return Array.from({ length: text.length }, (_, i) => {
    const unit = text.charCodeAt(i);
    if (unit === 0x2a) return ANY_RUN;
    return unit === 0x3f ? ANY_ONE : unit;
  });
}

/** The symbols of text that stands for itself. */
export function literalSymbols(text: string): PatternSymbol[] {
  return Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
}

export function compileWildcard(symbols: readonly PatternSymbol[]): WildcardPattern {
  const stretches: PatternSymbol[][] = [[]];
  for (const symbol of symbols) {
    if (symbol === ANY_RUN) stretches.push([]);
    else stretches.at(-1)?.push(symbol);
  }
  return {
    first: Int32Array.from(stretches[0] as PatternSymbol[]),
    last: stretches.length === 1 ? undefined : Int32Array.from(stretches.at(-1) as PatternSymbol[]),
    middle: stretches
      .slice(1, -1)
      .filter((stretch) => stretch.length > 0)
      .map(compilePiece),
    minLength: stretches.reduce((sum, stretch) => sum + stretch.length, 0),
  };
}

/** Whether the whole of `text`, or of its part from `start` to `end`, matches. */
export function matchesWildcard(pattern: WildcardPattern, text: string, start = 0, end = text.length): boolean {
  const { first, last, middle } = pattern;
  if (end - start < pattern.minLength) return false;
  if (last === undefined) return end - start === pattern.minLength && standsAt(first, text, start);
  const tail = end - last.length;
  if (!standsAt(first, text, start) || !standsAt(last, text, tail)) return false;
  let position = start + first.length;
  // The leftmost place for each piece leaves the most room for those after it, so no choice is ever taken back.
  for (const piece of middle) {
    const found = find(piece, text, position, tail);
    if (found < 0) return false;
    position = found;
  }
  return true;
}

function compilePiece(symbols: readonly PatternSymbol[]): Piece {
  if (symbols.includes(ANY_ONE)) return { kind: 'fuzzy', length: symbols.length, fits: fitTable(symbols) };
  return { kind: 'exact', symbols: Int32Array.from(symbols), failure: failureTable(symbols) };
}

/** Where the leftmost place of the piece ends, or -1. */
function find(piece: Piece, text: string, from: number, end: number): number {
  if (piece.kind === 'fuzzy') return findFuzzy(piece.length, piece.fits, text, from, end);
  return findExact(piece.symbols, piece.failure, text, from, end);
}

/** For each prefix of the piece, the length of its longest proper prefix that is also its suffix. */
function failureTable(symbols: readonly PatternSymbol[]): Int32Array {
  const table = new Int32Array(symbols.length);
  let matched = 0;
  for (let i = 1; i < symbols.length; i++) {
    while (matched > 0 && symbols[i] !== symbols[matched]) matched = table[matched - 1] as number;
    if (symbols[i] === symbols[matched]) matched++;
    table[i] = matched;
  }
  return table;
}

function standsAt(symbols: Int32Array, text: string, at: number): boolean {
  for (let i = 0; i < symbols.length; i++) {
    const symbol = symbols[i];
    if (symbol !== text.charCodeAt(at + i) && symbol !== ANY_ONE) return false;
  }
  return true;
}

function findExact(symbols: Int32Array, failure: Int32Array, text: string, from: number, end: number): number {
  let matched = 0;
  for (let i = from; i < end; i++) {
    const unit = text.charCodeAt(i);
    while (matched > 0 && symbols[matched] !== unit) matched = failure[matched - 1] as number;
    if (symbols[matched] === unit) matched++;
    if (matched === symbols.length) return i + 1;
  }
  return -1;
}

function fitTable(symbols: readonly PatternSymbol[]): FitTable {
  const byOthers = new Int32Array(Math.ceil(symbols.length / 32));
  symbols.forEach((symbol, i) => {
    if (symbol === ANY_ONE) setBit(byOthers, i);
  });
  const byUnit = new Map<number, Int32Array>();
  symbols.forEach((symbol, i) => {
    if (symbol === ANY_ONE) return;
    const row = byUnit.get(symbol) ?? byOthers.slice();
    setBit(row, i);
    byUnit.set(symbol, row);
  });
  return { byUnit, byOthers };
}

function setBit(row: Int32Array, i: number): void {
  row[i >> 5] = (row[i >> 5] as number) | (1 << (i & 31));
}

/**
 * Baeza-Yates and Gonnet's Shift-And, 32 symbols to a word: bit i of `matched` says that the piece's first i+1 symbols
 * fit the text that ends here. Each character costs the same whatever came before, where a plain search with `?` would
 * start over at every position.
 */
function findFuzzy(length: number, { byUnit, byOthers }: FitTable, text: string, from: number, end: number): number {
  const matched = new Int32Array(byOthers.length);
  const lastWord = byOthers.length - 1;
  const lastBit = 1 << ((length - 1) & 31);
  for (let at = from; at < end; at++) {
    const row = byUnit.get(text.charCodeAt(at)) ?? byOthers;
    let carry = 1;
    for (let word = 0; word <= lastWord; word++) {
      const before = matched[word] as number;
      matched[word] = ((before << 1) | carry) & (row[word] as number);
      carry = before >>> 31;
    }
    if (((matched[lastWord] as number) & lastBit) !== 0) return at + 1;
  }
  return -1;
}
