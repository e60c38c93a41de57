import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AuditTrail } from './audit-trail.ts';
import { type FileTrail, type FileTrailOptions, openFileTrail } from './file-trail.ts';
import { streamFile } from './stream-files.ts';
import { verifyAuditDirectory } from './verify.ts';

let directory = '';
let path = '';
const open: AuditTrail[] = [];

beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'keyhold-audit-')), 'audit');
  path = streamFile(directory, 'w0');
});
afterEach(async () => {
  for (const trail of open.splice(0)) await trail.close();
  rmSync(join(directory, '..'), { recursive: true });
});

function openTrail(options: Partial<FileTrailOptions> = {}): FileTrail {
  const trail = openFileTrail({ directory, stream: 'w0', ...options });
  open.push(trail);
  return trail;
}

const record = (number: number) => JSON.stringify({ requestID: `request-${number}` });

async function appendAll(trail: AuditTrail, from: number, to: number): Promise<void> {
  for (let number = from; number <= to; number++) await trail.append(record(number));
}

/** The numbers of the records in the file, whose chain must be whole. */
async function verifiedNumbers(): Promise<number[]> {
  const numbers: number[] = [];
  const verdicts = await verifyAuditDirectory(directory, ({ requestID }) => {
    numbers.push(Number(requestID?.replace('request-', '')));
  });
  expect(verdicts).toEqual([{ stream: 'w0', records: numbers.length }]);
  return numbers;
}

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

test('makes the directory and the file for their owner only', () => {
  openTrail();
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('a record is in the file when its append resolves', async () => {
  const trail = openTrail();
  for (const number of upTo(20)) {
    await trail.append(record(number));
    expect(readFileSync(path, 'utf8').trimEnd().split('\n').at(-1)).toContain(`"record":${record(number)}}`);
  }
  expect(await verifiedNumbers()).toEqual(upTo(20));
});

test('all records of one turn of the event loop go out together, in the order in which they came', async () => {
  const trail = openTrail();
  const appended = upTo(500).map((number) => trail.append(record(number)));
  expect(new Set(appended).size).toBe(1);
  await Promise.resolve();
  expect(statSync(path).size).toBe(0);
  await nextTurn();
  expect(await verifiedNumbers()).toEqual(upTo(500));
  await Promise.all(appended);
});

test('records that come while others are written make the next batch', async () => {
  const trail = openTrail();
  const first = trail.append(record(1)).then(() => trail.append(record(2)));
  await first;
  expect(await verifiedNumbers()).toEqual([1, 2]);
});

test('records may be longer than any buffer, and hold any text', async () => {
  const texts = ['\u2028\u2029\u0085', 'é'.repeat(200_000), '\u{1f511}'.repeat(100_000), '\0\n\r\ud800', ''];
  const trail = openTrail();
  await Promise.all(texts.map((text) => trail.append(JSON.stringify({ text }))));
  await trail.close();
  const again = openTrail();
  await again.append(JSON.stringify({ text: 'after' }));
  const found: unknown[] = [];
  expect(await verifyAuditDirectory(directory, (each) => found.push(each))).toEqual([{ stream: 'w0', records: 6 }]);
  expect(found).toEqual([...texts, 'after'].map((text) => ({ text })));
});

test('tells how far it is on the disk when it is opened, after a sync, and at close, and never further', async () => {
  const first = openTrail();
  await appendAll(first, 1, 2);
  await first.close();
  const synced: number[] = [];
  const trail = openTrail({ onSynced: ({ sequence }) => synced.push(sequence) });
  expect(synced).toEqual([2]);
  await appendAll(trail, 3, 5);
  expect(trail.head().sequence).toBe(5);
  expect(synced).toEqual([2]);
  await expect.poll(() => synced, { timeout: 5000 }).toEqual([2, 5]);
  await appendAll(trail, 6, 7);
  await trail.close();
  expect(synced).toEqual([2, 5, 7]);
});

describe('closing', () => {
  test('writes what is waiting', async () => {
    const trail = openTrail();
    const waiting = upTo(10).map((number) => trail.append(record(number)));
    await trail.close();
    await Promise.all(waiting);
    expect(await verifiedNumbers()).toEqual(upTo(10));
  });

  test('is the end: later records are refused, and closing again does nothing', async () => {
    const trail = openTrail();
    await trail.close();
    await expect(trail.append(record(1))).rejects.toMatchObject({ code: 'AuditUnavailable' });
    await trail.close();
    expect(await verifiedNumbers()).toEqual([]);
  });
});

describe('opening a stream again', () => {
  test('goes on with its chain', async () => {
    for (const [from, to] of [
      [1, 3],
      [4, 4],
      [5, 9],
    ] as const) {
      const trail = openTrail();
      await appendAll(trail, from, to);
      await trail.close();
    }
    expect(await verifiedNumbers()).toEqual(upTo(9));
  });

  test('cuts off what a crash left of a line, wherever it was torn, and says so', async () => {
    const trail = openTrail();
    await appendAll(trail, 1, 3);
    await trail.close();
    const whole = readFileSync(path);
    const lastLine = whole.lastIndexOf('\n', -2) + 1;
    for (let size = lastLine; size < whole.length; size++) {
      writeFileSync(path, whole.subarray(0, size));
      const torn: [string, number][] = [];
      const reopened = openTrail({ onTornTail: (...what) => torn.push(what) });
      expect(torn).toEqual(size === lastLine ? [] : [[path, size - lastLine]]);
      await reopened.append(record(3));
      await reopened.close();
      expect(readFileSync(path).equals(whole)).toBe(true);
    }
  });

  test('begins anew when not even the first line is whole', async () => {
    const trail = openTrail();
    await appendAll(trail, 1, 1);
    await trail.close();
    truncateSync(path, 10);
    const torn: [string, number][] = [];
    await openTrail({ onTornTail: (...what) => torn.push(what) }).append(record(1));
    expect(torn).toEqual([[path, 10]]);
    expect(await verifiedNumbers()).toEqual([1]);
  });

  test('takes zeros at the end, as a file system may leave them after a power cut, for a torn line', async () => {
    const trail = openTrail();
    await appendAll(trail, 1, 2);
    await trail.close();
    appendFileSync(path, Buffer.alloc(100_000));
    await openTrail().append(record(3));
    expect(await verifiedNumbers()).toEqual([1, 2, 3]);
  });

  test.each(['garbage', 'null', '[]', '{}', '{"stream":"w1","sequence":1}', '{"stream":"w0","sequence":0}'])(
    'is refused when its last line is %s, and leaves it there',
    async (line) => {
      const trail = openTrail();
      await appendAll(trail, 1, 1);
      await trail.close();
      appendFileSync(path, `${line}\n`);
      const before = readFileSync(path);
      expect(() => openTrail()).toThrow(expect.objectContaining({ code: 'AuditUnavailable' }));
      expect(readFileSync(path).equals(before)).toBe(true);
    },
  );
});

test('cannot be opened where its directory is a file', () => {
  writeFileSync(directory, '');
  expect(() => openTrail()).toThrow(
    expect.objectContaining({ code: 'AuditUnavailable', message: expect.stringContaining(directory) }),
  );
});

const prlimitIsHere = spawnSync('prlimit', ['--version']).status === 0;

/** Lets this process write files up to so many bytes and no further: what exceeds it fails half-way, as on a full disk. */
function limitFileSize(bytes: number | 'unlimited'): void {
  const limited = spawnSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:`]);
  if (limited.status !== 0) throw new Error(`prlimit: ${limited.stderr}`);
}

describe.skipIf(!prlimitIsHere)('a write that fails (skipped where there is no prlimit command)', () => {
  afterEach(() => limitFileSize('unlimited'));

  test('fails the appends of its batch, is cut off again, and the chain goes on from before it', async () => {
    const trail = openTrail();
    await appendAll(trail, 1, 3);
    const before = readFileSync(path);
    // Room for some whole lines of the batch, and a part of another.
    limitFileSize(before.length + 1000);
    const batch = upTo(100).map((number) => trail.append(record(100 + number)));
    const outcomes = await Promise.allSettled(batch);
    const during = readFileSync(path);
    const alone = await trail.append(`{"text":"${'x'.repeat(2000)}"}`).catch((error: unknown) => error);
    limitFileSize('unlimited');

    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { code: 'AuditUnavailable', cause: { code: 'EFBIG' } },
      });
    }
    expect(during.equals(before)).toBe(true);
    expect(alone).toMatchObject({ code: 'AuditUnavailable' });
    expect(readFileSync(path).equals(before)).toBe(true);

    await appendAll(trail, 4, 6);
    expect(await verifiedNumbers()).toEqual(upTo(6));
  });

  test('on closing fails what was waiting, and the file still closes', async () => {
    const trail = openTrail();
    await appendAll(trail, 1, 1);
    limitFileSize(statSync(path).size + 10);
    const waiting = trail.append(record(2));
    const outcome = await Promise.allSettled([waiting, trail.close()]);
    limitFileSize('unlimited');
    expect(outcome).toMatchObject([{ status: 'rejected' }, { status: 'fulfilled' }]);
    expect(await verifiedNumbers()).toEqual([1]);
  });
});
