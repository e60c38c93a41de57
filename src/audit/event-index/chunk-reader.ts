import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { recordTextOf } from '../hash-chain.ts';
import { closedFile, firstSequenceIn, sequenceOf, streamFile } from '../stream-files.ts';
import type { ChunkSummary } from './chunk-summary.ts';
import { type HashPlace, indexFile, readHashes } from './index-file.ts';

/** Reads the chunks of one stream from their ends, and what the index has of them. Files that are gone are empty. */

export interface FoundLine {
  readonly sequence: number;
  readonly recordJson: string;
  timeMs: number;
}

export interface Piece {
  /** In the order of the file. */
  readonly lines: FoundLine[];
  /** Of its first line; undefined where that is none. */
  readonly firstSequence: number | undefined;
  readonly bytes: number;
}

const LINE_FEED = 0x0a;
/** What most pages are within. */
const FIRST_PIECE_BYTES = 128 * 1024;
/** Further pieces of a chunk are larger, but not larger than this unless a line is. */
export const MOST_PIECE_BYTES = 512 * 1024;
const BEGINNING_BYTES = 256;

export class ChunkReader {
  readonly #directory: string;
  readonly #stream: string;
  #streamFile: { readonly segment: number; readonly fd: number } | undefined;
  #indexFile: { readonly segment: number; readonly fd: number } | undefined;
  #chunk: ChunkSummary | undefined;
  /** Bytes of the chunk that are not read yet. */
  #left = 0;
  #pieceBytes = FIRST_PIECE_BYTES;
  #buffer = Buffer.allocUnsafeSlow(0);
  #hashes = new Uint32Array(0);

  constructor(directory: string, stream: string) {
    this.#directory = directory;
    this.#stream = stream;
  }

  get isReading(): boolean {
    return this.#chunk !== undefined;
  }

  /** Until the next ones are asked for. Undefined if they cannot be read. */
  hashes(segment: number, place: HashPlace): Uint32Array | undefined {
    if (this.#indexFile?.segment !== segment) {
      closeIfOpen(this.#indexFile);
      this.#indexFile = undefined;
      const fd = openIfThere(indexFile(join(this.#directory, 'index'), this.#stream, segment));
      if (fd === undefined) return undefined;
      this.#indexFile = { segment, fd };
    }
    if (this.#hashes.length < place.count) this.#hashes = new Uint32Array(2 * place.count);
    return readHashes(this.#indexFile.fd, place, this.#hashes);
  }

  /** Begins with a chunk; whether there is anything in it, reading tells. */
  open(chunk: ChunkSummary): void {
    this.#chunk = chunk;
    this.#left = chunk.bytes;
    this.#pieceBytes = FIRST_PIECE_BYTES;
    if (this.#streamFile?.segment === chunk.segment) return;
    closeIfOpen(this.#streamFile);
    const fd = this.#openSegment(chunk.segment);
    this.#streamFile = fd === undefined ? undefined : { segment: chunk.segment, fd };
  }

  /** The lines before those that were read last, as far as they hold the needle. */
  readBackwards(needle: Buffer): Piece {
    const chunk = this.#chunk;
    if (chunk === undefined || this.#streamFile === undefined) return this.#end();
    const end = this.#left;
    let bytes: Buffer;
    let start: number;
    for (;;) {
      const from = Math.max(0, end - this.#pieceBytes);
      bytes = this.#read(this.#streamFile.fd, chunk.offset + from, end - from);
      if (bytes.length < end - from) return this.#end();
      start = from === 0 ? 0 : bytes.indexOf(LINE_FEED) + 1;
      // A piece has at least one whole line.
      if (from === 0 || (start > 0 && start < bytes.length)) {
        this.#left = from + start;
        break;
      }
      this.#pieceBytes *= 2;
    }
    this.#pieceBytes = Math.max(this.#pieceBytes, MOST_PIECE_BYTES);
    if (this.#left === 0) this.#chunk = undefined;
    const firstSequence = sequenceOf(bytes.toString('latin1', start, start + BEGINNING_BYTES));
    return { lines: linesWith(bytes, start, needle), firstSequence, bytes: bytes.length };
  }

  close(): void {
    closeIfOpen(this.#streamFile);
    closeIfOpen(this.#indexFile);
  }

  #end(): Piece {
    this.#chunk = undefined;
    return { lines: [], firstSequence: undefined, bytes: 0 };
  }

  #read(fd: number, at: number, length: number): Buffer {
    if (this.#buffer.length < length) this.#buffer = Buffer.allocUnsafeSlow(length);
    return this.#buffer.subarray(0, readSync(fd, this.#buffer, 0, length, at));
  }

  /** A file that is being closed is renamed from one name to the other, so the first is tried again. */
  #openSegment(segment: number): number | undefined {
    const closed = closedFile(this.#directory, this.#stream, segment);
    return openIfThere(closed) ?? this.#openActive(segment) ?? openIfThere(closed);
  }

  #openActive(segment: number): number | undefined {
    const fd = openIfThere(streamFile(this.#directory, this.#stream));
    if (fd === undefined || firstSequenceIn(fd) === segment) return fd;
    closeSync(fd);
    return undefined;
  }
}

function linesWith(bytes: Buffer, from: number, needle: Buffer): FoundLine[] {
  const lines: FoundLine[] = [];
  for (let hit = bytes.indexOf(needle, from); hit >= 0; ) {
    const start = bytes.lastIndexOf(LINE_FEED, hit) + 1;
    const found = bytes.indexOf(LINE_FEED, hit);
    const end = found < 0 ? bytes.length : found;
    const text = bytes.toString('utf8', Math.max(start, from), end);
    const sequence = sequenceOf(text);
    if (sequence !== undefined) lines.push({ sequence, recordJson: recordTextOf(text), timeMs: Number.NaN });
    hit = end + 1 >= bytes.length ? -1 : bytes.indexOf(needle, end + 1);
  }
  return lines;
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined;
  }
}

function closeIfOpen(file: { readonly fd: number } | undefined): void {
  if (file !== undefined) closeSync(file.fd);
}
