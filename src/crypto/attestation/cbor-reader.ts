import { isUtf8 } from 'node:buffer';
import { Tokenizer, Type } from 'cborg';

/**
 * Reads CBOR (RFC 8949) by a grammar that the caller knows, item by item, instead of building whatever the sender chose to
 * send: nothing nests deeper than the grammar does, no type turns up that was not asked for, and the work is linear in
 * the bytes. Integers and lengths must be in their shortest form. Whatever is not as expected throws an `Error`.
 */
export interface CborReader {
  /** Passes over this tag, if it is there. */
  optionalTag(tag: number): void;
  /** Calls `item` once for each item of an array, of definite or indefinite length. `item` must read exactly that one. */
  items(item: () => void): void;
  /** The same for the pairs of a map. `pair` must read a key and its value. */
  pairs(pair: () => void): void;
  bytes(): Uint8Array;
  text(): string;
  /** An unsigned integer below 2^53. */
  uint(): number;
  /** What `read` gives, or undefined where there is a null instead. */
  nullOr<T>(read: () => T): T | undefined;
}

/** What `read` makes of `bytes`, of which it must leave nothing. */
export function readCbor<T>(bytes: Uint8Array, read: (cbor: CborReader) => T): T {
  const tokens = new Tokenizer(bytes, { strict: true, allowBigInt: false, retainStringBytes: true });
  let ahead: ReturnType<typeof tokens.next> | undefined;

  function peek() {
    if (ahead !== undefined) return ahead;
    if (tokens.done()) throw new Error('CBOR ends too early');
    ahead = tokens.next();
    return ahead;
  }

  function nextIs(type: Type): boolean {
    return Type.equals(peek().type, type);
  }

  function take(type: Type) {
    const token = peek();
    if (!nextIs(type)) throw new Error(`CBOR has ${token.type.name} instead of ${type.name}`);
    ahead = undefined;
    return token;
  }

  function each(type: Type, item: () => void): void {
    const count: number = take(type).value;
    for (let at = 0; at < count; at++) {
      if (count === Number.POSITIVE_INFINITY && nextIs(Type.break)) {
        take(Type.break);
        return;
      }
      item();
    }
  }

  const result = read({
    optionalTag(tag) {
      if (!nextIs(Type.tag)) return;
      if (take(Type.tag).value !== tag) throw new Error(`CBOR has another tag than ${tag}`);
    },
    items: (item) => each(Type.array, item),
    pairs: (pair) => each(Type.map, pair),
    bytes: () => take(Type.bytes).value,
    text() {
      const { value, byteValue } = take(Type.string);
      if (byteValue !== undefined && !isUtf8(byteValue)) throw new Error('CBOR text is not UTF-8');
      return value;
    },
    uint: () => take(Type.uint).value,
    nullOr<T>(readValue: () => T) {
      if (!nextIs(Type.null)) return readValue();
      take(Type.null);
      return undefined;
    },
  });
  if (ahead !== undefined || !tokens.done()) throw new Error('CBOR is followed by more');
  return result;
}
