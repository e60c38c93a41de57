import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { streamFile } from '../../audit/stream-files.ts';
import { BEGINNING, type StreamPosition } from '../../audit/stream-position.ts';
import { type RecordFeed, startRecordFeed } from './follow-records.ts';
import type { FollowedRecord, RecordConsumer } from './record-consumer.ts';
import { type StreamWriter, someRecord, streamWriter } from './stream-writer.test-helper.ts';

let directory: string;
let writers: Map<string, StreamWriter>;
let logged: string[];
const feeds: RecordFeed[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyhold-feed-'));
  writers = new Map();
  logged = [];
});

afterEach(async () => {
  for (const feed of feeds.splice(0)) await feed.stop();
  rmSync(directory, { recursive: true });
});

function append(stream: string, ...names: readonly string[]): void {
  const writer = writers.get(stream) ?? streamWriter(directory, stream);
  writers.set(stream, writer);
  writer.append(...names.map(someRecord));
}

function start(...consumers: readonly RecordConsumer[]): RecordFeed {
  const log = pino({ level: 'error' }, { write: (line: string) => void logged.push(line) });
  const written = (stream: string) => writers.get(stream)?.written ?? 0;
  const feed = startRecordFeed({ directory, consumers, written, log });
  feeds.push(feed);
  return feed;
}

interface Recorder extends RecordConsumer {
  readonly taken: string[];
  readonly lines: FollowedRecord[];
  flushed: number;
}

/** @param positions where it begins, by stream; absent, with what is written from now on */
function recorder(name: string, positions?: Readonly<Record<string, StreamPosition>>): Recorder {
  const made: Recorder = {
    name,
    taken: [],
    lines: [],
    flushed: 0,
    ...(positions === undefined ? {} : { position: (stream: string) => positions[stream] ?? BEGINNING }),
    take(record) {
      made.lines.push(record);
      made.taken.push(`${record.stream} ${record.sequence} ${record.record.eventName}`);
    },
    flush() {
      made.flushed = made.taken.length;
    },
  };
  return made;
}

test('each consumer gets what is behind its position, and one without a position what is written from now on', async () => {
  append('w0', 'A', 'B', 'C');
  append('w1', 'X');
  const behindB = { ...BEGINNING, sequence: 2 };
  const [all, some, fresh] = [recorder('all', {}), recorder('some', { w0: behindB, w1: behindB }), recorder('new')];
  const feed = start(all, some, fresh);
  await expect.poll(() => all.taken, { timeout: 60_000 }).toHaveLength(4);
  append('w0', 'D');
  append('w1', 'Y', 'Z');
  await feed.stop();
  expect([...all.taken].sort()).toEqual(['w0 1 A', 'w0 2 B', 'w0 3 C', 'w0 4 D', 'w1 1 X', 'w1 2 Y', 'w1 3 Z']);
  expect([...some.taken].sort()).toEqual(['w0 3 C', 'w0 4 D', 'w1 3 Z']);
  expect([...fresh.taken].sort()).toEqual(['w0 4 D', 'w1 2 Y', 'w1 3 Z']);
});

test('a consumer that throws misses that record, and holds up neither the others nor itself', async () => {
  append('w0', 'A', 'B', 'C');
  const well = recorder('well', {});
  const failing: RecordConsumer & { taken: string[] } = {
    name: 'failing',
    taken: [],
    position: () => BEGINNING,
    take({ record }) {
      if (record.eventName === 'B') throw new Error('not B');
      failing.taken.push(record.eventName);
    },
  };
  const feed = start(failing, well);
  await expect.poll(() => well.taken, { timeout: 60_000 }).toHaveLength(3);
  await feed.stop();
  expect(failing.taken).toEqual(['A', 'C']);
  expect(logged).toHaveLength(1);
  expect(logged[0]).toMatch(/not B.*"consumer":"failing".*a record of the audit trail was not taken/);
});

test('a flush that fails is tried again, though nothing new comes', async () => {
  append('w0', 'A');
  let flushes = 0;
  const consumer: RecordConsumer = {
    name: 'failing',
    position: () => BEGINNING,
    take: () => {},
    flush: () => {
      flushes += 1;
      if (flushes === 1) throw new Error('no room');
    },
  };
  const feed = start(consumer);
  await expect.poll(() => flushes, { timeout: 60_000 }).toBe(2);
  await feed.stop();
  expect(flushes).toBe(2);
  expect(logged.join('')).toContain('no room');
});

test('started again, it goes on where a consumer says that it was', async () => {
  append('w0', 'A', 'B');
  const first = recorder('index', {});
  const feed = start(first);
  await expect.poll(() => first.taken, { timeout: 60_000 }).toHaveLength(2);
  await feed.stop();
  const last = first.lines.at(-1) as FollowedRecord;
  append('w0', 'C');
  const { sequence, segment, offset, length } = last;
  const second = recorder('index', { w0: { sequence, segment, offset: offset + length + 1 } });
  await start(second).stop();
  expect(second.taken).toEqual(['w0 3 C']);
});

test('a stop reads all that was written before it, of a stream that began a moment ago too, and flushes it', async () => {
  append('w0', 'A');
  const consumer = recorder('all', {});
  const feed = start(consumer);
  await expect.poll(() => consumer.taken, { timeout: 60_000 }).toHaveLength(1);
  append('w0', ...Array.from({ length: 5000 }, (_, at) => `E${at}`));
  append('w1', 'X');
  await feed.stop();
  expect(consumer.taken).toHaveLength(5002);
  expect(consumer.flushed).toBe(5002);
});

test('a line that is no record is passed over, and said', async () => {
  append('w0', 'A');
  appendFileSync(streamFile(directory, 'w0'), '{"stream":"w0","sequence":2,"previous":"","record":{"eventName"}}\n');
  const consumer = recorder('all', {});
  (writers.get('w0') as StreamWriter).written = 2;
  const feed = start(consumer);
  await expect.poll(() => consumer.taken, { timeout: 60_000 }).toEqual(['w0 1 A']);
  appendFileSync(
    streamFile(directory, 'w0'),
    `{"stream":"w0","sequence":4,"previous":"","record":${JSON.stringify(someRecord('D'))}}\n`,
  );
  (writers.get('w0') as StreamWriter).written = 4;
  await feed.stop();
  expect(consumer.taken).toEqual(['w0 1 A', 'w0 4 D']);
  expect(logged.join('')).toContain('the audit stream has been changed');
});
