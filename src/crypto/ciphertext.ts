import { crc32 } from 'node:zlib';
import { uuidFromBytes } from '../runtime/random.ts';
import { NONCE_BYTES, TAG_BYTES } from './sealed-box.ts';

/**
 * The ciphertext blob of SYMMETRIC_DEFAULT, byte by byte in `docs/formats/ciphertext.md`:
 *
 *     0   1   format version, 1
 *     1   1   form of the key id: 0 a UUID, 1 `mrk-` and 32 hex digits
 *     2   16  key id
 *     18  32  key material id
 *     50  16  nonce
 *     66  4   CRC-32 of bytes 0 to 65, big-endian
 *     70  n   AES-256-GCM ciphertext, as long as the plaintext
 *     70+n 16 tag
 *
 * The checksum is no protection (the tag is, for it covers the header as additional data). It tells a blob that was
 * damaged on its way (InvalidCiphertextException) from one that names a key we do not have (AWS answers
 * AccessDeniedException, and the same when the key is somebody else's), before any key is looked up.
 */
export const HEADER_BYTES = 70;
export const CIPHERTEXT_OVERHEAD_BYTES = HEADER_BYTES + TAG_BYTES;

const FORMAT_VERSION = 1;
const UUID_FORM = 0;
const MULTI_REGION_FORM = 1;
const KEY_ID_OFFSET = 2;
const MATERIAL_ID_OFFSET = 18;
const NONCE_OFFSET = 50;
const CHECKSUM_OFFSET = 66;

export interface CiphertextHeader {
  readonly keyId: string;
  /** 64 hex digits. */
  readonly materialId: string;
  readonly nonce: Uint8Array;
  /** The header's own bytes, which the tag covers. */
  readonly bytes: Uint8Array;
}

/**
 * The part of the header that all blobs of one version of key material share, one character per byte: a string takes a
 * fraction of a buffer's memory, and there is one for each key in use.
 */
export function headerPrefix(keyId: string, materialId: string): string {
  const prefix = Buffer.alloc(NONCE_OFFSET);
  const multiRegion = keyId.startsWith('mrk-');
  prefix[0] = FORMAT_VERSION;
  prefix[1] = multiRegion ? MULTI_REGION_FORM : UUID_FORM;
  prefix.write(multiRegion ? keyId.slice(4) : keyId.replaceAll('-', ''), KEY_ID_OFFSET, 'hex');
  prefix.write(materialId, MATERIAL_ID_OFFSET, 'hex');
  return prefix.toString('latin1');
}

/** The header of a blob that is about to be sealed under `nonce`, followed by its context: what the tag will cover. */
export function sealingData(prefix: string, nonce: Uint8Array, context: EncryptionContext | undefined): Buffer {
  const data = withContext(HEADER_BYTES, context);
  data.write(prefix, 0, 'latin1');
  data.set(nonce, NONCE_OFFSET);
  data.writeUInt32BE(crc32(data.subarray(0, CHECKSUM_OFFSET)), CHECKSUM_OFFSET);
  return data;
}

/** Reads the header of a blob; undefined if it is not one of ours or was damaged. */
export function decodeHeader(blob: Uint8Array): CiphertextHeader | undefined {
  if (blob.length < CIPHERTEXT_OVERHEAD_BYTES) return undefined;
  const header = Buffer.from(blob.buffer, blob.byteOffset, HEADER_BYTES);
  if (header[0] !== FORMAT_VERSION || (header[1] !== UUID_FORM && header[1] !== MULTI_REGION_FORM)) return undefined;
  if (header.readUInt32BE(CHECKSUM_OFFSET) !== crc32(header.subarray(0, CHECKSUM_OFFSET))) return undefined;
  const keyIdBytes = header.subarray(KEY_ID_OFFSET, MATERIAL_ID_OFFSET);
  return {
    keyId: header[1] === MULTI_REGION_FORM ? `mrk-${keyIdBytes.toString('hex')}` : uuidFromBytes(keyIdBytes),
    materialId: header.toString('hex', MATERIAL_ID_OFFSET, NONCE_OFFSET),
    nonce: header.subarray(NONCE_OFFSET, NONCE_OFFSET + NONCE_BYTES),
    bytes: header,
  };
}

export type EncryptionContext = Readonly<Record<string, string>>;

/**
 * What the tag of a blob covers besides the plaintext: the header, which has a constant length, then the encryption
 * context as the number of pairs and, sorted by the UTF-8 bytes of their names, each name and value with its length in
 * front. `{"a":"bc"}` and `{"ab":"c"}` differ; the order in which a client sent the pairs does not matter, as with AWS.
 * No context and an empty one are the same.
 */
export function additionalData(header: Uint8Array, context: EncryptionContext | undefined): Buffer {
  const data = withContext(HEADER_BYTES, context);
  data.set(header, 0);
  return data;
}

const COUNT_BYTES = 4;
const LENGTH_BYTES = 4;

/** A buffer that ends in the canonical context, with `offset` bytes in front of it left to be written. */
function withContext(offset: number, context: EncryptionContext | undefined): Buffer {
  const names = context === undefined ? [] : sortedByBytes(Object.keys(context));
  let length = offset + COUNT_BYTES;
  for (const name of names) {
    length += 2 * LENGTH_BYTES + Buffer.byteLength(name) + Buffer.byteLength(context?.[name] as string);
  }
  const data = Buffer.allocUnsafe(length);
  let at = data.writeUInt32BE(names.length, offset);
  for (const name of names) {
    at = writeLengthPrefixed(data, name, at);
    at = writeLengthPrefixed(data, context?.[name] as string, at);
  }
  return data;
}

function writeLengthPrefixed(data: Buffer, text: string, at: number): number {
  const written = data.write(text, at + LENGTH_BYTES, 'utf8');
  data.writeUInt32BE(written, at);
  return at + LENGTH_BYTES + written;
}

/** JavaScript compares strings by UTF-16 code units, which is the order of their UTF-8 bytes unless there are surrogates. */
function sortedByBytes(names: string[]): string[] {
  if (names.length < 2) return names;
  const compare = names.some((name) => SURROGATE.test(name))
    ? (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
    : undefined;
  return names.sort(compare);
}

const SURROGATE = /[\ud800-\udfff]/;
