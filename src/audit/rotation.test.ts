import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Rotation } from './active-file.ts';
import { type FileTrail, type FileTrailOptions, openFileTrail } from './file-trail.ts';
import { closedFile, streamFile } from './stream-files.ts';
import { headOnDisk } from './stream-tail.ts';
import { verifyAuditDirectory } from './verify.ts';

/** How a stream goes from file to file. */

const NEVER = Number.POSITIVE_INFINITY;
const bySize = (maxBytes: number): Rotation => ({ maxBytes, maxAgeMs: NEVER });
const byAge = (maxAgeMs: number): Rotation => ({ maxBytes: NEVER, maxAgeMs });
/** Of a busy machine. */
const PATIENCE = { timeout: 60_000 };
const HOUR_MS = 3_600_000;

let directory = '';
let path = '';
let nowMs = 0;
const open: FileTrail[] = [];
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'keyhold-rotation-')), 'audit');
  path = streamFile(directory, 'w0');
  nowMs = Date.now();
});
afterEach(async () => {
  for (const trail of open.splice(0)) await trail.close();
  rmSync(join(directory, '..'), { recursive: true });
});

function openTrail(options: Partial<FileTrailOptions> = {}): FileTrail {
  const trail = openFileTrail({ directory, stream: 'w0', clock: { now: () => nowMs }, ...options });
  open.push(trail);
  return trail;
}

async function appendAll(trail: FileTrail, from: number, to: number): Promise<void> {
  for (let number = from; number <= to; number++) await trail.append(JSON.stringify({ requestID: String(number) }));
}

/** The numbers of the records in all files, whose chain must be whole. */
async function verifiedNumbers(): Promise<number[]> {
  const numbers: number[] = [];
  const verdicts = await verifyAuditDirectory(directory, ({ requestID }) => numbers.push(Number(requestID)));
  expect(verdicts).toEqual([{ stream: 'w0', records: numbers.length }]);
  return numbers;
}

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);
const closedFiles = () =>
  readdirSync(directory)
    .filter((name) => name !== 'w0.jsonl')
    .sort();

/** As a worker has it whose file is closed just now: no file that is appended to. */
async function threeRecordsInAClosedFile(): Promise<void> {
  const trail = openTrail();
  await appendAll(trail, 1, 3);
  await trail.close();
  renameSync(path, closedFile(directory, 'w0', 1));
}

test('a file that has become large is closed and called after its first line, and the chain goes on in another', async () => {
  const trail = openTrail({ rotation: bySize(500) });
  let written = 0;
  while (closedFiles().length < 3) {
    await appendAll(trail, written + 1, written + 1);
    written++;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await appendAll(trail, written + 1, written + 1);
  expect(await verifiedNumbers()).toEqual(upTo(written + 1));
  for (const name of closedFiles()) {
    const file = join(directory, name);
    const [first = ''] = readFileSync(file, 'utf8').split('\n');
    expect(name).toBe(`w0.${String((JSON.parse(first) as { sequence: number }).sequence).padStart(12, '0')}.jsonl`);
    expect(statSync(file).size).toBeGreaterThanOrEqual(500);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  }
  expect(headOnDisk(directory, 'w0')).toEqual(trail.head());
});

test('a file that has become old is closed, also when nothing is written any more; an empty one is not', async () => {
  const trail = openTrail({ rotation: byAge(HOUR_MS) });
  nowMs += 2 * HOUR_MS;
  await appendAll(trail, 1, 2);
  expect(closedFiles()).toEqual([]);
  nowMs += 2 * HOUR_MS;
  await expect.poll(closedFiles, PATIENCE).toEqual(['w0.000000000001.jsonl']);
  expect(existsSync(path)).toBe(false);
  expect(headOnDisk(directory, 'w0')).toEqual(trail.head());
  nowMs += 2 * HOUR_MS;
  await appendAll(trail, 3, 3);
  expect(closedFiles()).toEqual(['w0.000000000001.jsonl']);
  expect(await verifiedNumbers()).toEqual([1, 2, 3]);
});

test('what is due when a stream is opened is closed then', async () => {
  const first = openTrail();
  await appendAll(first, 1, 2);
  await first.close();
  nowMs += 2 * HOUR_MS;
  const synced: number[] = [];
  const trail = openTrail({ rotation: byAge(HOUR_MS), onSynced: ({ sequence }) => synced.push(sequence) });
  expect(closedFiles()).toEqual(['w0.000000000001.jsonl']);
  expect(synced).toEqual([2]);
  await appendAll(trail, 3, 3);
  expect(await verifiedNumbers()).toEqual([1, 2, 3]);
});

describe('a crash', () => {
  test.each([
    ['between the closing of a file and the beginning of the next', () => {}],
    ['before the first line of the new file', () => writeFileSync(path, '')],
    ['in the first line of the new file', () => writeFileSync(path, '{"stream":"w0","sequ')],
  ])('%s is recovered from', async (_, crash) => {
    await threeRecordsInAClosedFile();
    const head = headOnDisk(directory, 'w0');
    expect(head.sequence).toBe(3);
    crash();
    expect(headOnDisk(directory, 'w0')).toEqual(head);
    const trail = openTrail();
    expect(trail.head()).toEqual(head);
    await appendAll(trail, 4, 5);
    expect(await verifiedNumbers()).toEqual(upTo(5));
  });
});

test('a closed file is never replaced: its successor is written to as before, and that is told', async () => {
  const failures: unknown[] = [];
  const trail = openTrail({ rotation: bySize(500), onRotationFailure: (_, cause) => failures.push(cause) });
  await appendAll(trail, 1, 1);
  writeFileSync(closedFile(directory, 'w0', 1), 'of someone else');
  await appendAll(trail, 2, 20);
  await expect.poll(() => failures.length, PATIENCE).toBe(1);
  await appendAll(trail, 21, 40);
  expect(failures).toEqual([expect.objectContaining({ message: expect.stringContaining('w0.000000000001.jsonl') })]);
  expect(readFileSync(closedFile(directory, 'w0', 1), 'utf8')).toBe('of someone else');
  rmSync(closedFile(directory, 'w0', 1));
  nowMs += 60_000;
  await appendAll(trail, 41, 41);
  await expect.poll(closedFiles, PATIENCE).toEqual(['w0.000000000001.jsonl']);
  await appendAll(trail, 42, 42);
  expect(await verifiedNumbers()).toEqual(upTo(42));
});

test('what somebody puts in the place of the file is not closed as ours', async () => {
  const failures: unknown[] = [];
  const trail = openTrail({ rotation: bySize(500), onRotationFailure: (_, cause) => failures.push(cause) });
  await appendAll(trail, 1, 1);
  rmSync(path);
  writeFileSync(path, 'of someone else');
  await appendAll(trail, 2, 20);
  await expect.poll(() => failures.length, PATIENCE).toBe(1);
  expect(closedFiles()).toEqual([]);
});

test('as long as no new file can be begun, appends fail; then the chain goes on', async () => {
  const trail = openTrail({ rotation: bySize(500) });
  // In one write, so that nothing comes while the file is closed.
  await Promise.all(upTo(10).map((number) => trail.append(JSON.stringify({ requestID: String(number) }))));
  await expect.poll(closedFiles, PATIENCE).toHaveLength(1);
  // What a directory is in the place of, nobody can open, not even root.
  const last = trail.head().sequence;
  expect(existsSync(path)).toBe(false);
  mkdirSync(path);
  for (let i = 0; i < 3; i++) {
    await expect(trail.append('{}')).rejects.toMatchObject({ code: 'AuditUnavailable' });
  }
  rmSync(path, { recursive: true });
  await appendAll(trail, last + 1, last + 3);
  expect(await verifiedNumbers()).toEqual(upTo(last + 3));
});

test('a closed file that was cut off is gone on from, and verification tells', async () => {
  await threeRecordsInAClosedFile();
  const closed = closedFile(directory, 'w0', 1);
  truncateSync(closed, statSync(closed).size - 10);
  const trail = openTrail();
  expect(trail.head().sequence).toBe(2);
  await appendAll(trail, 3, 3);
  expect(await verifyAuditDirectory(directory)).toMatchObject([
    { problem: { line: 3, what: expect.stringContaining('ends without a line feed in a closed file') } },
  ]);
});

test.skipIf(process.getuid?.() === 0)('a directory that cannot be written to (skipped for root, who can)', async () => {
  const failures: unknown[] = [];
  const trail = openTrail({ rotation: bySize(500), onRotationFailure: (_, cause) => failures.push(cause) });
  await appendAll(trail, 1, 2);
  chmodSync(directory, 0o500);
  try {
    await appendAll(trail, 3, 20);
    await expect.poll(() => failures.length, PATIENCE).toBe(1);
  } finally {
    chmodSync(directory, 0o700);
  }
  expect(await verifiedNumbers()).toEqual(upTo(20));
});
