import { hash } from 'node:crypto';
import type { SignedRequest } from './signed-request.ts';

/**
 * Rebuilds the canonical request of Signature Version 4 from what arrived.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, step 1
 *
 * The last line is always the hash of the body that was received. An `x-amz-content-sha256` header therefore has no say:
 * one that differs from the body, `UNSIGNED-PAYLOAD` and the streaming forms, which only S3 takes, give a signature that
 * does not match.
 *
 * @param headerNames the request's header names in lower case, aligned with `rawHeaders`
 * @param signedHeaders header names in lower case, sorted
 * @param signedHeadersText the same with semicolons between, where the caller has it already
 * @returns text of one character per byte (Latin-1)
 */
export function canonicalRequest(
  request: SignedRequest,
  headerNames: readonly string[],
  signedHeaders: readonly string[],
  signedHeadersText: string = signedHeaders.join(';'),
): string {
  const { target } = request;
  const queryStart = target.indexOf('?');
  const path = queryStart === -1 ? target : target.slice(0, queryStart);
  const query = queryStart === -1 ? '' : target.slice(queryStart + 1);
  return `${request.method}\n${canonicalPath(path)}\n${canonicalQuery(query)}\n${canonicalHeaders(
    request.rawHeaders,
    headerNames,
    signedHeaders,
  )}\n${signedHeadersText}\n${hash('sha256', request.body, 'hex')}`;
}

/** Whether the query has a parameter of this name, however the name is percent-encoded. */
export function hasQueryParameter(target: string, name: string): boolean {
  const queryStart = target.indexOf('?');
  if (queryStart === -1) return false;
  const canonicalName = uriEncode(name);
  return queryParameters(target.slice(queryStart + 1)).some((parameter) => parameter.name === canonicalName);
}

/**
 * The path without empty, `.` and `..` segments (RFC 3986 section 5.2.4), encoded once more than it was on the wire, as
 * AWS asks of all services but S3.
 */
export function canonicalPath(path: string): string {
  if (path === '/' || path === '') return '/';
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(uriEncode(segment));
  }
  const leading = path.startsWith('/') ? '/' : '';
  const trailing = kept.length > 0 && path.endsWith('/') ? '/' : '';
  return `${leading}${kept.join('/')}${trailing}`;
}

/** The query's parameters in one spelling, sorted by name and then by value, bytewise. */
export function canonicalQuery(query: string): string {
  if (query === '') return '';
  return queryParameters(query)
    .sort((left, right) => compareText(left.name, right.name) || compareText(left.value, right.value))
    .map(({ name, value }) => `${name}=${value}`)
    .join('&');
}

interface QueryParameter {
  readonly name: string;
  readonly value: string;
}

function queryParameters(query: string): QueryParameter[] {
  const parameters: QueryParameter[] = [];
  for (const part of query.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = equals === -1 ? part : part.slice(0, equals);
    const value = equals === -1 ? '' : part.slice(equals + 1);
    parameters.push({ name: normalizeEncoding(name), value: normalizeEncoding(value) });
  }
  return parameters;
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/**
 * `name:value` lines. A header that came several times has its values joined by commas in the order they came. A signed
 * header that did not come has no line; its signer had one, so the signature cannot match.
 */
function canonicalHeaders(
  rawHeaders: readonly string[],
  headerNames: readonly string[],
  signedHeaders: readonly string[],
): string {
  let lines = '';
  for (const name of signedHeaders) {
    let index = headerNames.indexOf(name);
    if (index === -1) continue;
    lines += `${name}:${canonicalValue(rawHeaders[2 * index + 1] as string)}`;
    for (index = headerNames.indexOf(name, index + 1); index !== -1; index = headerNames.indexOf(name, index + 1)) {
      lines += `,${canonicalValue(rawHeaders[2 * index + 1] as string)}`;
    }
    lines += '\n';
  }
  return lines;
}

/** The value without outer blanks, runs of inner ones made one space. Signers treat tabs, the other blank of HTTP, alike. */
export function canonicalValue(value: string): string {
  const plain =
    value.indexOf(' ') === -1 || (value.indexOf('  ') === -1 && !value.startsWith(' ') && !value.endsWith(' '));
  if (plain && value.indexOf('\t') === -1) return value;
  let collapsed = '';
  let wordStart = -1;
  for (let index = 0; index <= value.length; index++) {
    const code = value.charCodeAt(index);
    const blank = index === value.length || code === 0x20 || code === 0x09;
    if (!blank && wordStart === -1) wordStart = index;
    if (blank && wordStart !== -1) {
      collapsed += collapsed === '' ? value.slice(wordStart, index) : ` ${value.slice(wordStart, index)}`;
      wordStart = -1;
    }
  }
  return collapsed;
}

const HEX_DIGITS = '0123456789ABCDEF';

/** Percent-encodes every byte but the unreserved ones of RFC 3986: letters, digits, `-`, `.`, `_`, `~`. */
function uriEncode(text: string): string {
  let encoded = '';
  for (let index = 0; index < text.length; index++) encoded += encodeByte(text.charCodeAt(index));
  return encoded;
}

/**
 * Decodes percent-encoding and encodes again, so that `%7e`, `%7E` and `~` are one. A `+` stands for a space, as in
 * forms. A `%` that encodes nothing stands for itself.
 */
function normalizeEncoding(text: string): string {
  let encoded = '';
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    const high = code === 0x25 ? hexValue(text.charCodeAt(index + 1)) : -1;
    const low = high === -1 ? -1 : hexValue(text.charCodeAt(index + 2));
    if (low !== -1) {
      encoded += encodeByte(high * 16 + low);
      index += 2;
    } else {
      encoded += encodeByte(code === 0x2b ? 0x20 : code);
    }
  }
  return encoded;
}

function encodeByte(byte: number): string {
  const digit = byte >= 0x30 && byte <= 0x39;
  const letter = (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
  if (digit || letter || byte === 0x2d || byte === 0x2e || byte === 0x5f || byte === 0x7e) {
    return String.fromCharCode(byte);
  }
  return `%${HEX_DIGITS[(byte >> 4) & 15]}${HEX_DIGITS[byte & 15]}`;
}

/** The value of a hexadecimal digit's character code, or -1. */
function hexValue(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  if (code >= 0x41 && code <= 0x46) return code - 0x37;
  if (code >= 0x61 && code <= 0x66) return code - 0x57;
  return -1;
}
