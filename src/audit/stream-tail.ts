import { closeSync, fdatasyncSync, fstatSync, readSync } from 'node:fs';
import { KeyholdError } from '../runtime/errors.ts';
import { type ChainLink, genesis, linkOf } from './hash-chain.ts';
import { closedFilesOf, openIfThere, streamFile } from './stream-files.ts';

const LINE_FEED = 0x0a;
const TAIL_CHUNK_BYTES = 64 * 1024;

/** Where a stream's file ends. */
export interface StreamTail {
  /** The link of the newest whole line. */
  readonly head: ChainLink;
  /** Bytes up to the end of that line. */
  readonly size: number;
  /** Bytes behind it: of a line that was not finished. */
  readonly tornBytes: number;
  /** That line, without its line feed; absent if there is none. */
  readonly line?: Buffer;
}

/** Finds the newest whole line of a file of a stream. Throws AuditUnavailable if it is not one of the stream's. */
export function readTail(fd: number, stream: string): StreamTail {
  const fileSize = fstatSync(fd).size;
  const lineEnd = lastLineFeed(fd, fileSize);
  if (lineEnd < 0) return { head: genesis(stream), size: 0, tornBytes: fileSize };
  const lineStart = lastLineFeed(fd, lineEnd) + 1;
  const line = readRange(fd, lineStart, lineEnd);
  const size = lineEnd + 1;
  return {
    head: linkOf({ sequence: sequenceOf(line, stream) - 1, hash: '' }, line),
    size,
    tornBytes: fileSize - size,
    line,
  };
}

/** The head of a stream that someone else may be writing, once it is on the disk. */
export function headOnDisk(directory: string, stream: string): ChainLink {
  return tailOf(streamFile(directory, stream), stream)?.head ?? headOfClosed(directory, stream) ?? genesis(stream);
}

/** The head as it was when the newest file was closed; undefined if none was. */
export function headOfClosed(directory: string, stream: string): ChainLink | undefined {
  for (const { path } of closedFilesOf(directory, stream).reverse()) {
    const tail = tailOf(path, stream);
    if (tail !== undefined) return tail.head;
  }
  return undefined;
}

/** The end of one file of a stream, once it is on the disk; undefined if there is no such file, or no whole line in it. */
export function tailOf(path: string, stream: string): (StreamTail & { readonly line: Buffer }) | undefined {
  const fd = openIfThere(path);
  if (fd === undefined) return undefined;
  try {
    fdatasyncSync(fd);
    const { line, ...tail } = readTail(fd, stream);
    return line === undefined ? undefined : { ...tail, line };
  } finally {
    closeSync(fd);
  }
}

function sequenceOf(line: Buffer, stream: string): number {
  try {
    const parsed: unknown = JSON.parse(line.toString('utf8'));
    const { stream: name, sequence } = parsed as { stream?: unknown; sequence?: unknown };
    if (name === stream && Number.isSafeInteger(sequence) && (sequence as number) > 0) return sequence as number;
  } catch {
    // Told below, like every other line that is not one of this stream's.
  }
  throw new KeyholdError('AuditUnavailable', `the last line of audit stream ${stream} is not one of its records`);
}

/** The offset of the last line feed before `end`; -1 if there is none. */
function lastLineFeed(fd: number, end: number): number {
  for (let to = end; to > 0; ) {
    const from = Math.max(0, to - TAIL_CHUNK_BYTES);
    const at = readRange(fd, from, to).lastIndexOf(LINE_FEED);
    if (at >= 0) return from + at;
    to = from;
  }
  return -1;
}

function readRange(fd: number, from: number, to: number): Buffer {
  const bytes = Buffer.allocUnsafe(to - from);
  let done = 0;
  while (done < bytes.length) {
    const got = readSync(fd, bytes, done, bytes.length - done, from + done);
    if (got === 0) throw new KeyholdError('AuditUnavailable', 'an audit file shrank while it was read');
    done += got;
  }
  return bytes;
}
