import { isIP } from 'node:net';

/** The typed values of conditions: numbers, booleans, instants, addresses. Each reader answers undefined for what is not one. */

const NUMBER = /^[+-]?\d+(\.\d+)?$/;
const LONGEST_NUMBER = 17;

/** An integer or decimal that JavaScript's numbers hold without rounding two different ones into the same. */
export function parseNumber(text: string): number | undefined {
  if (text.length > LONGEST_NUMBER || !NUMBER.test(text)) return undefined;
  const value = Number(text);
  return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? value : undefined;
}

const LONGEST_BOOLEAN = 'false'.length;

/** In whichever case. */
export function parseBoolean(text: string): boolean | undefined {
  if (text.length > LONGEST_BOOLEAN) return undefined;
  const lower = text.toLowerCase();
  return lower === 'true' || (lower === 'false' ? false : undefined);
}

/**
 * The W3C's profile of ISO 8601 (https://www.w3.org/TR/NOTE-datetime), which IAM names: from a year to a fraction. IAM
 * takes more than the profile has: single digits, years of other lengths, hours alone, a zone without minutes or none.
 */
const ISO_DATE =
  /^(-?\d{1,9})(?:-(\d\d?)(?:-(\d\d?))?)?(?:T(?:(\d\d?)(?::(\d\d?)(?::(\d\d?)(?:\.(\d{1,9}))?)?)?(Z|[+-]\d\d(?::\d\d)?)?)?)?$/i;
/** The years in which IAM can tell the time: those of milliseconds in 64 bits. */
const [FIRST_YEAR, LAST_YEAR] = [-292_275_054, 292_278_993];
/** Seconds since 1970. Four digits are a year, so that both forms can stand in one place. */
const EPOCH_SECONDS = /^(?!\d{4}$)\d{1,19}(\.\d{1,9})?$/;
const LAST_SECOND = 2n ** 63n - 1n;
const LONGEST_DATE = 40;

/** An instant, in milliseconds since the Unix epoch; infinite where JavaScript's dates do not reach. */
export function parseDate(text: string): number | undefined {
  if (text.length > LONGEST_DATE) return undefined;
  if (EPOCH_SECONDS.test(text)) {
    return BigInt(text.split('.')[0] as string) > LAST_SECOND ? undefined : Number(text) * 1000;
  }
  const fields = ISO_DATE.exec(text);
  if (fields === null) return undefined;
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map((i) =>
    Number(fields[i] ?? (i <= 3 ? 1 : 0)),
  ) as [number, number, number, number, number, number];
  if (year < FIRST_YEAR || year > LAST_YEAR || hour > 23 || minute > 59 || second > 59) return undefined;
  // JavaScript moves the 30th of February into March; a date that moved is no date.
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined;
  const offset = zoneOffset(fields[8] ?? 'Z');
  if (offset === undefined) return undefined;
  const instant = new Date(0);
  instant.setUTCFullYear(year, month - 1, day);
  instant.setUTCHours(hour, minute, second);
  const fraction = Number(`0.${fields[7] ?? '0'}`) * 1000;
  const ms = instant.getTime() + fraction - offset;
  return Number.isNaN(ms) ? Math.sign(year) * Number.POSITIVE_INFINITY : ms;
}

function daysIn(year: number, month: number): number {
  // The calendar repeats itself after 400 years, so that of any year is that of one that JavaScript's dates reach.
  const alike = new Date(0);
  alike.setUTCFullYear(2000 + (year % 400), month, 0);
  return alike.getUTCDate();
}

function zoneOffset(zone: string): number | undefined {
  if (zone.toUpperCase() === 'Z') return 0;
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(4, 6))];
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

/** Base64 text in its one canonical form, so that equal bytes are equal texts. */
export function parseBinary(text: string): string | undefined {
  const length = unpaddedLength(text);
  const padding = text.length - length;
  // RFC 4648, section 4: padding is two characters at most and completes the last four; six bits alone are no byte.
  if (padding > 2 || (padding > 0 && text.length % 4 !== 0) || length % 4 === 1) return undefined;
  const canonical = Buffer.from(text, 'base64').toString('base64');
  if (unpaddedLength(canonical) !== length || !canonical.startsWith(text.slice(0, length))) return undefined;
  return canonical;
}

/** A loop, because `/=+$/` begins anew at every `=` of text that does not end with one, and so takes quadratic time. */
function unpaddedLength(text: string): number {
  let length = text.length;
  while (length > 0 && text.charCodeAt(length - 1) === 0x3d) length--;
  return length;
}

/**
 * An address of IP version 6, or of version 4 in its form of version 6 (`::ffff:192.0.2.1`), as four words of 32 bits.
 * Plain numbers, because a `net.BlockList` takes 4 KiB outside of the heap, and a policy may have thousands of ranges.
 */
type AddressWords = readonly [number, number, number, number];

/** A range of addresses such as `203.0.113.0/24`, `2001:db8::/32` or a single address. */
export interface AddressRange {
  readonly words: AddressWords;
  /** How many of the 128 bits are the same in all of the range. */
  readonly prefix: number;
}

/** Undefined for what is no range of addresses. */
export function parseAddressRange(text: string): AddressRange | undefined {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const family = familyOf(address);
  if (family === undefined) return undefined;
  const bits = family === 'ipv4' ? 32 : 128;
  const prefix = slash < 0 ? bits : parsePrefix(text.slice(slash + 1));
  if (prefix === undefined || prefix > bits) return undefined;
  return { words: addressWords(address), prefix: 128 - bits + prefix };
}

/** An address of the request; undefined for what is none. */
export function parseAddress(text: string): AddressWords | undefined {
  return familyOf(text) && addressWords(text);
}

export function isInRange({ words, prefix }: AddressRange, address: AddressWords): boolean {
  for (let i = 0, bits = prefix; i < 4 && bits > 0; i++, bits -= 32) {
    const differing = (words[i] as number) ^ (address[i] as number);
    if ((bits >= 32 ? differing : differing >>> (32 - bits)) !== 0) return false;
  }
  return true;
}

/** @param text a valid address, of either version */
function addressWords(text: string): AddressWords {
  const [head = '', tail] = (text.includes(':') ? text : `::ffff:${text}`).split('::');
  const [before, after] = [addressGroups(head), addressGroups(tail ?? '')];
  const zeros = new Array<number>(8 - before.length - after.length).fill(0);
  const groups = [...before, ...zeros, ...after];
  const word = (i: number) => ((groups[i] as number) << 16) | (groups[i + 1] as number);
  return [word(0), word(2), word(4), word(6)];
}

function addressGroups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a, b, c, d] = group.split('.').map(Number) as [number, number, number, number];
    return [(a << 8) | b, (c << 8) | d];
  });
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  // A zone (`fe80::1%eth0`) names an interface of one machine; no policy can mean it.
  if (address.length > 45 || address.includes('%')) return undefined;
  const version = isIP(address);
  if (version === 0) return undefined;
  return version === 4 ? 'ipv4' : 'ipv6';
}

function parsePrefix(text: string): number | undefined {
  return /^\d{1,3}$/.test(text) ? Number(text) : undefined;
}
