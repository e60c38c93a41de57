import type { Random } from '../../runtime/random.ts';

const FIRST_RETRY_MS = 1000;
export const LONGEST_RETRY_MS = 15 * 60 * 1000;

/**
 * How long to wait after so many failed attempts, the first of which is 1: twice as long each time, and between half of that
 * and all of it, so that what failed together does not come back together.
 */
export function retryDelayMs(attempts: number, random: Random): number {
  const longest = Math.min(FIRST_RETRY_MS * 2 ** (attempts - 1), LONGEST_RETRY_MS);
  return Math.round(longest * (0.5 + random.bytes(2).readUInt16BE() / (2 * 0xffff)));
}
