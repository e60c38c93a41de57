import { type ChainLink, chainLine, genesis, linkOf } from './hash-chain.ts';
import { linesOf } from './lines-of.ts';
import type { AuditRecord } from './record.ts';
import { streamFile, streamsOf } from './stream-files.ts';

export interface StreamVerdict {
  readonly stream: string;
  readonly records: number;
  /** What is wrong with the first line that does not fit, or undefined if all do. */
  readonly problem?: LineProblem;
}

export interface LineProblem {
  /** From 1; the sequence that is due there. */
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
    const { link, problem, tornBytes } = walkChain(streamFile(directory, stream), stream, visitor);
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
  /** Told now and then how many bytes have been read. */
  progress?(bytes: number): void;
}

export interface ChainWalk {
  /** Of the last line that fits. */
  readonly link: ChainLink;
  readonly problem?: LineProblem;
  /** Of an unfinished line at the end: a crash left it, or it is being written. */
  readonly tornBytes: number;
}

const CLOSING_BRACE = 0x7d;
const PROGRESS_BYTES = 64 * 1024 * 1024;

/** Goes through a stream's file line by line, and stops at the first that does not fit. */
export function walkChain(path: string, stream: string, visitor: ChainVisitor): ChainWalk {
  let link = genesis(stream);
  let before = link;
  let tornBytes = 0;
  let nextProgress = PROGRESS_BYTES;
  /** A copy of the newest line, which no line after it vouches for yet. */
  let last = Buffer.alloc(0);
  let lastBytes = 0;
  for (const { bytes, offset, whole } of linesOf(path)) {
    if (!whole) {
      tornBytes = bytes.length;
      break;
    }
    const parsed = visitor.record !== undefined || !looksLikeARecord(bytes, stream, link);
    const found = parsed ? readLine(bytes, stream, link) : undefined;
    if (typeof found === 'string') return { link, problem: { line: link.sequence + 1, what: found }, tornBytes };
    const next = linkOf(link, bytes);
    const problem = visitor.line?.(next, bytes);
    if (problem !== undefined) return { link, problem, tornBytes };
    if (found !== undefined) visitor.record?.(found);
    before = link;
    link = next;
    if (last.length < bytes.length) last = Buffer.allocUnsafe(2 * bytes.length);
    lastBytes = bytes.copy(last);
    if (offset >= nextProgress) {
      visitor.progress?.(offset);
      nextProgress = offset + PROGRESS_BYTES;
    }
  }
  const found = link.sequence === 0 ? undefined : readLine(last.subarray(0, lastBytes), stream, before);
  if (typeof found === 'string') return { link: before, problem: { line: link.sequence, what: found }, tornBytes };
  return { link, tornBytes };
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
