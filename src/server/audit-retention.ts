import { closeSync, rmSync } from 'node:fs';
import type { ChainLink } from '../audit/hash-chain.ts';
import type { StreamHead } from '../audit/signed-heads.ts';
import { linkBefore, openIfThere, type Segment, segmentsOf, streamsOf } from '../audit/stream-files.ts';
import { tailOf } from '../audit/stream-tail.ts';
import { syncDirectory } from '../runtime/durable-file.ts';

/**
 * Which audit files have been kept as long as configured, and their removal. Signed heads say what may be gone before it is
 * (`audit-signing.ts`), so that whoever verifies the trail can tell retention from somebody else who removes files.
 */
export interface Retention {
  /** The audit directory. */
  readonly directory: string;
  /** How long a record is kept at least. */
  readonly keepMs: number;
  /** Of each stream, up to which line the monitor has done what it does with records. */
  readonly consumed: ReadonlyMap<string, number>;
}

export interface ExpiredFiles {
  /** Of each stream that loses files, the last line that is to go. */
  readonly begins: readonly StreamHead[];
  /** Each stream's oldest first. */
  readonly paths: readonly string[];
  /** Those that the monitor is not done with, for which it has been waited long enough. */
  readonly unfinished: readonly string[];
}

/**
 * How long files wait beyond their time for the monitor: a receiver that is gone for a week is not coming back, and must not
 * keep what has to be removed for ever, nor fill the disk.
 */
const LONGEST_WAIT_MS = 7 * 24 * 3600 * 1000;

/**
 * The files that are to be removed by now. Never one that holds a stream's newest line, from which its chain goes on.
 *
 * @param onMisfit told of a file that is kept beyond its time, for what follows it does not fit: one of them was changed
 */
export function expiredFiles(
  { directory, keepMs, consumed }: Retention,
  nowMs: number,
  onMisfit: (path: string) => void,
): ExpiredFiles {
  const begins: StreamHead[] = [];
  const paths: string[] = [];
  const unfinished: string[] = [];

  /** Gives the link of the file's last line if its time is over. */
  function expired(stream: string, { path }: Segment, next: Segment): ChainLink | undefined {
    const tail = tailOf(path, stream);
    const newestMs = tail === undefined ? undefined : timeOf(tail.line);
    if (tail === undefined || newestMs === undefined || newestMs + keepMs >= nowMs) return undefined;
    const { head } = tail;
    const isUnfinished = head.sequence > (consumed.get(stream) ?? 0);
    if (isUnfinished && newestMs + keepMs + LONGEST_WAIT_MS >= nowMs) return undefined;
    // What somebody has edited, into something old for instance, is evidence.
    const follows = firstLink(next);
    // It is being closed in this moment.
    if (follows === undefined && !next.closed) return undefined;
    if (follows?.sequence !== head.sequence || follows.hash !== head.hash) {
      onMisfit(path);
      return undefined;
    }
    if (isUnfinished) unfinished.push(path);
    return head;
  }

  for (const stream of streamsOf(directory)) {
    const segments = segmentsOf(directory, stream);
    let begin: ChainLink | undefined;
    for (const [index, segment] of segments.entries()) {
      const next = segments[index + 1];
      const last = next === undefined ? undefined : expired(stream, segment, next);
      if (last === undefined) break;
      begin = last;
      paths.push(segment.path);
    }
    if (begin !== undefined) begins.push({ stream, ...begin });
  }
  return { begins, paths, unfinished };
}

/** INVARIANT: signed heads that say so are on the disk. The oldest go first, so that a crash in between leaves no gap. */
export function removeExpired(directory: string, { paths }: ExpiredFiles): void {
  for (const path of paths) rmSync(path, { force: true });
  syncDirectory(directory);
}

/** The link that the file's first line follows; undefined if it is none, or no longer the file that it was. */
function firstLink({ path, first, closed }: Segment): ChainLink | undefined {
  const fd = openIfThere(path);
  if (fd === undefined) return undefined;
  try {
    const link = linkBefore(fd);
    return closed || link?.sequence === first - 1 ? link : undefined;
  } finally {
    closeSync(fd);
  }
}

/** When the event of a line was. */
function timeOf(line: Buffer): number | undefined {
  try {
    const { record } = JSON.parse(line.toString('utf8')) as { record: { eventTime?: unknown } };
    const ms = typeof record.eventTime === 'string' ? Date.parse(record.eventTime) : Number.NaN;
    return Number.isNaN(ms) ? undefined : ms;
  } catch {
    return undefined;
  }
}
