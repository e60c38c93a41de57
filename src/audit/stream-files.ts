import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
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

/** The files of a stream, the oldest first. One that is appended to and holds no whole line yet is not among them. */
export function segmentsOf(directory: string, stream: string): Segment[] {
  const closed: Segment[] = [];
  for (const name of readdirSync(directory)) {
    const [, of, first] = STREAM_FILE.exec(name) ?? [];
    if (of === stream && first !== undefined) {
      closed.push({ path: join(directory, name), first: Number(first), closed: true });
    }
  }
  closed.sort((a, b) => a.first - b.first);
  const path = streamFile(directory, stream);
  const first = firstSequence(path);
  return first === undefined ? closed : [...closed, { path, first, closed: false }];
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
    return sequenceOf(readBeginning(fd, 0));
  } finally {
    closeSync(fd);
  }
}

function readBeginning(fd: number, offset: number): string {
  const bytes = Buffer.alloc(BEGINNING_BYTES);
  return bytes.toString('latin1', 0, readSync(fd, bytes, 0, bytes.length, offset));
}

/** Of a line of a stream, by how every line begins (`hash-chain.ts`). */
export function sequenceOf(line: string): number | undefined {
  const found = /^\{"stream":"[A-Za-z0-9]+","sequence":(\d{1,15}),/.exec(line);
  return found === null ? undefined : Number(found[1]);
}
