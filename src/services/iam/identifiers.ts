import type { Random } from '../../runtime/random.ts';

/** AWS's identifiers ("IAM identifiers", IAM user guide): a prefix that tells the kind, then letters and digits. */

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** A user, a role, a group, a managed policy. */
export type UniqueIdPrefix = 'AIDA' | 'AROA' | 'AGPA' | 'ANPA';

export function newUniqueId(prefix: UniqueIdPrefix, random: Random): string {
  return `${prefix}${base32(random, 17)}`;
}

/** `AKIA` begins the keys of users and of root. */
export function newAccessKeyId(random: Random): string {
  return `AKIA${base32(random, 16)}`;
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

/** Bits of the number of the account, in front of seven random ones; the first bit of all says that it is there. */
const ACCOUNT_SHIFT = 7n;
const ACCOUNT_MASK = (1n << 40n) - 1n;
const HAS_ACCOUNT = 1n << 47n;

/**
 * `ASIA` begins the keys of sessions. As in AWS, the account can be read from the id: nothing else is kept of a session
 * that GetAccessKeyInfo could look up.
 */
export function newSessionKeyId(accountId: string, random: Random): string {
  const bytes = random.bytes(10);
  const low = BigInt(bytes.readUIntBE(0, 6)) & ((1n << ACCOUNT_SHIFT) - 1n);
  bytes.writeUIntBE(Number(HAS_ACCOUNT | (BigInt(accountId) << ACCOUNT_SHIFT) | low), 0, 6);
  let bits = bytes.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
  let text = '';
  for (let left = 16; left > 0; left--) {
    text = BASE32.charAt(Number(bits & 31n)) + text;
    bits >>= 5n;
  }
  return `ASIA${text}`;
}

const SESSION_KEY_ID = /^ASIA[Q-Z2-7][A-Z2-7]{15}$/;

/** Undefined for what {@link newSessionKeyId} has not made. */
export function accountOfSessionKeyId(accessKeyId: string): string | undefined {
  if (!SESSION_KEY_ID.test(accessKeyId)) return undefined;
  let bits = 0n;
  for (const character of accessKeyId.slice(4)) bits = (bits << 5n) | BigInt(BASE32.indexOf(character));
  const accountId = (((bits >> 32n) >> ACCOUNT_SHIFT) & ACCOUNT_MASK).toString().padStart(12, '0');
  return accountId.length === 12 ? accountId : undefined;
}
