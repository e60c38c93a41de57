import { mkdtempSync, rmSync } from 'node:fs';
import type * as FileSystem from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type StreamWriter, someRecord, streamWriter } from '../stream-writer.test-helper.ts';
import { readStreams } from './read-streams.ts';

const synced = vi.hoisted((): string[] => []);

/** The same, with a note of what was synced. */
vi.mock('node:fs/promises', async (importOriginal) => {
  const original = await importOriginal<typeof FileSystem>();
  const open = async (path: string, ...more: []) => {
    const file = await original.open(path, ...more);
    const [sync, datasync] = [file.sync.bind(file), file.datasync.bind(file)];
    const noted = (work: () => Promise<void>) => async () => {
      await work();
      synced.push(path);
    };
    return Object.assign(file, { sync: noted(sync), datasync: noted(datasync) });
  };
  return { ...original, open };
});

let directory: string;
let w0: StreamWriter;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyhold-streams-'));
  w0 = streamWriter(directory, 'w0');
  synced.length = 0;
});
afterEach(() => rmSync(directory, { recursive: true }));

async function read(written = (_: string) => w0.written): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const { records } of readStreams(directory, {}, written)) {
    found.push(...records.map(({ record }) => record.eventName));
    // What is written while it is read comes the next time.
    w0.append(someRecord('late'));
  }
  return found;
}

test('what is given is on the disk, under its name, lest a power cut have another record get its number', async () => {
  w0.append(someRecord('a'));
  w0.closeFile();
  w0.append(someRecord('b'));
  expect(await read()).toEqual(['a', 'b']);
  expect(synced.map((path) => basename(path))).toEqual(['w0.jsonl', basename(directory)]);
});

test('a stream that nobody tells of is read to where it ended at first', async () => {
  w0.append(someRecord('a'), someRecord('b'));
  expect(await read(() => Number.POSITIVE_INFINITY)).toEqual(['a', 'b']);
});

test('a stream whose file has just been closed is read', async () => {
  w0.append(someRecord('a'));
  w0.closeFile();
  expect(await read()).toEqual(['a']);
});
