/** Chance that can be repeated: the same dice for the same seed and throw. Not for secrets. */
export interface Dice {
  /** A whole number from 0 to `below`, excluded. */
  number(below: number): number;
  pick<T>(from: readonly T[]): T;
  /** True once in `oneIn` times. */
  chance(oneIn: number): boolean;
}

export function dice(seed: number, throwNumber: number): Dice {
  // Two rounds of a mixing function tell neighbouring throws apart.
  let state = mix(mix(seed >>> 0) ^ throwNumber);
  const number = (below: number) => {
    state = (state + 0x6d2b79f5) >>> 0;
    return Math.floor((mix(state) / 0x1_0000_0000) * below);
  };
  return {
    number,
    pick: (from) => from[number(from.length)] as (typeof from)[number],
    chance: (oneIn) => number(oneIn) === 0,
  };
}

/** The finisher of MurmurHash3, which is in the public domain. */
function mix(value: number): number {
  let mixed = value;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** The seed of this run: new each time, unless KEYHOLD_TEST_SEED repeats an earlier one. */
export function testSeed(): number {
  const given = process.env['KEYHOLD_TEST_SEED'];
  return given === undefined ? Date.now() >>> 0 : Number(given) >>> 0;
}
