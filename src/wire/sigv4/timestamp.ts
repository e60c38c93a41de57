const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/**
 * Reads an `X-Amz-Date`: ISO 8601 basic format in UTC, `YYYYMMDDTHHMMSSZ`, of a day that exists.
 *
 * @returns milliseconds since the Unix epoch, or undefined where the text is anything else
 */
export function parseIsoBasic(text: string): number | undefined {
  if (text.length !== 16 || text[8] !== 'T' || text[15] !== 'Z') return undefined;
  return epochMilliseconds(
    digits(text, 0, 4),
    digits(text, 4, 2),
    digits(text, 6, 2),
    digits(text, 9, 2),
    digits(text, 11, 2),
    digits(text, 13, 2),
  );
}

/**
 * Reads a `Date` header: the fixed-length form of RFC 9110 section 5.6.7, `Sun, 06 Nov 1994 08:49:37 GMT`, or the same with
 * the zone as `+0000` or `-0000` (RFC 5322 section 3.3), which botocore writes.
 *
 * @returns milliseconds since the Unix epoch, or undefined where the text is anything else
 */
export function parseHttpDate(text: string): number | undefined {
  if (text.length < 29 || text.slice(3, 5) !== ', ' || text[7] !== ' ' || text[11] !== ' ') return undefined;
  if (text[16] !== ' ' || text[19] !== ':' || text[22] !== ':') return undefined;
  const zone = text.slice(25);
  if (zone !== ' GMT' && zone !== ' +0000' && zone !== ' -0000') return undefined;
  const time = epochMilliseconds(
    digits(text, 12, 4),
    MONTHS.indexOf(text.slice(8, 11)) + 1,
    digits(text, 5, 2),
    digits(text, 17, 2),
    digits(text, 20, 2),
    digits(text, 23, 2),
  );
  if (time === undefined || WEEKDAYS[new Date(time).getUTCDay()] !== text.slice(0, 3)) return undefined;
  return time;
}

/** Writes milliseconds since the Unix epoch as `YYYYMMDDTHHMMSSZ`; fractions of a second are dropped. */
export function formatIsoBasic(time: number): string {
  const [date = '', timeOfDay = ''] = new Date(time).toISOString().split('T');
  return `${date.replaceAll('-', '')}T${timeOfDay.slice(0, 8).replaceAll(':', '')}Z`;
}

/** The number written by exactly `count` decimal digits, or NaN. By hand, because `Number()` also reads ` 1`, `1e1`, `+1`. */
function digits(text: string, start: number, count: number): number {
  let value = 0;
  for (let index = start; index < start + count; index++) {
    const digit = text.charCodeAt(index) - 0x30;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

/** Undefined for a moment that no calendar has. A part that is NaN fails its comparison. */
function epochMilliseconds(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number | undefined {
  // Nothing was signed before 1970, and Date.UTC would read the years 0 to 99 as 1900 to 1999.
  if (!(year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month))) return undefined;
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return undefined;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
