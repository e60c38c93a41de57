import { closeSync, openSync } from 'node:fs';
import { linesIn } from '../lines-of.ts';
import { recordOf } from '../record.ts';
import { sequenceOf } from '../stream-files.ts';
import { GrowingChunk } from './chunk-summary.ts';
import type { EventIndex } from './event-index.ts';
import type { Hole } from './index-coverage.ts';

/** Reads again what the index lacks, in pieces between which the thread does what else it has to do. */

const PIECE_BYTES = 256 * 1024;

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
  let chunk: GrowingChunk | undefined;
  let chunkFrom = from;
  let due = fromSequence;
  let pieceEnd = from + PIECE_BYTES;
  for (const { bytes, offset, whole } of linesIn(fd, from, to)) {
    if (!whole) break;
    const text = bytes.toString('utf8');
    // A line that is none of the stream's takes the place of the one that was due.
    const sequence = sequenceOf(text) ?? due;
    const line = { sequence, segment, offset, length: bytes.length };
    chunk ??= new GrowingChunk(line, chunkFrom, hashes);
    chunk.add(line, recordOf(text));
    due = sequence + 1;
    if (chunk.isFull) {
      index.fill(stream, chunk);
      chunkFrom = chunk.end;
      chunk = undefined;
    }
    if (offset < pieceEnd) continue;
    pieceEnd = offset + PIECE_BYTES;
    yield;
  }
  if (chunk !== undefined) index.fill(stream, chunk);
}
