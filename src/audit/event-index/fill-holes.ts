import { closeSync, openSync, readSync } from 'node:fs';
import type { AuditRecord } from '../record.ts';
import { sequenceOf } from '../stream-files.ts';
import { GrowingChunk } from './chunk-summary.ts';
import type { EventIndex } from './event-index.ts';
import type { Hole } from './index-coverage.ts';

/** Reads again what the index lacks, in pieces between which the thread does what else it has to do. */

const PIECE_BYTES = 256 * 1024;
const LONGEST_LINE_BYTES = 64 * 1024 * 1024;
const LINE_FEED = 0x0a;

/**
 * @param pause called after every piece, which takes a few milliseconds
 * @param isStopping whether to leave the rest for the next start
 */
export async function fillHoles(
  index: EventIndex,
  pause: () => Promise<unknown>,
  isStopping: () => boolean,
): Promise<void> {
  for (let hole = index.nextHole(); hole !== undefined; hole = index.nextHole()) {
    let fd: number;
    try {
      fd = openSync(hole.path, 'r');
    } catch {
      // Removed, or renamed as it was closed; in the latter case the next start finds it.
      continue;
    }
    try {
      for (const _ of readHole(index, fd, hole)) {
        await pause();
        if (isStopping()) return;
      }
    } finally {
      closeSync(fd);
    }
  }
}

function* readHole(index: EventIndex, fd: number, hole: Hole): Generator<void> {
  const { stream, segment, from, to, fromSequence } = hole;
  const hashes = index.hashesFor(stream, segment);
  let buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  let chunk: GrowingChunk | undefined;
  let chunkFrom = from;
  let due = fromSequence;
  for (let offset = from; offset < to; ) {
    const got = readSync(fd, buffer, 0, Math.min(buffer.length, to - offset), offset);
    const bytes = buffer.subarray(0, got);
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
      const text = bytes.toString('utf8', start, end);
      // A line that is none of the stream's takes the place of the one that was due.
      const sequence = sequenceOf(text) ?? due;
      const line = { sequence, segment, offset: offset + start, length: end - start };
      chunk ??= new GrowingChunk(line, chunkFrom, hashes);
      chunk.add(line, recordIn(text));
      due = sequence + 1;
      start = end + 1;
      if (!chunk.isFull) continue;
      index.fill(stream, chunk);
      chunkFrom = chunk.end;
      chunk = undefined;
    }
    if (start === 0) {
      if (got < buffer.length || buffer.length >= LONGEST_LINE_BYTES) break;
      buffer = Buffer.allocUnsafeSlow(2 * buffer.length);
    }
    offset += start;
    yield;
  }
  if (chunk !== undefined) index.fill(stream, chunk);
}

function recordIn(text: string): AuditRecord | undefined {
  try {
    return (JSON.parse(text) as { record: AuditRecord }).record;
  } catch {
    return undefined;
  }
}
