import { isUtf8 } from 'node:buffer';
import { encode, Token, Type } from 'cborg';
import { epochSeconds } from './aws-json.ts';
import { type ShapeDescription, serializationException } from './shape.ts';

/**
 * Bodies of Smithy RPC v2 CBOR: CBOR (RFC 8949) of the types that Smithy has.
 */

/**
 * Writes an output: bytes as byte strings, moments as tag 1 with seconds, members that are undefined left out.
 *
 * @param doubles the members, wherever they stand, that are doubles, or lists or maps of them: also where one is a whole
 *   number, it is written as a double, for not every client takes an integer for one
 */
export function writeCbor(output: object, doubles: ReadonlySet<string> = NONE): Uint8Array {
  const marked = doubles.size === 0 ? output : withDoubles(output, doubles);
  // Half-precision numbers are what not every client can read, and the specification advises against.
  return encode(marked, {
    float64: true,
    ignoreUndefinedProperties: true,
    typeEncoders: {
      Object: (value: object) => (value instanceof Double ? new Token(Type.float, value.value) : null),
      Date: (moment: Date) => [new Token(Type.tag, EPOCH), numberToken(epochSeconds(moment))],
    },
  });
}

const NONE: ReadonlySet<string> = new Set();

class Double {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

function withDoubles(value: unknown, doubles: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((item) => withDoubles(item, doubles));
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      doubles.has(name) ? asDoubles(member) : withDoubles(member, doubles),
    ]),
  );
}

function asDoubles(value: unknown): unknown {
  if (typeof value === 'number') return new Double(value);
  if (Array.isArray(value)) return value.map(asDoubles);
  return value instanceof Map ? new Map(Array.from(value, ([key, item]) => [key, asDoubles(item)])) : value;
}

function numberToken(seconds: number): Token {
  if (!Number.isInteger(seconds)) return new Token(Type.float, seconds);
  return new Token(seconds < 0 ? Type.negint : Type.uint, seconds);
}

/**
 * Reads an input as the JSON value that a client of AWS JSON would have sent, so that declarations read both alike: byte
 * strings in base64, moments as seconds. It is read by the shape that it should have, so that nothing is nested more deeply
 * than that is, and neither text passes for bytes nor a number for a moment. What the shape does not have is passed over.
 *
 * Bounded: the work is linear in the bytes, and what is claimed of a length is not believed.
 *
 * @throws KeyholdError SerializationException where the bytes are not one item of CBOR, or not of these types
 */
export function readCbor(bytes: Uint8Array, shape: ShapeDescription): unknown {
  // What has no input has no body.
  if (bytes.length === 0) return {};
  const cbor = new CborBytes(bytes);
  const value = readAs(shape, cbor);
  if (!cbor.isAtEnd()) throw malformed();
  return value;
}

/** The major types (RFC 8949 section 3.1). */
const UINT = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const TAG = 6;
const SIMPLE = 7;

/** Seconds since 1970 (RFC 8949 section 3.4.2). */
const EPOCH = 1;

/** What an unknown member may hold; the API's own shapes have half as many levels. */
const DEEPEST_UNKNOWN = 16;

function readAs(shape: ShapeDescription, cbor: CborBytes): unknown {
  cbor.next();
  if (cbor.major === SIMPLE && cbor.float === undefined) return simpleValue(cbor.argument);
  switch (shape.type) {
    case 'structure':
      return readStructure(shape.members ?? {}, cbor);
    case 'map':
      return readMap(shape.value as ShapeDescription, cbor);
    case 'list': {
      const items: unknown[] = [];
      for (let left = cbor.count(ARRAY); cbor.isThereMore(left); left--) {
        items.push(readAs(shape.member as ShapeDescription, cbor));
      }
      return items;
    }
    case 'blob':
      return cbor.string(BYTES).toString('base64');
    case 'timestamp':
      if (cbor.major !== TAG || cbor.argument !== EPOCH) throw malformed();
      cbor.next();
      return cbor.number();
    case 'string':
      return cbor.text();
    default:
      return cbor.number();
  }
}

/** A Boolean or nothing, whatever was expected: the shape judges it. The specification takes `undefined` for null. */
function simpleValue(value: number): boolean | null {
  if (value === 20 || value === 21) return value === 21;
  if (value === 22 || value === 23) return null;
  throw malformed();
}

/** A name that comes twice is refused, here and in maps: which of two values would be meant? */
function readStructure(shapes: Readonly<Record<string, ShapeDescription>>, cbor: CborBytes): Record<string, unknown> {
  const members: Record<string, unknown> = {};
  let unknown: Set<string> | undefined;
  for (let left = cbor.count(MAP); cbor.isThereMore(left); left--) {
    cbor.next();
    const name = cbor.text();
    if (Object.hasOwn(shapes, name)) {
      if (Object.hasOwn(members, name)) throw malformed();
      members[name] = readAs(shapes[name] as ShapeDescription, cbor);
    } else {
      unknown ??= new Set();
      if (unknown.size === unknown.add(name).size) throw malformed();
      passOver(cbor, DEEPEST_UNKNOWN);
    }
  }
  return members;
}

function readMap(value: ShapeDescription, cbor: CborBytes): Record<string, unknown> {
  // The names are the caller's own.
  const entries = new Map<string, unknown>();
  for (let left = cbor.count(MAP); cbor.isThereMore(left); left--) {
    cbor.next();
    const name = cbor.text();
    if (entries.has(name)) throw malformed();
    entries.set(name, readAs(value, cbor));
  }
  return Object.fromEntries(entries);
}

function passOver(cbor: CborBytes, levels: number): void {
  if (levels === 0) throw malformed();
  cbor.next();
  const { major } = cbor;
  if (major === BYTES || major === TEXT) cbor.string(major);
  else if (major === TAG) passOver(cbor, levels - 1);
  else if (major === ARRAY || major === MAP) {
    for (let left = cbor.count(major); cbor.isThereMore(left); left--) {
      passOver(cbor, levels - 1);
      if (major === MAP) passOver(cbor, levels - 1);
    }
  }
}

const BREAK = 0xff;
/** The length of what goes on until a break. */
const INDEFINITE = Number.POSITIVE_INFINITY;
/**
 * What may be in one body: more than PutMetricData takes at most, with its 1000 data of 150 values, their counts and 30
 * dimensions. A megabyte of empty structures would be a million objects.
 */
const MOST_ITEMS = 750_000;
const MOST_AGGREGATES = 100_000;

/** The bytes, item by item: `next` reads what one begins with (RFC 8949 section 3), and leaves it in the fields. */
class CborBytes {
  /** Of an item: its major type. */
  major = 0;
  /** Its length, or its value, rounded where that needs more than 53 bits. */
  argument = 0;
  /** Of the major type 7 where it is a number: that. */
  float: number | undefined;
  readonly #bytes: Buffer;
  readonly #view: DataView;
  #at = 0;
  #items = 0;
  #aggregates = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  next(): void {
    if (++this.#items > MOST_ITEMS) throw malformed();
    const initial = this.#view.getUint8(this.#advance(1));
    const information = initial & 31;
    this.major = initial >> 5;
    this.float = undefined;
    if (information < 24) {
      this.argument = information;
    } else if (information === 31) {
      // Also a break where none is due, whose major type is the seventh.
      if (this.major < BYTES || this.major > MAP) throw malformed();
      this.argument = INDEFINITE;
    } else if (information > 27) {
      throw malformed();
    } else {
      const size = 2 ** (information - 24);
      const start = this.#advance(size);
      if (this.major === SIMPLE) this.float = this.#float(start, size);
      else this.argument = this.#unsigned(start, size);
    }
  }

  /** How many items, or pairs, an array or a map has that has just begun. */
  count(major: typeof ARRAY | typeof MAP): number {
    if (this.major !== major || ++this.#aggregates > MOST_AGGREGATES) throw malformed();
    return this.argument;
  }

  /** Whether another item follows, if so many are left; passes over the break that ends those without a length. */
  isThereMore(left: number): boolean {
    if (left !== INDEFINITE || this.#bytes[this.#at] !== BREAK) return left > 0;
    this.#at++;
    return false;
  }

  number(): number {
    if (this.major === UINT) return this.argument;
    if (this.major === NEGATIVE) return -1 - this.argument;
    if (this.float !== undefined) return this.float;
    throw malformed();
  }

  text(): string {
    const bytes = this.string(TEXT);
    const text = bytes.toString('utf8');
    // U+FFFD stands for what is not UTF-8, if it was not sent as such.
    if (text.includes('\ufffd') && !isUtf8(bytes)) throw malformed();
    return text;
  }

  /** The bytes of a string that has just begun. It may come in pieces (RFC 8949 section 3.2.3). */
  string(major: typeof BYTES | typeof TEXT): Buffer {
    if (this.major !== major) throw malformed();
    if (this.argument !== INDEFINITE) return this.#take(this.argument);
    const pieces: Buffer[] = [];
    while (this.isThereMore(INDEFINITE)) {
      this.next();
      if (this.major !== major || this.argument === INDEFINITE) throw malformed();
      // A list of a megabyte of empty ones would take a hundred.
      if (this.argument > 0) pieces.push(this.#take(this.argument));
      if (pieces.length > MOST_PIECES) throw malformed();
    }
    return Buffer.concat(pieces);
  }

  #float(start: number, size: number): number {
    if (size === 2) return this.#view.getFloat16(start);
    if (size === 4) return this.#view.getFloat32(start);
    // Simple values in two bytes mean nothing.
    if (size === 1) throw malformed();
    return this.#view.getFloat64(start);
  }

  #unsigned(start: number, size: number): number {
    if (size === 1) return this.#view.getUint8(start);
    if (size === 2) return this.#view.getUint16(start);
    if (size === 4) return this.#view.getUint32(start);
    return Number(this.#view.getBigUint64(start));
  }

  #take(length: number): Buffer {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, this.#at);
  }

  #advance(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) throw malformed();
    this.#at = start + length;
    return start;
  }
}

/** More than any client cuts a string into. */
const MOST_PIECES = 10_000;

function malformed() {
  return serializationException('');
}
