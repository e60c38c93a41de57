import { hash } from 'node:crypto';

/**
 * The audit log is a chain of lines: each names the SHA-256 of the line before it, so that a line cannot be changed,
 * removed, inserted or moved without every later line telling. `docs/formats/audit-record.md` has it byte by byte.
 *
 *     {"stream":"w0","sequence":2,"previous":"<64 hex digits>","record":{…}}\n
 *
 * A stream is one worker's log; `sequence` counts its lines from 1; `previous` of the first line is the hash of the
 * stream's name, so that a line of one stream never fits into another.
 */
export interface ChainLink {
  /** Of the newest line; 0 before the first. */
  readonly sequence: number;
  /** Of the newest line's bytes without the line feed, or of the stream's name before the first, in hex. */
  readonly hash: string;
}

/** Where a new stream begins. */
export function genesis(stream: string): ChainLink {
  return { sequence: 0, hash: hash('sha256', `keyhold audit stream ${stream}`, 'hex') };
}

/** Writes the line that follows `link`, without its line feed. `recordJson` is one JSON object on one line. */
export function chainLine(stream: string, link: ChainLink, recordJson: string): string {
  return `{"stream":"${stream}","sequence":${link.sequence + 1},"previous":"${link.hash}","record":${recordJson}}`;
}

/** The link a line makes, once it follows `before`. */
export function linkOf(before: ChainLink, line: string | Uint8Array): ChainLink {
  return { sequence: before.sequence + 1, hash: hash('sha256', line, 'hex') };
}

/** The record of a line that `chainLine` wrote, as it was written. */
export function recordTextOf(line: string): string {
  return line.slice(line.indexOf('"record":') + '"record":'.length, -1);
}
