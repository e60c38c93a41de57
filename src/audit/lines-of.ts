import { closeSync, openSync, readSync } from 'node:fs';

const LINE_FEED = 0x0a;
const CHUNK_BYTES = 1024 * 1024;
/** No record comes near: a request has 1 MiB, and JSON's escapes make six bytes of one. */
const LONGEST_LINE_BYTES = 64 * 1024 * 1024;

export interface Line {
  /** Without the line feed. It is overwritten when the next line is asked for. */
  readonly bytes: Buffer;
  /** Where it begins in the file. */
  readonly offset: number;
  /** Whether a line feed closes it. What does not end in one is the file's last piece. */
  readonly whole: boolean;
}

/**
 * The lines of a file, of which never more than one and a chunk are in memory. Node's `readline` will not do: it also breaks
 * lines at U+2028 and U+2029, which JSON leaves as they are and which a caller's encryption context may hold.
 */
export function* linesOf(path: string): Generator<Line> {
  const fd = openSync(path, 'r');
  try {
    yield* linesIn(fd);
  } finally {
    closeSync(fd);
  }
}

/** The same, of an open file, or of that part of it which begins and ends with whole lines. */
export function* linesIn(fd: number, from = 0, to = Number.POSITIVE_INFINITY): Generator<Line> {
  let buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  /** The file's bytes from `offset` on are the buffer's up to `filled`. */
  let offset = from;
  let filled = 0;
  for (;;) {
    const room = Math.min(buffer.length - filled, to - offset - filled);
    const got = readSync(fd, buffer, filled, room, offset + filled);
    if (got === 0) break;
    // What was there before holds no line feed.
    let end = buffer.subarray(0, filled + got).indexOf(LINE_FEED, filled);
    filled += got;
    let start = 0;
    for (; end >= 0; end = buffer.subarray(0, filled).indexOf(LINE_FEED, start)) {
      yield { bytes: buffer.subarray(start, end), offset: offset + start, whole: true };
      start = end + 1;
    }
    buffer.copyWithin(0, start, filled);
    offset += start;
    filled -= start;
    if (filled === buffer.length && filled < LONGEST_LINE_BYTES) {
      buffer = Buffer.concat([buffer], 2 * buffer.length);
    } else if (filled === buffer.length) break;
  }
  if (filled > 0) yield { bytes: buffer.subarray(0, filled), offset, whole: false };
}
