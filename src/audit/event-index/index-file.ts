import { closeSync, openSync, readFileSync, readSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { ChunkSummary } from './chunk-summary.ts';

/**
 * The summaries of one file of an audit stream, in a file of their own that only grows: `docs/formats/audit-index.md` has it
 * byte by byte. It is made of the stream alone, and made anew where it is not whole: nothing relies on it being on the disk.
 */

const MAGIC = Buffer.from('KHIDX01\n', 'ascii');
export const SALT_BYTES = 16;
const HEADER_BYTES = MAGIC.length + SALT_BYTES + 8 + 4;
const ENTRY_MAGIC = 0x4b4e4843;
const SUM_AT = 52;
const ENTRY_BYTES = SUM_AT + 4;
const INDEX_FILE = /^([A-Za-z0-9]+)\.(\d{12})\.idx$/;

/** Where in an index file the hashes of a chunk are. */
export interface HashPlace {
  readonly at: number;
  readonly count: number;
}

/** What an index file holds. */
export interface IndexContents {
  readonly salt: Buffer;
  readonly chunks: readonly (ChunkSummary & { readonly place: HashPlace })[];
  /** In bytes, of what is whole. */
  readonly size: number;
}

export function indexFile(directory: string, stream: string, segment: number): string {
  return join(directory, `${stream}.${String(segment).padStart(12, '0')}.idx`);
}

/** The stream, and the file of it, that an index file is of, by its name. */
export function indexedSegment(name: string): { readonly stream: string; readonly segment: number } | undefined {
  const [, stream, segment] = INDEX_FILE.exec(name) ?? [];
  return stream === undefined ? undefined : { stream, segment: Number(segment) };
}

/**
 * Reads an index file, as far as it is whole; what comes behind that is cut off. Undefined if there is none of this file.
 *
 * @param streamBytes how long the stream's file is: after a power cut it may lack lines that the index still has
 */
export function readIndexFile(path: string, segment: number, streamBytes: number): IndexContents | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return undefined;
  }
  const salt = readSalt(bytes, segment);
  if (salt === undefined) {
    rmSync(path, { force: true });
    return undefined;
  }
  const chunks: (ChunkSummary & { readonly place: HashPlace })[] = [];
  let size = HEADER_BYTES;
  for (;;) {
    const entry = readEntry(bytes, size, segment);
    if (entry === undefined || entry.offset + entry.bytes > streamBytes) break;
    chunks.push(entry);
    size = entry.place.at + 4 * entry.place.count;
  }
  // Lest what is written over the damage leads to what is behind it.
  if (size < bytes.length) truncateSync(path, size);
  return { salt, chunks, size };
}

/**
 * Adds a chunk to an index file, and makes the file with the first one. Throws what the operating system throws; another
 * attempt then writes over what this one left.
 *
 * @param size of the file so far; 0 if it is to be made
 */
export function appendToIndex(
  path: string,
  { salt, size }: Pick<IndexContents, 'salt' | 'size'>,
  chunk: ChunkSummary,
  hashes: Uint32Array,
): { readonly place: HashPlace; readonly size: number } {
  const front = size === 0 ? header(salt, chunk.segment) : Buffer.alloc(0);
  const bytes = Buffer.concat([front, entryBytes(chunk, hashes)]);
  const fd = openSync(path, size === 0 ? 'w' : 'r+', 0o600);
  try {
    let written = 0;
    while (written < bytes.length) {
      written += writeSync(fd, bytes, written, bytes.length - written, size + written);
    }
  } finally {
    closeSync(fd);
  }
  return {
    place: { at: size + front.length + ENTRY_BYTES, count: hashes.length },
    size: size + bytes.length,
  };
}

/**
 * @param fd of the index file, open for reading
 * @param into has room for them
 * @returns undefined if they are not there
 */
export function readHashes(fd: number, { at, count }: HashPlace, into: Uint32Array): Uint32Array | undefined {
  // Little-endian, as all processors are that Node.js runs on, but for one of IBM's.
  const got = readSync(fd, into, 0, 4 * count, at);
  return got === 4 * count ? into.subarray(0, count) : undefined;
}

function header(salt: Uint8Array, segment: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(bytes);
  bytes.set(salt, MAGIC.length);
  bytes.writeDoubleLE(segment, MAGIC.length + SALT_BYTES);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, HEADER_BYTES - 4)), HEADER_BYTES - 4);
  return bytes;
}

/** Undefined if this is not the beginning of the index of that file. */
function readSalt(bytes: Buffer, segment: number): Buffer | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const salt = Buffer.from(bytes.subarray(MAGIC.length, MAGIC.length + SALT_BYTES));
  return header(salt, segment).equals(bytes.subarray(0, HEADER_BYTES)) ? salt : undefined;
}

function entryBytes(chunk: ChunkSummary, hashes: Uint32Array): Buffer {
  const bytes = Buffer.alloc(ENTRY_BYTES + 4 * hashes.length);
  bytes.writeUInt32LE(ENTRY_MAGIC, 0);
  bytes.writeUInt32LE(hashes.length, 4);
  bytes.writeDoubleLE(chunk.offset, 8);
  bytes.writeDoubleLE(chunk.firstSequence, 16);
  bytes.writeDoubleLE(chunk.lastSequence, 24);
  bytes.writeDoubleLE(chunk.earliestMs, 32);
  bytes.writeDoubleLE(chunk.latestMs, 40);
  bytes.writeUInt32LE(chunk.bytes, 48);
  for (let at = 0; at < hashes.length; at++) bytes.writeUInt32LE(hashes[at] as number, ENTRY_BYTES + 4 * at);
  bytes.writeUInt32LE(checksum(bytes), SUM_AT);
  return bytes;
}

/** Of all of an entry but the checksum itself. */
function checksum(entry: Buffer): number {
  return crc32(entry.subarray(ENTRY_BYTES), crc32(entry.subarray(0, SUM_AT)));
}

type Place = [offset: number, firstSequence: number, lastSequence: number];

function readEntry(bytes: Buffer, at: number, segment: number): IndexContents['chunks'][number] | undefined {
  if (at + ENTRY_BYTES > bytes.length || bytes.readUInt32LE(at) !== ENTRY_MAGIC) return undefined;
  const count = bytes.readUInt32LE(at + 4);
  const end = at + ENTRY_BYTES + 4 * count;
  if (end > bytes.length || bytes.readUInt32LE(at + SUM_AT) !== checksum(bytes.subarray(at, end))) return undefined;
  const [offset, firstSequence, lastSequence] = [8, 16, 24].map((each) => bytes.readDoubleLE(at + each)) as Place;
  // A checksum is no proof: lookups read where this says.
  if (![offset, firstSequence, lastSequence].every((each) => Number.isSafeInteger(each) && each >= 0)) return undefined;
  return {
    segment,
    offset,
    firstSequence,
    lastSequence,
    earliestMs: bytes.readDoubleLE(at + 32),
    latestMs: bytes.readDoubleLE(at + 40),
    bytes: bytes.readUInt32LE(at + 48),
    place: { at: at + ENTRY_BYTES, count },
  };
}
