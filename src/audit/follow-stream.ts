import { closeSync, existsSync, fstatSync, readSync, statSync } from 'node:fs';
import {
  closedFile,
  firstSequenceIn,
  openIfThere,
  type Segment,
  segmentsOf,
  sequenceOf,
  streamFile,
} from './stream-files.ts';
import { BEGINNING, type LinePlace, type StreamPosition } from './stream-position.ts';

/**
 * Reads an audit stream as it grows, from file to file, for those who do something with every record: the index, trails,
 * sinks and metrics. What they do, and how long it takes, is nothing to the workers that write.
 */

export interface FollowedLine extends LinePlace {
  readonly stream: string;
  /** The whole line, without its line feed, as text. */
  readonly text: string;
}

export interface StreamFollower {
  /** The next lines, as far as they are there; none for now if none are. */
  read(): FollowedLine[];
  /** Behind the last line that was read. */
  position(): StreamPosition;
  close(): void;
}

const CHUNK_BYTES = 1024 * 1024;
const LONGEST_LINE_BYTES = 64 * 1024 * 1024;
const LINE_FEED = 0x0a;

export interface FollowOptions {
  readonly directory: string;
  readonly stream: string;
  /** Behind which line to begin. Lines that are not there any more are passed over. */
  readonly after?: StreamPosition;
  /**
   * Up to which sequence there are lines for good: beyond it, a worker may be in the middle of writing, and what it then
   * cannot finish, it cuts off.
   */
  readonly written: () => number;
  /** How much is read at once, and kept in memory for the stream. Default: 1 MiB. */
  readonly chunkBytes?: number;
  /**
   * Told where the line that is due is another one, or none at all (undefined): someone has been at the file. Reading goes
   * on, for whoever removes a line must not silence what comes after it. What exactly is wrong, verification tells.
   */
  readonly onGap?: (due: number, found: number | undefined) => void;
}

/** Undefined where its worker has closed the file in this very moment, so that it is called otherwise. */
function openSegment({ path, first, closed }: Segment): number | undefined {
  const fd = openIfThere(path);
  if (fd === undefined || closed || firstSequenceIn(fd) === first) return fd;
  closeSync(fd);
  return undefined;
}

interface OpenSegment {
  readonly fd: number;
  readonly first: number;
}

export function followStream(options: FollowOptions): StreamFollower {
  const { directory, stream, after = BEGINNING, written, onGap, chunkBytes = CHUNK_BYTES } = options;
  let { sequence } = after;
  /** Undefined until the file is there that holds the next line. */
  let open: OpenSegment | undefined;
  let offset = 0;
  let buffer = Buffer.allocUnsafeSlow(chunkBytes);

  /** Where to go on in the first file that is opened. */
  let resume: StreamPosition | undefined = after;

  /** Opens the file that holds the next line, at that line or before it. */
  function openNext(): boolean {
    const segments = segmentsOf(directory, stream);
    const segment =
      segments.find(({ first }) => first === resume?.segment) ??
      segments.findLast(({ first }) => first <= sequence + 1) ??
      segments[0];
    if (segment === undefined) return false;
    const fd = openSegment(segment);
    if (fd === undefined) return false;
    open = { fd, first: segment.first };
    offset = segment.first === resume?.segment ? resume.offset : 0;
    resume = undefined;
    // What came before it has been removed since.
    sequence = Math.max(sequence, segment.first - 1);
    return true;
  }

  /** Whether the file that is open has been closed by its worker, so that nothing more will come in it. */
  function isFinished({ fd, first }: OpenSegment): boolean {
    if (existsSync(closedFile(directory, stream, first))) return true;
    const active = statSync(streamFile(directory, stream), { throwIfNoEntry: false });
    return active === undefined || active.ino !== fstatSync(fd).ino;
  }

  function readOpen({ fd, first }: OpenSegment): FollowedLine[] {
    const lines: FollowedLine[] = [];
    for (;;) {
      const got = readSync(fd, buffer, 0, buffer.length, offset);
      const bytes = buffer.subarray(0, got);
      let start = 0;
      for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
        const text = bytes.toString('utf8', start, end);
        const number = sequenceOf(text);
        if (number !== undefined && number > written()) return lines;
        if (number !== sequence + 1 && (number === undefined || number > sequence)) onGap?.(sequence + 1, number);
        if (number !== undefined && number > sequence) {
          lines.push({ stream, sequence: number, text, segment: first, offset, length: end - start });
          sequence = number;
        }
        offset += end + 1 - start;
        start = end + 1;
      }
      // A line that is longer than the buffer, and no other, needs a larger one.
      if (start > 0 || got < buffer.length) return lines;
      if (buffer.length >= LONGEST_LINE_BYTES) {
        onGap?.(sequence + 1, undefined);
        offset += got;
        return lines;
      }
      buffer = Buffer.allocUnsafeSlow(2 * buffer.length);
    }
  }

  return {
    read() {
      for (;;) {
        if (sequence >= written()) return [];
        if (open === undefined && !openNext()) return [];
        const current = open as OpenSegment;
        // Asked before the last look into the file, for it may have been written to and then closed in between.
        const finished = isFinished(current);
        const lines = readOpen(current);
        if (lines.length > 0 || !finished) return lines;
        closeSync(current.fd);
        open = undefined;
        if (!segmentsOf(directory, stream).some((segment) => segment.first === sequence + 1)) return [];
      }
    },
    position: () => ({
      sequence,
      segment: open?.first ?? resume?.segment ?? 0,
      offset: open ? offset : (resume?.offset ?? 0),
    }),
    close() {
      if (open !== undefined) closeSync(open.fd);
      open = undefined;
    },
  };
}
