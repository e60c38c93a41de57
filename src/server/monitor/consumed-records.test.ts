import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openFileTrail } from '../../audit/file-trail.ts';
import { BEGINNING } from '../../audit/stream-position.ts';
import { startRecordFeed } from './follow-records.ts';
import type { RecordConsumer } from './record-consumer.ts';
import { someRecord } from './stream-writer.test-helper.ts';

/** What the feed tells of how far its consumers are, which retention waits for. */

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyhold-consumed-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

async function write(records: number): Promise<void> {
  const trail = openFileTrail({ directory, stream: 'w0' });
  for (let i = 0; i < records; i++) await trail.append(JSON.stringify(someRecord('A')));
  await trail.close();
}

function consumer(name: string, flush: () => void): RecordConsumer {
  return { name, position: () => BEGINNING, take: () => {}, flush };
}

async function consumedBy(consumers: readonly RecordConsumer[]): Promise<number | undefined> {
  let told: number | undefined;
  const feed = startRecordFeed({
    directory,
    consumers,
    written: () => Number.POSITIVE_INFINITY,
    consumed: (_, sequence) => {
      told = sequence;
    },
    log: pino({ level: 'silent' }),
  });
  await feed.stop();
  return told;
}

test('is what all of them have flushed', async () => {
  await write(5);
  expect(await consumedBy([consumer('a', () => {}), consumer('b', () => {})])).toBe(5);
});

test('is not what one of them could not flush', async () => {
  await write(5);
  const failing = consumer('b', () => {
    throw new Error('no');
  });
  expect(await consumedBy([consumer('a', () => {}), failing])).toBe(0);
});

test('is all there is where nobody consumes anything', async () => {
  await write(5);
  expect(await consumedBy([])).toBe(5);
});
