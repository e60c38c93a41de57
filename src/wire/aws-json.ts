import { isUtf8 } from 'node:buffer';
import { invariant } from '../runtime/errors.ts';
import { parseJson } from './json-text.ts';
import { serializationException } from './shape.ts';

/**
 * Parses a body of AWS JSON, 1.0 or 1.1. Nothing is said of the value's type: that is for the operation's declaration. An empty
 * body is refused, as it is by AWS; every client sends `{}` for an input without members. Of a name given twice, the
 * last one counts (RFC 8259 section 4 leaves it open; AWS does so). Nesting costs no stack, however deep.
 *
 * @throws KeyholdError SerializationException, without a message, where the bytes are not JSON in UTF-8
 */
export function parseJsonBody(bytes: Uint8Array): unknown {
  // Decoding would put U+FFFD in place of whatever is not UTF-8, so that bodies which differ would be read alike.
  if (!isUtf8(bytes)) throw serializationException('');
  try {
    return parseJson(asBuffer(bytes).toString('utf8'));
  } catch {
    // The parser's message quotes the body, which may hold a plaintext.
    throw serializationException('');
  }
}

/**
 * Writes an output as AWS JSON: blobs in base64 (RFC 4648 section 4), moments as seconds since the Unix epoch with
 * their milliseconds as a fraction, numbers that are not finite as their names, members that are undefined left out.
 */
export function serialise(output: object): string {
  return JSON.stringify(jsonOf(output));
}

/** The value as plain JSON: one call of JSON.stringify over plain objects beats a serialiser of our own. */
function jsonOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) {
    // JSON.stringify would write null for the others.
    return typeof value !== 'number' || Number.isFinite(value) ? value : String(value);
  }
  if (value instanceof Uint8Array) return asBuffer(value).toString('base64');
  if (value instanceof Date) return epochSeconds(value);
  if (Array.isArray(value)) return value.map(jsonOf);
  // As in XML, what has a caller's own names for keys may be a Map.
  if (value instanceof Map) return jsonOfMembers(Object.fromEntries(value));
  return jsonOfMembers(value as Record<string, unknown>);
}

function jsonOfMembers(members: Record<string, unknown>): Record<string, unknown> {
  const json: Record<string, unknown> = {};
  for (const name of Object.keys(members)) {
    const value = jsonOf(members[name]);
    // The keys of a map are the callers' own, and assigning to this one would set the prototype.
    if (name === '__proto__') Object.defineProperty(json, name, { value, enumerable: true });
    else json[name] = value;
  }
  return json;
}

/** With the milliseconds as a fraction. */
export function epochSeconds(moment: Date): number {
  const ms = moment.getTime();
  invariant(!Number.isNaN(ms), 'a moment in an output is one');
  return ms / 1000;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
