import { type EventAttribute, hasAttribute, isInHistory } from '../event-attributes.ts';
import { eventTimeMs } from '../event-time.ts';
import type { AuditRecord } from '../record.ts';
import { attributeHashes } from './attribute-hash.ts';
import { ChunkReader, type FoundLine, MOST_PIECE_BYTES } from './chunk-reader.ts';
import { holds } from './chunk-summary.ts';
import { type EventIndex, type KnownChunk, placeOf } from './event-index.ts';

/** Looks events up, the newest first over all streams; within a stream, where they stand decides which is newer. */

export interface EventQuestion {
  /** INVARIANT: those of whoever asks. No event of others is ever given, whatever the rest of the question says. */
  readonly accountId: string;
  readonly region: string;
  readonly attribute?: { readonly key: EventAttribute; readonly value: string };
  /** Both inclusive. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly limit: number;
  /** Where to go on, as the last answer said: of each stream, before which sequence. Streams that are not named are done. */
  readonly before?: StreamBounds;
}

export type StreamBounds = Readonly<Record<string, number>>;

export interface EventPage {
  /** The records as they are in the log, each a JSON text. */
  readonly records: readonly string[];
  /** Absent where there are no more. There may be more though `records` are fewer than asked for: a question has bounds. */
  readonly before?: StreamBounds;
}

export interface LookupBounds {
  /** Of the streams and the index that one question may read. It ends soon after that. */
  readonly bytes: number;
  /** How long the thread may be kept from other things. */
  readonly turnMs: number;
}

export const USUAL_BOUNDS: LookupBounds = { bytes: 128 * 1024 * 1024, turnMs: 10 };
/** Of the records of one page. */
const MOST_PAGE_CHARACTERS = 4 * 1024 * 1024;
/** What a look at the hashes of a chunk counts for. It reads some 5 KB. */
const LOOK_BYTES = 8 * 1024;

export async function lookUp(
  index: EventIndex,
  directory: string,
  question: EventQuestion,
  pause: () => Promise<unknown>,
  bounds = USUAL_BOUNDS,
): Promise<EventPage> {
  const cursors: StreamCursor[] = [];
  for (const [stream, chunks] of index.streams()) {
    const end = (chunks.at(-1)?.lastSequence ?? 0) + 1;
    const before = question.before === undefined ? end : question.before[stream];
    if (before !== undefined) cursors.push(new StreamCursor(index, directory, stream, chunks, question, before));
  }
  const records: string[] = [];
  let characters = 0;
  let bytes = 0;
  // What was found in one stream may have to wait for what is found in the others, and is read again for the next page: with
  // room for a piece of each, every page comes further than the one before.
  const mostBytes = bounds.bytes + cursors.length * MOST_PIECE_BYTES;
  let turnEndsMs = performance.now() + bounds.turnMs;
  try {
    while (records.length < question.limit && characters < MOST_PAGE_CHARACTERS) {
      const cursor = newest(cursors);
      if (cursor === undefined) return { records };
      const found = cursor.found.shift();
      if (found !== undefined) {
        cursor.before = found.sequence;
        records.push(found.recordJson);
        characters += found.recordJson.length;
        continue;
      }
      if (bytes >= mostBytes) break;
      bytes += cursor.advance();
      if (performance.now() < turnEndsMs) continue;
      await pause();
      turnEndsMs = performance.now() + bounds.turnMs;
    }
    const left = cursors.filter((each) => !each.isDone);
    return left.length === 0 ? { records } : { records, before: Object.fromEntries(left.map(boundOf)) };
  } finally {
    for (const cursor of cursors) cursor.close();
  }
}

function boundOf({ stream, before }: StreamCursor): [stream: string, before: number] {
  return [stream, before];
}

/** The one whose next event is the newest, as far as that is known; what was found goes before what is to be looked for. */
function newest(cursors: readonly StreamCursor[]): StreamCursor | undefined {
  let first: StreamCursor | undefined;
  for (const cursor of cursors) {
    if (cursor.isDone) continue;
    if (first === undefined || cursor.latestMs > first.latestMs) first = cursor;
    else if (cursor.latestMs === first.latestMs && first.found.length === 0) first = cursor;
  }
  return first;
}

/** Goes through a stream from its end. */
class StreamCursor {
  readonly stream: string;
  /** All matching events from this sequence on have been given. */
  before: number;
  /** Matching events that have not been given, the newest first. */
  readonly found: FoundLine[] = [];
  readonly #index: EventIndex;
  readonly #chunks: readonly KnownChunk[];
  readonly #question: EventQuestion;
  readonly #reader: ChunkReader;
  readonly #needle: Buffer;
  #wanted: { readonly segment: number; readonly hash: number } | undefined;
  /** Of the chunk to look into next, or that is being read; −1 at the end. */
  #at: number;

  constructor(
    index: EventIndex,
    directory: string,
    stream: string,
    chunks: readonly KnownChunk[],
    question: EventQuestion,
    before: number,
  ) {
    this.stream = stream;
    this.before = before;
    this.#index = index;
    this.#chunks = chunks;
    this.#question = question;
    this.#reader = new ChunkReader(directory, stream);
    this.#needle = Buffer.from(needleOf(question), 'utf8');
    this.#at = placeOf(chunks, before) - 1;
    this.#passOver();
  }

  get isDone(): boolean {
    return this.found.length === 0 && this.#at < 0;
  }

  /** No event that is to come is newer. */
  get latestMs(): number {
    return this.found[0]?.timeMs ?? this.#chunks[this.#at]?.latestMs ?? Number.NEGATIVE_INFINITY;
  }

  /** Looks at one more chunk, or reads one more piece of one. @returns for how many bytes that counts */
  advance(): number {
    const chunk = this.#chunks[this.#at] as KnownChunk;
    if (!this.#reader.isReading) {
      if (!this.#mayHold(chunk)) {
        this.#next();
        return LOOK_BYTES;
      }
      this.#reader.open(chunk);
    }
    const piece = this.#reader.readBackwards(this.#needle);
    // Read again, because the page before ended in the middle of the chunk.
    const isNew = piece.firstSequence === undefined || piece.firstSequence < this.before;
    for (const line of piece.lines.reverse()) {
      if (line.sequence >= this.before) continue;
      if (line.sequence < chunk.firstSequence || line.sequence > chunk.lastSequence) continue;
      if (matches(line, this.#question)) this.found.push(line);
    }
    if (this.found.length === 0 && piece.firstSequence !== undefined) {
      this.before = Math.min(this.before, piece.firstSequence);
    }
    if (!this.#reader.isReading) this.#next();
    return isNew ? piece.bytes : 0;
  }

  close(): void {
    this.#reader.close();
  }

  #next(): void {
    const { firstSequence } = this.#chunks[this.#at] as KnownChunk;
    if (this.found.length === 0) this.before = Math.min(this.before, firstSequence);
    this.#at--;
    this.#passOver();
  }

  /** What is out of the time that is asked for costs nothing. */
  #passOver(): void {
    const { fromMs, toMs } = this.#question;
    while (this.#at >= 0) {
      const { earliestMs, latestMs } = this.#chunks[this.#at] as KnownChunk;
      if (latestMs >= fromMs && earliestMs <= toMs) return;
      this.#at--;
    }
  }

  #mayHold({ segment, place, hashes }: KnownChunk): boolean {
    const known = hashes ?? (place && this.#reader.hashes(segment, place));
    // The end of a stream, which still grows.
    if (known === undefined) return true;
    if (this.#wanted?.segment !== segment) {
      this.#wanted = { segment, hash: hashOf(this.#question, this.#index.saltOf(this.stream, segment)) };
    }
    return holds(known, this.#wanted.hash);
  }
}

function hashOf({ accountId, region, attribute }: EventQuestion, salt: Uint8Array): number {
  // Of their own: what is asked for is not to fill the memory of those that remember.
  const hashes = attributeHashes(salt);
  const scope = hashes.scope(accountId, region);
  if (attribute === undefined) return scope.hash.hash;
  const { key, value } = attribute;
  return key === 'EventId' ? scope.ofEventId(value) : scope.of(key, value).hash;
}

/** What stands in each line that matches, as it is written there, so that others need not be parsed. */
function needleOf({ accountId, attribute }: EventQuestion): string {
  const account = `"recipientAccountId":"${accountId}"`;
  if (attribute === undefined) return account;
  switch (attribute.key) {
    // Of some resources, the kind follows from where they stand.
    case 'ResourceType':
      return account;
    case 'ReadOnly':
      return `"readOnly":${attribute.value}`;
    default:
      return JSON.stringify(attribute.value).slice(1, -1);
  }
}

function matches(line: FoundLine, question: EventQuestion): boolean {
  const { accountId, region, attribute, fromMs, toMs } = question;
  let record: AuditRecord;
  try {
    record = JSON.parse(line.recordJson);
    line.timeMs = eventTimeMs(record.eventTime);
    return (
      record.recipientAccountId === accountId &&
      record.awsRegion === region &&
      isInHistory(record) &&
      line.timeMs >= fromMs &&
      line.timeMs <= toMs &&
      (attribute === undefined || hasAttribute(record, attribute.key, attribute.value))
    );
  } catch {
    // Someone was at the file.
    return false;
  }
}
