import { closeSync, openSync } from 'node:fs';
import { type Segment, sequenceAt } from '../stream-files.ts';
import { BEGINNING, type StreamPosition } from '../stream-position.ts';
import { readTail } from '../stream-tail.ts';
import type { ChunkSummary } from './chunk-summary.ts';

/** What of a stream its index knows, and what not. */

/** Lines of a file of a stream that no chunk has. */
export interface Hole {
  readonly stream: string;
  readonly segment: number;
  readonly path: string;
  /** In bytes. */
  readonly from: number;
  readonly to: number;
  /** The least that the sequence of its first line can be. */
  readonly fromSequence: number;
}

export function bytesOf(holes: readonly Hole[]): number {
  return holes.reduce((bytes, { from, to }) => bytes + to - from, 0);
}

/**
 * @param segments of a stream, the oldest first
 * @param chunks in the order of their sequences, none of which overlap
 * @returns what is missing, the oldest first, and where the stream ends now
 */
export function holesIn(
  stream: string,
  segments: readonly Segment[],
  chunks: readonly ChunkSummary[],
): { readonly missing: Hole[]; readonly end: StreamPosition } {
  const missing: Hole[] = [];
  let end = BEGINNING;
  for (const { path, first } of segments) {
    const tail = tailOf(path, stream);
    let from = 0;
    let fromSequence = first;
    const add = (to: number) => {
      if (to > from) missing.push({ stream, segment: first, path, from, to, fromSequence });
    };
    for (const chunk of chunks) {
      if (chunk.segment !== first) continue;
      add(chunk.offset);
      from = chunk.offset + chunk.bytes;
      fromSequence = chunk.lastSequence + 1;
    }
    add(tail.size);
    end = { sequence: tail.sequence, segment: first, offset: tail.size };
  }
  return { missing, end };
}

/** Whether the chunks are of this file: the first and the last begin with the lines that they say. */
export function isIndexOf(chunks: readonly ChunkSummary[], { path }: Segment, stream: string): boolean {
  const fd = openSync(path, 'r');
  try {
    return [chunks[0], chunks.at(-1)].every(
      (chunk) => chunk === undefined || sequenceAt(fd, chunk.offset, stream) === chunk.firstSequence,
    );
  } finally {
    closeSync(fd);
  }
}

/** Of the whole lines in a file. What its last line is, if it is none of the stream's, verification tells. */
function tailOf(path: string, stream: string): { readonly sequence: number; readonly size: number } {
  const fd = openSync(path, 'r');
  try {
    const { head, size } = readTail(fd, stream);
    return { sequence: head.sequence, size };
  } catch {
    return { sequence: 0, size: 0 };
  } finally {
    closeSync(fd);
  }
}
