import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AuditTrail } from './audit-trail.ts';
import { type AuditLoss, continuingTrail } from './continuing-trail.ts';
import { type FileTrail, openFileTrail } from './file-trail.ts';
import { streamFile } from './stream-files.ts';
import { verifyAuditDirectory } from './verify.ts';

/** Of a busy machine. */
const PATIENCE = { timeout: 60_000 };

let directory = '';
let path = '';
let nowMs = 0;
let files: FileTrail;
let trail: AuditTrail;
let alarms: AuditLoss[];
let recovered: AuditLoss[];
/** Stands in the place of the file, so that nobody can write, not even root. */
const block = () => mkdirSync(path);
const unblock = () => rmSync(path, { recursive: true });

beforeEach(async () => {
  directory = join(mkdtempSync(join(tmpdir(), 'keyhold-continue-')), 'audit');
  path = streamFile(directory, 'w0');
  nowMs = Date.UTC(2026, 10, 22);
  alarms = [];
  recovered = [];
  // Each write is closed, and the next one needs a new file.
  files = openFileTrail({ directory, stream: 'w0', rotation: { maxBytes: 1, maxAgeMs: Number.POSITIVE_INFINITY } });
  trail = continuingTrail({
    trail: files,
    record: (loss) => files.append(JSON.stringify({ loss })),
    clock: { now: () => nowMs },
    onAlarm: (loss) => alarms.push(loss),
    onRecovered: (loss) => recovered.push(loss),
  });
  await trail.append('{"number":1}');
  await expect.poll(() => files.head().sequence, PATIENCE).toBe(1);
  await expect.poll(() => exists(), PATIENCE).toBe(false);
});
afterEach(async () => {
  await trail.close();
  rmSync(join(directory, '..'), { recursive: true });
});

function exists(): boolean {
  try {
    readFileSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

async function recordsOf(): Promise<unknown[]> {
  const records: unknown[] = [];
  const verdicts = await verifyAuditDirectory(directory, (record) => records.push(record));
  expect(verdicts).toEqual([{ stream: 'w0', records: records.length }]);
  return records;
}

test('goes on without what cannot be written, and says how much is missing before the next record', async () => {
  block();
  const fromMs = nowMs;
  await Promise.all([trail.append('{"lost":1}'), trail.append('{"lost":2}')]);
  nowMs += 5000;
  for (let i = 0; i < 3; i++) await trail.append('{"lost":3}');
  const loss = { records: 5, fromMs, toMs: nowMs };
  unblock();
  nowMs += 1000;
  await Promise.all([trail.append('{"number":2}'), trail.append('{"number":3}')]);
  expect(await recordsOf()).toEqual([{ number: 1 }, { loss }, { number: 2 }, { number: 3 }]);
  expect(recovered).toEqual([loss]);
});

test('raises the alarm at once, then once a minute, and anew the next time', async () => {
  block();
  for (let i = 0; i < 5; i++) await trail.append('{}');
  expect(alarms.map(({ records }) => records)).toEqual([1]);
  nowMs += 60_000;
  for (let i = 0; i < 5; i++) await trail.append('{}');
  expect(alarms.map(({ records }) => records)).toEqual([1, 6]);
  unblock();
  await trail.append('{}');
  await expect.poll(() => exists(), PATIENCE).toBe(false);
  block();
  await trail.append('{}');
  expect(alarms.map(({ records }) => records)).toEqual([1, 6, 1]);
  unblock();
});

test('says so by itself when nobody asks for anything, and at the latest when it is closed', async () => {
  block();
  await trail.append('{}');
  unblock();
  await expect.poll(() => recovered.length, PATIENCE).toBe(1);
  await expect.poll(() => exists(), PATIENCE).toBe(false);
  block();
  await trail.append('{}');
  unblock();
  await trail.close();
  expect(await recordsOf()).toMatchObject([{ number: 1 }, { loss: { records: 1 } }, { loss: { records: 1 } }]);
});

test('a loss that is told while another begins is not counted twice', async () => {
  block();
  await trail.append('{}');
  for (let i = 0; i < 50; i++) await trail.append('{}');
  unblock();
  await trail.append('{"number":2}');
  await trail.append('{"number":3}');
  expect(await recordsOf()).toMatchObject([{ number: 1 }, { loss: { records: 51 } }, { number: 2 }, { number: 3 }]);
});
