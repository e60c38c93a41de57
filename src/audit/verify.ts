import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type ChainLink, genesis, linkOf } from './hash-chain.ts';
import type { AuditRecord } from './record.ts';

const LINE_FEED = 0x0a;

export interface StreamVerdict {
  readonly stream: string;
  readonly records: number;
  /** What is wrong with the first line that does not fit, or undefined if all do. */
  readonly problem?: { readonly line: number; readonly what: string };
}

/** Verifies every stream below an audit directory from its first line to its last. Streams are read, never held whole. */
export async function verifyAuditDirectory(
  directory: string,
  onRecord?: (record: AuditRecord, stream: string) => void,
): Promise<StreamVerdict[]> {
  const files = (await readdir(directory)).filter((name) => name.endsWith('.jsonl')).sort();
  const verdicts: StreamVerdict[] = [];
  for (const file of files) verdicts.push(await verifyStream(join(directory, file), onRecord));
  return verdicts;
}

async function verifyStream(
  path: string,
  onRecord?: (record: AuditRecord, stream: string) => void,
): Promise<StreamVerdict> {
  const stream = basename(path, '.jsonl');
  let link: ChainLink = genesis(stream);
  for await (const { line, whole } of linesOf(path)) {
    const found = whole ? readLine(line, stream, link) : 'ends without a line feed: it was cut off';
    if (typeof found === 'string') {
      return { stream, records: link.sequence, problem: { line: link.sequence + 1, what: found } };
    }
    onRecord?.(found, stream);
    link = linkOf(link, line);
  }
  return { stream, records: link.sequence };
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

/**
 * The lines of a file as bytes. Node's `readline` will not do: it also breaks lines at U+2028 and U+2029, which JSON
 * leaves as they are and which a caller's encryption context may hold.
 */
async function* linesOf(path: string): AsyncGenerator<{ line: Buffer; whole: boolean }> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path)) {
    const bytes = Buffer.concat([rest, chunk as Buffer]);
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
      yield { line: bytes.subarray(start, end), whole: true };
      start = end + 1;
    }
    rest = bytes.subarray(start);
  }
  if (rest.length > 0) yield { line: rest, whole: false };
}
