import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { ChainLink } from './hash-chain.ts';
import { HEADS_STREAM } from './signed-heads.ts';

/**
 * The files of an audit stream: `w0.jsonl`, to which its worker appends, and before it those that were closed when they had
 * become large or old, each named after the sequence of its first line: `w0.000000000001.jsonl`.
 */

export interface Segment {
  readonly path: string;
  /** The sequence of its first line. */
  readonly first: number;
  readonly closed: boolean;
}

const SEQUENCE_DIGITS = 12;
/** Names hold letters and digits only: what someone calls a file gets neither signed nor printed. */
const STREAM_FILE = /^([A-Za-z0-9]+)(?:\.(\d{12}))?\.jsonl$/;
/** Of a line's beginning: enough for the stream's name and the sequence. */
const BEGINNING_BYTES = 256;

/** The stream that a worker appends to. */
export function streamOfWorker(slot: number): string {
  return `w${slot}`;
}

/** Undefined of a stream that is no worker's. */
export function workerOf(stream: string): number | undefined {
  const slot = /^w(\d+)$/.exec(stream)?.[1];
  return slot === undefined ? undefined : Number(slot);
}

/** The file that is appended to. */
export function streamFile(directory: string, stream: string): string {
  return join(directory, `${stream}.jsonl`);
}

/** What that file is called once it is closed. */
export function closedFile(directory: string, stream: string, first: number): string {
  return join(directory, `${stream}.${String(first).padStart(SEQUENCE_DIGITS, '0')}.jsonl`);
}

/** The streams of records below an audit directory, in the order of their names. */
export function streamsOf(directory: string): string[] {
  const streams = new Set<string>();
  for (const name of readdirSync(directory)) {
    const stream = STREAM_FILE.exec(name)?.[1];
    if (stream !== undefined && stream !== HEADS_STREAM) streams.add(stream);
  }
  return [...streams].sort();
}

/** The files of a stream that were closed, the oldest first. */
export function closedFilesOf(directory: string, stream: string): Segment[] {
  const closed: Segment[] = [];
  for (const name of readdirSync(directory)) {
    const [, of, first] = STREAM_FILE.exec(name) ?? [];
    if (of === stream && first !== undefined) {
      closed.push({ path: join(directory, name), first: Number(first), closed: true });
    }
  }
  return closed.sort((a, b) => a.first - b.first);
}

/** The files of a stream, the oldest first. One that is appended to and holds no whole line yet is not among them. */
export function segmentsOf(directory: string, stream: string): Segment[] {
  const path = streamFile(directory, stream);
  for (;;) {
    const first = firstSequence(path);
    const closed = closedFilesOf(directory, stream);
    // A file that was closed meanwhile would be in the list twice, or not at all.
    if (first !== firstSequence(path)) continue;
    return first === undefined ? closed : [...closed, { path, first, closed: false }];
  }
}

/** A file of a stream, open for reading. */
export interface OpenFile {
  readonly fd: number;
  readonly path: string;
  /** The sequence that its first line has by its name or, of the one that is appended to, by what stands there. */
  readonly first: number | undefined;
  readonly closed: boolean;
}

/**
 * Opens the files of a stream one after the other, the oldest first, and last the one that is appended to, though its worker
 * may close it meanwhile: it then comes under its new name, and what follows it after that.
 */
export function* filesOf(directory: string, stream: string): Generator<OpenFile> {
  let opened = -1;
  for (;;) {
    const path = streamFile(directory, stream);
    // Before the list, so that it is in the list if it has been closed since.
    const active = openIfThere(path);
    const closed = closedFilesOf(directory, stream).filter(({ first }) => first > opened);
    if (closed.length === 0) {
      if (active === undefined) return;
      yield* closingAfter({ fd: active, path, first: firstSequenceIn(active), closed: false });
      return;
    }
    if (active !== undefined) closeSync(active);
    for (const segment of closed) {
      opened = segment.first;
      const fd = openIfThere(segment.path);
      // Or it has been removed since, as retention does.
      if (fd !== undefined) yield* closingAfter({ ...segment, fd });
    }
  }
}

function* closingAfter(file: OpenFile): Generator<OpenFile> {
  try {
    yield file;
  } finally {
    closeSync(file.fd);
  }
}

/** For reading. */
export function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The sequence of a file's first line; undefined if there is no such file, or no line of a stream in it. */
function firstSequence(path: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    return firstSequenceIn(fd);
  } finally {
    closeSync(fd);
  }
}

export function firstSequenceIn(fd: number): number | undefined {
  return sequenceOf(readBeginning(fd, 0));
}

/** The link that a file's first line says it follows; undefined if that is no line of a stream. */
export function linkBefore(fd: number): ChainLink | undefined {
  const beginning = readBeginning(fd, 0);
  const sequence = sequenceOf(beginning);
  const hash = /^[^,]*,[^,]*,"previous":"([0-9a-f]{64})",/.exec(beginning)?.[1];
  return sequence === undefined || hash === undefined ? undefined : { sequence: sequence - 1, hash };
}

function readBeginning(fd: number, offset: number): string {
  const bytes = Buffer.alloc(BEGINNING_BYTES);
  return bytes.toString('latin1', 0, readSync(fd, bytes, 0, bytes.length, offset));
}

/** The sequence of the line of a stream that begins there; undefined where none does. */
export function sequenceAt(fd: number, offset: number, stream: string): number | undefined {
  const beginning = readBeginning(fd, offset);
  return beginning.startsWith(`{"stream":"${stream}",`) ? sequenceOf(beginning) : undefined;
}

/** Of a line of a stream, by how every line begins (`hash-chain.ts`). */
export function sequenceOf(line: string): number | undefined {
  const found = /^\{"stream":"[A-Za-z0-9]+","sequence":(\d{1,15}),/.exec(line);
  return found === null ? undefined : Number(found[1]);
}
