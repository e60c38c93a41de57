import type { Random } from '../../runtime/random.ts';

/** AWS's identifiers ("IAM identifiers", IAM user guide): a prefix that tells the kind, then letters and digits. */

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** A user, a role, a group, a managed policy. */
export type UniqueIdPrefix = 'AIDA' | 'AROA' | 'AGPA' | 'ANPA';

export function newUniqueId(prefix: UniqueIdPrefix, random: Random): string {
  return `${prefix}${base32(random, 17)}`;
}

/** `AKIA` begins the keys of users and of root, `ASIA` those of sessions. */
export function newAccessKeyId(random: Random, prefix: 'AKIA' | 'ASIA' = 'AKIA'): string {
  return `${prefix}${base32(random, 16)}`;
}

/** 40 characters of base64, 240 random bits. */
export function newSecretAccessKey(random: Random): string {
  return random.bytes(30).toString('base64');
}

/** Twelve digits, the first of them not zero. */
export function newAccountId(random: Random): string {
  const lowest = 100_000_000_000;
  return String(lowest + (random.bytes(8).readUIntBE(0, 6) % (9 * lowest)));
}

/** Five bits of each byte: 32 divides 256, so every character is equally likely. */
function base32(random: Random, length: number): string {
  let text = '';
  for (const byte of random.bytes(length)) text += BASE32[byte & 31];
  return text;
}
