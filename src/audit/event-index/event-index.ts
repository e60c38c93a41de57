import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import type { Random } from '../../runtime/random.ts';
import type { FollowedLine } from '../follow-stream.ts';
import type { AuditRecord } from '../record.ts';
import { segmentsOf } from '../stream-files.ts';
import { BEGINNING, type LinePlace, type StreamPosition } from '../stream-position.ts';
import { type AttributeHashes, attributeHashes } from './attribute-hash.ts';
import { type ChunkSummary, GrowingChunk } from './chunk-summary.ts';
import { bytesOf, type Hole, holesIn, isIndexOf } from './index-coverage.ts';
import {
  appendToIndex,
  type HashPlace,
  type IndexContents,
  indexedSegment,
  indexFile,
  readIndexFile,
  SALT_BYTES,
} from './index-file.ts';

/**
 * The index of the audit streams that CloudTrail's event history is looked up by (`lookup.ts`). It knows of every chunk of
 * some thousand lines where it is, which times it has, and 32 bits of each attribute of its events. The bits stay on the disk;
 * in memory is the list of the chunks, some 200 bytes for each.
 *
 * It is derived: whatever of it is missing or damaged is made again from the streams, and nothing is proved by it.
 */
export interface EventIndex {
  readonly name: string;
  /** What follows is what a consumer of records is (`server/monitor/record-consumer.ts`). */
  position(stream: string): StreamPosition;
  take(line: FollowedLine & { readonly record: AuditRecord }): void;
  flush(): void;
  /** Of each stream, by its name, what there is to look into, the oldest first. */
  streams(): ReadonlyMap<string, readonly KnownChunk[]>;
  /** Of the hashes in the index of a file of a stream. */
  saltOf(stream: string, segment: number): Buffer;
  /** Lines that the index does not know, because it was not there or is damaged: to be read by `fillHoles`, newest first. */
  nextHole(): Hole | undefined;
  /** Of a file that is read so; they remember the values that they have hashed. */
  hashesFor(stream: string, segment: number): AttributeHashes;
  /** Takes in a chunk of such lines. */
  fill(stream: string, chunk: GrowingChunk): void;
}

/** A chunk whose hashes are in the index file (`place`), still in memory, or, where neither is there, unknown. */
export interface KnownChunk extends ChunkSummary {
  readonly place?: HashPlace;
  readonly hashes?: Uint32Array;
}

export interface EventIndexOptions {
  /** The audit directory. The index is in `index/` below it. */
  readonly directory: string;
  readonly random: Random;
  /** Told that so many bytes of a stream are not in the index yet, and that it takes a while until they are. */
  readonly onRebuild?: (stream: string, bytes: number) => void;
}

/** What is read again, rather than made up for besides, when the index lacks the end of a stream. */
const MOST_CAUGHT_UP_BYTES = 32 * 1024 * 1024;
const LOOK_FOR_REMOVED_MS = 60_000;
/** Chunks whose hashes are kept in memory because they cannot be written; of more, lookups read all lines. */
const MOST_UNWRITTEN = 1024;

interface IndexedStream {
  readonly name: string;
  chunks: KnownChunk[];
  readonly files: Map<number, Pick<IndexContents, 'salt' | 'size'>>;
  /** For the file that it grows by, and for one that is read again. */
  readonly hashes: LRUCache<number, AttributeHashes>;
  growing: GrowingChunk | undefined;
  /** Of the last line that is in a chunk, and where that ends. */
  last: StreamPosition;
  /** Files that were gone at the last look. One that is just being renamed is there again at the next. */
  missing: ReadonlySet<number>;
}

export function openEventIndex({ directory, random, onRebuild }: EventIndexOptions): EventIndex {
  const home = join(directory, 'index');
  const streams = new Map<string, IndexedStream>();
  /** Closed and not yet written, the oldest first. */
  let unwritten: { readonly stream: IndexedStream; readonly chunk: KnownChunk }[] = [];
  const holes: Hole[] = [];
  let nextLookMs = performance.now() + LOOK_FOR_REMOVED_MS;

  function fileOf(stream: IndexedStream, segment: number): Pick<IndexContents, 'salt' | 'size'> {
    let file = stream.files.get(segment);
    if (file === undefined) {
      file = { salt: random.bytes(SALT_BYTES), size: 0 };
      stream.files.set(segment, file);
    }
    return file;
  }

  function hashesFor(stream: IndexedStream, segment: number): AttributeHashes {
    let hashes = stream.hashes.get(segment);
    if (hashes === undefined) {
      hashes = attributeHashes(fileOf(stream, segment).salt);
      stream.hashes.set(segment, hashes);
    }
    return hashes;
  }

  /** Reads what the index files have of a stream, and finds what they lack. */
  function load(name: string): IndexedStream {
    const segments = segmentsOf(directory, name);
    const stream: IndexedStream = {
      name,
      chunks: [],
      files: new Map(),
      hashes: new LRUCache({ max: 2 }),
      growing: undefined,
      last: BEGINNING,
      missing: new Set(),
    };
    for (const segment of segments) {
      const path = indexFile(home, name, segment.first);
      const contents = readIndexFile(path, segment.first, statSync(segment.path).size);
      if (contents === undefined) continue;
      // The stream's file is another than the one that was indexed: put back from a copy, or begun anew.
      if (!isIndexOf(contents.chunks, segment, name)) {
        rmSync(path, { force: true });
        continue;
      }
      stream.files.set(segment.first, contents);
      stream.chunks = stream.chunks.concat(contents.chunks);
    }
    stream.chunks.sort((a, b) => a.firstSequence - b.firstSequence);
    stream.chunks = stream.chunks.filter(
      (chunk, at, all) => at === 0 || chunk.firstSequence > (all[at - 1] as KnownChunk).lastSequence,
    );
    const { missing, end } = holesIn(name, segments, stream.chunks);
    const trailing = missing.filter(({ fromSequence }) => fromSequence > (stream.chunks.at(-1)?.lastSequence ?? 0));
    if (bytesOf(trailing) <= MOST_CAUGHT_UP_BYTES) {
      const before = stream.chunks.at(-1);
      if (before !== undefined) stream.last = endOf(before);
      holes.push(...missing.filter((hole) => !trailing.includes(hole)));
    } else {
      stream.last = end;
      holes.push(...missing);
    }
    const rest = holes.filter((hole) => hole.stream === name);
    if (rest.length > 0) onRebuild?.(name, bytesOf(rest));
    return stream;
  }

  function streamOf(name: string): IndexedStream {
    let stream = streams.get(name);
    if (stream === undefined) {
      stream = load(name);
      streams.set(name, stream);
    }
    return stream;
  }

  /** Takes a chunk in as it is now, and has it written. */
  function close(stream: IndexedStream, chunk: GrowingChunk): void {
    const { segment, offset, bytes, firstSequence, lastSequence, earliestMs, latestMs } = chunk;
    const hashes = chunk.hashes();
    const closed = { segment, offset, bytes, firstSequence, lastSequence, earliestMs, latestMs, hashes };
    insert(stream.chunks, closed);
    unwritten.push({ stream, chunk: closed });
    if (unwritten.length <= MOST_UNWRITTEN) return;
    for (const old of unwritten.splice(0, unwritten.length - MOST_UNWRITTEN)) {
      const { hashes: _, ...unknown } = old.chunk;
      replace(old.stream.chunks, unknown);
    }
  }

  function write(): void {
    // Not at the start, which a full disk does not refuse because of an index.
    if (unwritten.length > 0) mkdirSync(home, { recursive: true, mode: 0o700 });
    while (unwritten.length > 0) {
      const { stream, chunk } = unwritten[0] as (typeof unwritten)[number];
      const { hashes = new Uint32Array(0), ...summary } = chunk;
      const file = fileOf(stream, chunk.segment);
      const { place, size } = appendToIndex(indexFile(home, stream.name, chunk.segment), file, summary, hashes);
      stream.files.set(chunk.segment, { ...file, size });
      replace(stream.chunks, { ...summary, place });
      unwritten.shift();
    }
  }

  /** Files of streams that retention has removed take their index with them. */
  function dropRemoved(): void {
    for (const stream of streams.values()) {
      const there = new Set(segmentsOf(directory, stream.name).map(({ first }) => first));
      const missing = new Set(stream.chunks.map(({ segment }) => segment).filter((segment) => !there.has(segment)));
      const gone = (segment: number) => missing.has(segment) && stream.missing.has(segment);
      stream.chunks = stream.chunks.filter(({ segment }) => !gone(segment));
      unwritten = unwritten.filter(({ stream: of, chunk }) => of !== stream || !gone(chunk.segment));
      for (const segment of stream.files.keys()) if (gone(segment)) stream.files.delete(segment);
      stream.missing = missing;
    }
    for (const name of existsSync(home) ? readdirSync(home) : []) {
      const indexed = indexedSegment(name);
      const stream = indexed && streams.get(indexed.stream);
      if (indexed && stream && !stream.files.has(indexed.segment)) rmSync(join(home, name), { force: true });
    }
  }

  return {
    name: 'event history',
    position: (name) => streamOf(name).last,
    take(line) {
      const stream = streamOf(line.stream);
      if (line.sequence <= stream.last.sequence) return;
      if (stream.growing !== undefined && stream.growing.segment !== line.segment) {
        close(stream, stream.growing);
        stream.growing = undefined;
      }
      stream.growing ??= new GrowingChunk(line, beginning(line, stream.last), hashesFor(stream, line.segment));
      stream.growing.add(line, line.record);
      stream.last = endOf(stream.growing);
      if (!stream.growing.isFull) return;
      close(stream, stream.growing);
      stream.growing = undefined;
    },
    flush() {
      write();
      if (performance.now() < nextLookMs) return;
      nextLookMs = performance.now() + LOOK_FOR_REMOVED_MS;
      dropRemoved();
    },
    streams: () =>
      new Map(
        Array.from(streams.values(), ({ name, chunks, growing }) => [
          name,
          growing === undefined ? [...chunks] : [...chunks, snapshotOf(growing)],
        ]),
      ),
    saltOf: (name, segment) => fileOf(streamOf(name), segment).salt,
    hashesFor: (name, segment) => hashesFor(streamOf(name), segment),
    nextHole: () => holes.sort((a, b) => b.fromSequence - a.fromSequence).shift(),
    fill(name, chunk) {
      close(streamOf(name), chunk);
      write();
    },
  };
}

function endOf({ lastSequence, segment, offset, bytes }: ChunkSummary): StreamPosition {
  return { sequence: lastSequence, segment, offset: offset + bytes };
}

/** A chunk begins where the last one ended, even if lines between them could not be read: so nothing is left out. */
function beginning(line: LinePlace, { segment, offset }: StreamPosition): number {
  return segment === line.segment && offset <= line.offset ? offset : line.offset;
}

/** As it is now: it grows while someone reads. */
function snapshotOf(growing: GrowingChunk): KnownChunk {
  const { segment, offset, bytes, firstSequence, lastSequence, earliestMs, latestMs } = growing;
  return { segment, offset, bytes, firstSequence, lastSequence, earliestMs, latestMs };
}

/** Where among chunks in the order of their sequences one with this first sequence is, or would be. */
export function placeOf(chunks: readonly ChunkSummary[], firstSequence: number): number {
  let low = 0;
  let high = chunks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((chunks[middle] as ChunkSummary).firstSequence < firstSequence) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insert(chunks: KnownChunk[], chunk: KnownChunk): void {
  chunks.splice(placeOf(chunks, chunk.firstSequence), 0, chunk);
}

function replace(chunks: KnownChunk[], chunk: KnownChunk): void {
  const at = placeOf(chunks, chunk.firstSequence);
  if (chunks[at]?.firstSequence === chunk.firstSequence) chunks[at] = chunk;
}
