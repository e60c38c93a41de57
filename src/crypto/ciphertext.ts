import { crc32 } from 'node:zlib';
import { uuidFromBytes } from '../runtime/random.ts';
import { lengthPrefixed } from './canonical.ts';
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

/** Writes the header of a blob that is about to be sealed under `nonce`. */
export function encodeHeader(keyId: string, materialId: string, nonce: Uint8Array): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  const multiRegion = keyId.startsWith('mrk-');
  header[0] = FORMAT_VERSION;
  header[1] = multiRegion ? MULTI_REGION_FORM : UUID_FORM;
  header.write(multiRegion ? keyId.slice(4) : keyId.replaceAll('-', ''), KEY_ID_OFFSET, 'hex');
  header.write(materialId, MATERIAL_ID_OFFSET, 'hex');
  header.set(nonce, NONCE_OFFSET);
  header.writeUInt32BE(crc32(header.subarray(0, CHECKSUM_OFFSET)), CHECKSUM_OFFSET);
  return header;
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

const NO_CONTEXT = Buffer.alloc(4);

/**
 * The encryption context as additional data: the number of pairs, then each name and value with its length in front,
 * sorted by the bytes of the name. `{"a":"bc"}` and `{"ab":"c"}` differ; the order in which a client sent the pairs does
 * not matter, as with AWS. No context and an empty one are the same.
 */
export function canonicalContext(context: EncryptionContext | undefined): Buffer {
  const names = context === undefined ? [] : Object.keys(context);
  if (context === undefined || names.length === 0) return NO_CONTEXT;
  const pairs = names.map((name) => [Buffer.from(name, 'utf8'), context[name] as string] as const);
  if (pairs.length > 1) pairs.sort(([a], [b]) => Buffer.compare(a, b));
  const count = Buffer.allocUnsafe(4);
  count.writeUInt32BE(pairs.length);
  return Buffer.concat([count, lengthPrefixed(...pairs.flat())]);
}

/** What the tag of a blob covers besides the plaintext: the header (of constant length), then the context. */
export function additionalData(header: Uint8Array, context: EncryptionContext | undefined): Buffer {
  return Buffer.concat([header, canonicalContext(context)]);
}
