import { invariant } from '../runtime/errors.ts';
import { isoSeconds } from '../runtime/iso-seconds.ts';

/**
 * Answers of AWS's Query protocol, in XML. Lists are written as `member` elements, maps as `entry` elements, moments in
 * ISO 8601, blobs in base64; members that are undefined are left out.
 */

/** Writes a moment: most services to the second, some to the millisecond. */
export type WriteMoment = (ms: number) => string;

/** The whole answer: `<ListUsersResponse><ListUsersResult>…`. An operation without an output has no result element. */
export function queryAnswer(
  namespace: string,
  operation: string,
  output: object | undefined,
  requestId: string,
  moment: WriteMoment = isoSeconds,
): string {
  const result = output === undefined ? '' : element(`${operation}Result`, output, moment);
  const metadata = element('ResponseMetadata', { RequestId: requestId });
  return `<${operation}Response xmlns="${namespace}">${result}${metadata}</${operation}Response>`;
}

export function queryError(
  namespace: string,
  error: { readonly Type: 'Sender' | 'Receiver'; readonly Code: string; readonly Message: string | undefined },
  requestId: string,
): string {
  return `<ErrorResponse xmlns="${namespace}">${element('Error', error)}${element('RequestId', requestId)}</ErrorResponse>`;
}

/** @param value a map, whose keys are data and not names, is a `Map` */
function element(name: string, value: unknown, moment: WriteMoment = isoSeconds): string {
  return `<${name}>${content(value, moment)}</${name}>`;
}

function content(value: unknown, moment: WriteMoment): string {
  if (typeof value === 'string') return escaped(value);
  // What is not finite goes by the same names as in JavaScript: `NaN`, `Infinity`, `-Infinity`.
  if (typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (value instanceof Date) return moment(value.getTime());
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map((item) => element('member', item, moment)).join('');
  if (value instanceof Map) {
    return [...value]
      .map(([key, item]) => `<entry>${element('key', key)}${element('value', item, moment)}</entry>`)
      .join('');
  }
  invariant(typeof value === 'object' && value !== null, 'an output is made of strings, numbers, lists and structures');
  return Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([name, member]) => element(name, member, moment))
    .join('');
}

/**
 * What XML 1.0 cannot hold at all, even escaped (section 2.2), becomes U+FFFD. A carriage return is escaped, for a parser
 * would take it for a line feed (section 2.11).
 */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(/[&<>"\r]/g, (character) => `&#${character.charCodeAt(0)};`)
    .replace(UNSPEAKABLE, '\ufffd');
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the very ones that have to go
const UNSPEAKABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;
