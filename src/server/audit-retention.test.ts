import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openFileTrail } from '../audit/file-trail.ts';
import { HEADS_STREAM } from '../audit/signed-heads.ts';
import { closedFile, streamFile } from '../audit/stream-files.ts';
import { headOnDisk } from '../audit/stream-tail.ts';
import { systemRandom } from '../runtime/random.ts';
import { proveAuditOf } from './audit-proof.ts';
import { expiredFiles } from './audit-retention.ts';
import { type AuditSigning, startAuditSigning } from './audit-signing.ts';
import { type Prepared, prepareDataDirectory } from './data-directory.ts';

const DAY_MS = 24 * 3600 * 1000;
const START_MS = Date.UTC(2026, 0, 1);
const NEVER = Number.POSITIVE_INFINITY;
const KEPT_DAYS = 30;
/** Of a busy machine. */
const PATIENCE = { timeout: 60_000 };

let root = '';
let audit = '';
let nowMs = 0;
let prepared: Prepared;
let signing: AuditSigning | undefined;
const logged: { msg: string; level: number }[] = [];
const log = pino({ base: {} }, { write: (line) => logged.push(JSON.parse(line)) });
const clock = { now: () => nowMs };

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'keyhold-retention-'));
  nowMs = START_MS;
  logged.length = 0;
  const options = { path: join(root, 'data'), sandbox: false, region: 'us-east-1', clock, random: systemRandom() };
  prepared = await prepareDataDirectory(options);
  audit = prepared.directory.audit;
});
afterEach(async () => {
  await signing?.stop({ clean: true });
  signing = undefined;
  prepared.release();
  rmSync(root, { recursive: true });
});

/** A file for each day, with two records of that day. The last one is appended to. */
async function write(stream: string, days: readonly number[]): Promise<void> {
  for (const day of days) {
    const rotation = { maxBytes: 1, maxAgeMs: NEVER };
    await openFileTrail({ directory: audit, stream, rotation }).close();
    const trail = openFileTrail({ directory: audit, stream });
    const eventTime = new Date(START_MS + day * DAY_MS).toISOString();
    for (let i = 0; i < 2; i++) await trail.append(JSON.stringify({ eventTime, number: i }));
    await trail.close();
  }
}

async function startSigning(rotation = { maxBytes: NEVER, maxAgeMs: NEVER }): Promise<AuditSigning> {
  signing = await startAuditSigning({
    directory: prepared.directory,
    intervalSeconds: 0.02,
    rotation,
    workers: 1,
    retentionDays: KEPT_DAYS,
    clock,
    random: systemRandom(),
    log,
  });
  return signing;
}

const filesOf = (stream: string) =>
  readdirSync(audit)
    .filter((name) => name.startsWith(`${stream}.`))
    .sort();
const prove = () =>
  proveAuditOf({ dataDir: join(root, 'data'), json: true }, systemRandom(), () => {}).then(({ streams, problems }) => ({
    streams,
    problems,
  }));

/** Until it has been looked for old files since this was called: that comes between one signature and the next. */
async function aRound(): Promise<void> {
  for (let signature = 0; signature < 2; signature++) {
    const { sequence } = headOnDisk(audit, HEADS_STREAM);
    await write('seed', [1000]);
    await expect.poll(() => headOnDisk(audit, HEADS_STREAM).sequence, PATIENCE).toBeGreaterThan(sequence);
  }
}

const FIVE_DAYS = [0, 1, 2, 3, 4];

test('files whose newest record is too old are removed once the monitor is done with them, and the rest is proved', async () => {
  await write('w0', FIVE_DAYS);
  await write('w1', FIVE_DAYS);
  const { consumed } = await startSigning();
  nowMs = START_MS + (2 + KEPT_DAYS) * DAY_MS + 1;
  consumed.set('w0', 10);
  consumed.set('w1', 3);
  await expect.poll(() => filesOf('w0'), PATIENCE).toHaveLength(2);
  expect(filesOf('w0')).toEqual(['w0.000000000007.jsonl', 'w0.jsonl']);
  await expect.poll(() => filesOf('w1'), PATIENCE).toHaveLength(4);
  expect(await prove()).toEqual({
    streams: [
      { stream: 'w0', records: 10, signed: 10, removed: 6 },
      { stream: 'w1', records: 10, signed: 10, removed: 2 },
    ],
    problems: [],
  });
  consumed.set('w1', 4);
  await expect.poll(() => filesOf('w1'), PATIENCE).toHaveLength(3);
  expect((await prove()).problems).toEqual([]);
});

test('whoever follows the trail and lags for a week beyond the time holds nothing up any longer', async () => {
  await write('w0', FIVE_DAYS);
  await startSigning();
  nowMs = START_MS + (KEPT_DAYS + 7) * DAY_MS;
  await aRound();
  expect(filesOf('w0')).toHaveLength(5);
  nowMs += 1;
  await expect.poll(() => filesOf('w0'), PATIENCE).toHaveLength(4);
  expect(logged.map(({ msg }) => msg)).toContainEqual(expect.stringContaining('not everyone who follows the trail'));
  expect((await prove()).problems).toEqual([]);
});

test('the file that holds the newest line is kept, however old, and the chain goes on from there', async () => {
  await write('w0', [0, 1]);
  await openFileTrail({ directory: audit, stream: 'w0', rotation: { maxBytes: 1, maxAgeMs: NEVER } }).close();
  rmSync(streamFile(audit, 'w0'), { force: true });
  const head = headOnDisk(audit, 'w0');
  const { consumed } = await startSigning();
  consumed.set('w0', 4);
  nowMs = START_MS + 1000 * DAY_MS;
  await expect.poll(() => filesOf('w0'), PATIENCE).toEqual(['w0.000000000003.jsonl']);
  const trail = openFileTrail({ directory: audit, stream: 'w0' });
  expect(trail.head()).toEqual(head);
  await trail.append(JSON.stringify({ eventTime: new Date(nowMs).toISOString() }));
  await trail.close();
  await expect.poll(() => filesOf('w0'), PATIENCE).toEqual(['w0.jsonl']);
  expect((await prove()).problems).toEqual([]);
});

test('files of streams that no worker holds are closed when they are old, so that they can be removed; others are not', async () => {
  await write('w0', [0]);
  await write('cli', [0]);
  nowMs = Date.now() + DAY_MS;
  await startSigning({ maxBytes: NEVER, maxAgeMs: 3600_000 });
  await expect.poll(() => filesOf('cli'), PATIENCE).toEqual(['cli.000000000001.jsonl']);
  await aRound();
  expect(filesOf('w0')).toEqual(['w0.jsonl']);
});

describe('a file is kept', () => {
  const misfits: string[] = [];
  const expired = () => {
    const retention = { directory: audit, keepMs: KEPT_DAYS * DAY_MS, consumed: new Map([['w0', 99]]) };
    return expiredFiles(retention, START_MS + 1000 * DAY_MS, (path) => misfits.push(path)).paths.map((path) =>
      path.slice(audit.length + 1),
    );
  };

  test('that was made to look old, or does not lead to the next one', async () => {
    await write('w0', [2000, 2001, 2002]);
    const path = closedFile(audit, 'w0', 1);
    const whole = readFileSync(path, 'utf8');
    expect(expired()).toEqual([]);
    writeFileSync(path, whole.replaceAll(/"eventTime":"[^"]+"/g, '"eventTime":"1999-01-01T00:00:00.000Z"'));
    expect(expired()).toEqual([]);
    expect(misfits).toEqual([path]);
  });

  test('that says of no time, or holds no line', async () => {
    await write('w0', [0, 1, 2]);
    const path = closedFile(audit, 'w0', 1);
    expect(expired()).toEqual(['w0.000000000001.jsonl', 'w0.000000000003.jsonl']);
    const whole = readFileSync(path, 'utf8');
    writeFileSync(path, whole.replaceAll('eventTime', 'eventTune'));
    expect(expired()).toEqual([]);
    writeFileSync(path, '');
    expect(expired()).toEqual([]);
    expect(existsSync(path)).toBe(true);
  });
});

test('what signed heads allow and a crash has left is removed by the next server', async () => {
  await write('w0', FIVE_DAYS);
  const left = readFileSync(closedFile(audit, 'w0', 1));
  nowMs = START_MS + (1 + KEPT_DAYS) * DAY_MS + 1;
  const first = await startSigning();
  first.consumed.set('w0', 10);
  await expect.poll(() => filesOf('w0'), PATIENCE).toHaveLength(3);
  await first.stop({ clean: false });
  writeFileSync(closedFile(audit, 'w0', 1), left);
  // The second file is gone, so this one leads to no other and is left for people to look at.
  expect((await prove()).problems).toEqual([]);
  const second = await startSigning();
  second.consumed.set('w0', 10);
  await expect
    .poll(() => logged.map(({ msg }) => msg), PATIENCE)
    .toContainEqual(expect.stringContaining('kept beyond its time, for it was changed'));
  expect((await prove()).problems).toEqual([]);
});
