import { forEachAttribute, isInHistory } from '../event-attributes.ts';
import { eventTimeMs } from '../event-time.ts';
import type { AuditRecord } from '../record.ts';
import type { LinePlace } from '../stream-position.ts';
import type { AttributeHashes, HashNote } from './attribute-hash.ts';

/** What the index knows of a few lines of a stream that follow each other. */
export interface ChunkSummary {
  /** Of the file that they are in, the sequence of its first line. */
  readonly segment: number;
  /** Where in that file they begin, and how many bytes they are, the last line feed included. */
  readonly offset: number;
  readonly bytes: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** The smallest and the largest time of an event in it. */
  readonly earliestMs: number;
  readonly latestMs: number;
}

/**
 * When a chunk is full. A smaller one makes lookups of what is rare read less of the stream, and lookups of what is not there
 * at all look into more chunks; the figures are in docs/benchmarks.md.
 */
const MOST_LINES = 1024;
const MOST_BYTES = 2 * 1024 * 1024;

let chunks = 0;

/** A chunk that still grows. */
export class GrowingChunk implements ChunkSummary {
  readonly segment: number;
  readonly offset: number;
  readonly firstSequence: number;
  bytes = 0;
  lastSequence: number;
  earliestMs = Number.POSITIVE_INFINITY;
  latestMs = Number.NEGATIVE_INFINITY;
  #lines = 0;
  /** Noted with each of its hashes, in place of the chunk itself, which is not to be kept in memory by them. */
  readonly #number = ++chunks;
  readonly #hashes: number[] = [];
  readonly #hashOf: AttributeHashes;

  /** @param offset of its first byte, which may lie before the first line if nothing there could be read */
  constructor(first: LinePlace, offset: number, hashOf: AttributeHashes) {
    this.segment = first.segment;
    this.offset = offset;
    this.firstSequence = first.sequence;
    this.lastSequence = first.sequence;
    this.#hashOf = hashOf;
  }

  get end(): number {
    return this.offset + this.bytes;
  }

  get isFull(): boolean {
    return this.#lines >= MOST_LINES || this.bytes >= MOST_BYTES;
  }

  /** Takes the next line in; `record` is undefined for one that cannot be read, which lookups will pass over. */
  add(line: LinePlace, record: AuditRecord | undefined): void {
    this.#lines++;
    this.bytes = line.offset + line.length + 1 - this.offset;
    this.lastSequence = line.sequence;
    if (record === undefined) return;
    const timeMs = eventTimeMs(record.eventTime);
    if (timeMs < this.earliestMs) this.earliestMs = timeMs;
    if (timeMs > this.latestMs) this.latestMs = timeMs;
    const { recipientAccountId: accountId, awsRegion: region } = record;
    // Nobody's trail has it.
    if (accountId === undefined || !isInHistory(record)) return;
    const scope = this.#hashOf.scope(accountId, region);
    this.#note(scope.hash);
    forEachAttribute(record, (attribute, value) => {
      if (attribute === 'EventId') this.#hashes.push(scope.ofEventId(value));
      else this.#note(scope.of(attribute, value));
    });
  }

  #note(note: HashNote): void {
    if (note.chunk === this.#number) return;
    note.chunk = this.#number;
    this.#hashes.push(note.hash);
  }

  /** What it holds, sorted, each once. */
  hashes(): Uint32Array {
    const sorted = Uint32Array.from(this.#hashes).sort();
    let kept = 0;
    for (let at = 0; at < sorted.length; at++) {
      if (at === 0 || sorted[at] !== sorted[kept - 1]) sorted[kept++] = sorted[at] as number;
    }
    return sorted.slice(0, kept);
  }
}

/** Whether a sorted array of hashes has one. */
export function holds(hashes: Uint32Array, wanted: number): boolean {
  let low = 0;
  let high = hashes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((hashes[middle] as number) < wanted) low = middle + 1;
    else high = middle;
  }
  return hashes[low] === wanted;
}
