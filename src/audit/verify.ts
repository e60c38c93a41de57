import { type ChainLink, chainLine, genesis, linkOf } from './hash-chain.ts';
import { linesIn } from './lines-of.ts';
import type { AuditRecord } from './record.ts';
import { filesOf, linkBefore, type OpenFile, streamsOf } from './stream-files.ts';

export interface StreamVerdict {
  readonly stream: string;
  readonly records: number;
  /** What is wrong with the first line that does not fit, or undefined if all do. */
  readonly problem?: LineProblem;
}

export interface LineProblem {
  /** The sequence that is due there: lines are counted from 1, through all files of a stream. */
  readonly line: number;
  readonly what: string;
}

/**
 * Verifies the chain of every stream of records from its first line to its last. Streams are read, never held whole. That a
 * chain was rewritten, that its end is missing or a whole stream is, only signed heads tell (`prove.ts`).
 */
export async function verifyAuditDirectory(
  directory: string,
  onRecord?: (record: AuditRecord, stream: string) => void,
): Promise<StreamVerdict[]> {
  return streamsOf(directory).map((stream) => {
    const visitor = onRecord === undefined ? {} : { record: (record: AuditRecord) => onRecord(record, stream) };
    const { link, problem, tornBytes } = walkChain(directory, stream, visitor);
    const found =
      problem ??
      (tornBytes === 0 ? undefined : { line: link.sequence + 1, what: 'ends without a line feed: it was cut off' });
    return { stream, records: link.sequence, ...(found === undefined ? {} : { problem: found }) };
  });
}

export interface ChainVisitor {
  record?(record: AuditRecord): void;
  /** Sees each line that fits, with the link that it makes, and says what is wrong with it all the same. */
  line?(link: ChainLink, line: Buffer): LineProblem | undefined;
  /** Told where the lines up to this link are gone, and may be. */
  passedOver?(link: ChainLink): void;
  /** Told now and then how many bytes have been read. */
  progress?(bytes: number): void;
}

export interface ChainWalk {
  /** Of the last line that fits. */
  readonly link: ChainLink;
  readonly problem?: LineProblem;
  /** The sequence of the first line that is there; 1 if there is none. */
  readonly first: number;
  /** Whether the problem is that a file is missing before one that is there: or it has just been removed, as it may be. */
  readonly fileMissing: boolean;
  /** Of an unfinished line at the end: a crash left it, or it is being written. */
  readonly tornBytes: number;
}

const CLOSING_BRACE = 0x7d;
const PROGRESS_BYTES = 64 * 1024 * 1024;

/**
 * Goes through the files of a stream line by line, and stops at the first that does not fit.
 *
 * @param keptFrom up to which link lines may have been removed, by whole files. What is left of them must fit nevertheless
 */
export function walkChain(
  directory: string,
  stream: string,
  visitor: ChainVisitor,
  keptFrom: ChainLink = genesis(stream),
): ChainWalk {
  let link = genesis(stream);
  let before = link;
  let first: number | undefined;
  let tornBytes = 0;
  /** Of the files before this one. */
  let readBytes = 0;
  let nextProgress = PROGRESS_BYTES;
  /** A copy of the newest line, which no line after it vouches for yet. */
  let last = Buffer.alloc(0);
  let lastBytes = 0;
  const walked = (problem?: LineProblem, fileMissing = false): ChainWalk => {
    return { link, first: first ?? 1, ...(problem === undefined ? {} : { problem }), fileMissing, tornBytes };
  };
  for (const file of filesOf(directory, stream)) {
    const gap = gapBefore(file, link);
    if (gap !== undefined && gap > keptFrom.sequence + 1) {
      const due = Math.max(link.sequence, keptFrom.sequence) + 1;
      return walked({ line: due, what: `is missing: the next one that is there, ${gap}, begins a file` }, true);
    }
    if (gap !== undefined) {
      link = gap === keptFrom.sequence + 1 ? keptFrom : (linkBefore(file.fd) ?? { sequence: gap - 1, hash: '' });
      visitor.passedOver?.(link);
      lastBytes = 0;
    } else if (file.closed && file.first !== link.sequence + 1) {
      return walked({ line: link.sequence + 1, what: `is due where a file begins that is called after ${file.first}` });
    }
    first ??= link.sequence + 1;
    let fileBytes = 0;
    for (const { bytes, offset, whole } of linesIn(file.fd)) {
      if (!whole && file.closed) {
        return walked({ line: link.sequence + 1, what: 'ends without a line feed in a closed file: it was cut off' });
      }
      if (!whole) {
        tornBytes = bytes.length;
        break;
      }
      const parsed = visitor.record !== undefined || !looksLikeARecord(bytes, stream, link);
      const found = parsed ? readLine(bytes, stream, link) : undefined;
      if (typeof found === 'string') return walked({ line: link.sequence + 1, what: found });
      const next = linkOf(link, bytes);
      const problem = visitor.line?.(next, bytes);
      if (problem !== undefined) return walked(problem);
      if (found !== undefined) visitor.record?.(found);
      before = link;
      link = next;
      if (last.length < bytes.length) last = Buffer.allocUnsafe(2 * bytes.length);
      lastBytes = bytes.copy(last);
      fileBytes = offset + bytes.length + 1;
      if (readBytes + fileBytes >= nextProgress) {
        visitor.progress?.(readBytes + fileBytes);
        nextProgress += PROGRESS_BYTES;
      }
    }
    readBytes += fileBytes;
  }
  const found = lastBytes === 0 ? undefined : readLine(last.subarray(0, lastBytes), stream, before);
  if (typeof found !== 'string') return walked();
  const problem = { line: link.sequence, what: found };
  link = before;
  return walked(problem);
}

/** The sequence that a file begins with, if there are lines missing before it. */
function gapBefore({ first }: OpenFile, link: ChainLink): number | undefined {
  return first !== undefined && first > link.sequence + 1 ? first : undefined;
}

/**
 * Whether a line begins as it must after `link`, and ends like an object in an object. Its record is not parsed, which is
 * most of the work: what was changed there, the hash in the next line tells.
 */
function looksLikeARecord(line: Buffer, stream: string, link: ChainLink): boolean {
  const beginning = chainLine(stream, link, '{').slice(0, -1);
  return (
    line.toString('latin1', 0, beginning.length) === beginning &&
    line.at(-2) === CLOSING_BRACE &&
    line.at(-1) === CLOSING_BRACE
  );
}

/** The record of a line that follows `link`, or why it cannot. */
function readLine(line: Buffer, stream: string, link: ChainLink): AuditRecord | string {
  let parsed: { stream?: unknown; sequence?: unknown; previous?: unknown; record?: unknown } | null;
  try {
    parsed = JSON.parse(line.toString('utf8'));
  } catch {
    return 'is not JSON';
  }
  if (typeof parsed !== 'object' || parsed === null) return 'is not a line of an audit stream';
  if (parsed.stream !== stream) return `belongs to stream ${shown(parsed.stream)}`;
  if (parsed.sequence !== link.sequence + 1) {
    return `has sequence ${shown(parsed.sequence)} where ${link.sequence + 1} is due`;
  }
  if (parsed.previous !== link.hash) return 'does not name the hash of the line before it';
  if (typeof parsed.record !== 'object' || parsed.record === null) return 'holds no record';
  return parsed.record as AuditRecord;
}

/** What stands where a name or a number should. Someone may have edited it, so it is quoted before anyone prints it. */
function shown(value: unknown): string {
  return String(JSON.stringify(value));
}
