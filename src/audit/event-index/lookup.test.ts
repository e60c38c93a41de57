import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { seededRandom } from '../../runtime/random.test-helper.ts';
import { type EventAttribute, eventAttributes, hasAttribute } from '../event-attributes.ts';
import type { AuditRecord, AuditResource } from '../record.ts';
import { segmentsOf } from '../stream-files.ts';
import { type EventIndex, openEventIndex } from './event-index.ts';
import { fillHoles } from './fill-holes.ts';
import { type EventQuestion, type LookupBounds, lookUp, USUAL_BOUNDS } from './lookup.ts';
import {
  ACCOUNTS,
  allRecords,
  catchUp,
  REGIONS,
  recordOf,
  type SampleEvent,
  START_MS,
  sampleStream,
} from './streams.test-helper.ts';

let directory: string;
let rebuilt: string[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyhold-index-'));
  rebuilt = [];
});

afterEach(() => rmSync(directory, { recursive: true }));

function open(): EventIndex {
  const onRebuild = (stream: string) => void rebuilt.push(stream);
  return openEventIndex({ directory, random: seededRandom('index'), onRebuild });
}

/** As after a start of the monitor. */
async function opened(): Promise<EventIndex> {
  const index = open();
  catchUp(index, directory);
  await fillHoles(index, turn, () => false);
  return index;
}

const everything = {
  accountId: ACCOUNTS[0],
  region: REGIONS[0],
  fromMs: 0,
  toMs: Number.MAX_SAFE_INTEGER,
  limit: 50,
} satisfies EventQuestion;

/** All pages, each of them within the limit. */
async function all(index: EventIndex, question: Partial<EventQuestion> = {}, bounds = USUAL_BOUNDS): Promise<string[]> {
  const asked: EventQuestion = { ...everything, ...question };
  const found: string[] = [];
  for (let before: EventQuestion['before']; ; ) {
    const page = await lookUp(index, directory, before === undefined ? asked : { ...asked, before }, turn, bounds);
    expect(page.records.length).toBeLessThanOrEqual(asked.limit);
    found.push(...page.records);
    if (page.before === undefined) return found;
    expect(page.before).not.toEqual(before);
    // As a token brings it back.
    before = JSON.parse(JSON.stringify(page.before));
  }
}

/** What an index must find, by reading everything. */
function naive({ accountId, region, attribute, fromMs, toMs }: EventQuestion): string[] {
  return allRecords(directory)
    .filter(({ record }) => {
      const timeMs = Date.parse(record.eventTime);
      return (
        record.recipientAccountId === accountId &&
        record.awsRegion === region &&
        timeMs >= fromMs &&
        timeMs <= toMs &&
        (attribute === undefined || hasAttribute(record, attribute.key, attribute.value))
      );
    })
    .map(({ json }) => json);
}

function timesOf(records: readonly string[]): number[] {
  return records.map((json) => Date.parse((JSON.parse(json) as AuditRecord).eventTime));
}

/** Enough for several chunks. */
function fill(stream: string, count: number, event: (at: number) => SampleEvent): AuditRecord[] {
  const records = Array.from({ length: count }, (_, at) => recordOf({ timeMs: START_MS + at * 1000, ...event(at) }));
  sampleStream(directory, stream).write(...records);
  return records;
}

function indexFiles(): string[] {
  return readdirSync(join(directory, 'index'))
    .sort()
    .map((name) => join(directory, 'index', name));
}

describe('what is found', () => {
  test('is what reading everything finds, whoever asks for what, in pages of whatever size', async () => {
    const event = fc.record({
      accountId: fc.constantFrom(...ACCOUNTS),
      region: fc.constantFrom(...REGIONS),
      eventName: fc.constantFrom('Encrypt', 'Decrypt', 'CreateKey'),
      userName: fc.constantFrom('alice', 'bob', 'true', 'a'),
      keyId: fc.constantFrom('k1', 'k2', 'é"\\'),
      readOnly: fc.boolean(),
    });
    const attribute = fc.option(
      fc.record({
        key: fc.constantFrom(...eventAttributes),
        value: fc.constantFrom(
          ...['Encrypt', 'CreateKey', 'true', 'false', 'alice', 'a', 'AKIABOB', 'AWS::KMS::Key', 'kms.amazonaws.com'],
          ...['arn:aws:kms:us-east-1:111122223333:key/k2', 'arn:aws:kms:us-east-1:111122223333:key/é"\\', 'nothing'],
        ),
      }),
      { nil: undefined },
    );
    const question = fc.record({
      accountId: fc.constantFrom(...ACCOUNTS),
      region: fc.constantFrom(...REGIONS),
      attribute,
      fromMs: fc.constantFrom(0, START_MS + 20_000),
      toMs: fc.constantFrom(Number.MAX_SAFE_INTEGER, START_MS + 100_000),
      limit: fc.constantFrom(1, 7, 50),
    });
    const streams = fc.array(fc.array(event, { maxLength: 60 }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(streams, fc.array(question, { minLength: 1, maxLength: 8 }), async (events, questions) => {
        rmSync(directory, { recursive: true });
        directory = mkdtempSync(join(tmpdir(), 'keyhold-index-'));
        events.forEach((each, at) => {
          const stream = sampleStream(directory, `w${at}`);
          each.forEach((sample, second) => {
            stream.write(recordOf({ ...sample, timeMs: START_MS + second * 2000 }));
            if (second % 17 === 16) stream.closeFile();
          });
        });
        const index = open();
        catchUp(index, directory);
        for (const asked of questions) {
          const { attribute: wanted, ...rest } = asked;
          const exact: EventQuestion = wanted === undefined ? rest : { ...rest, attribute: wanted };
          const found = await all(index, exact);
          expect([...found].sort()).toEqual(naive(exact).sort());
          expect(timesOf(found)).toEqual([...timesOf(found)].sort((a, b) => b - a));
        }
      }),
      { numRuns: 40 },
    );
  });

  test('is found in many chunks of several streams, the newest first, once each', async () => {
    fill('w0', 3000, (at) => ({ userName: at % 300 === 0 ? 'rare' : 'alice' }));
    fill('w1', 2500, (at) => ({ timeMs: START_MS + at * 1200, userName: at % 400 === 0 ? 'rare' : 'bob' }));
    const index = await opened();
    for (const attribute of [
      { key: 'Username', value: 'rare' },
      { key: 'EventName', value: 'Encrypt' },
      undefined,
    ] as const) {
      const question = { ...everything, ...(attribute === undefined ? {} : { attribute }) };
      const found = await all(index, question);
      expect(found.length).toBeGreaterThan(10);
      expect([...found].sort()).toEqual(naive(question).sort());
      expect(timesOf(found)).toEqual([...timesOf(found)].sort((a, b) => b - a));
    }
  });

  test.each(eventAttributes)('each attribute finds its events: %s', async (key: EventAttribute) => {
    const records = fill('w0', 2100, (at) => ({ userName: at === 5 ? 'bob' : 'alice', keyId: at === 5 ? 'k2' : 'k1' }));
    const index = await opened();
    const { userIdentity, eventID, resources } = records[5] as AuditRecord;
    const values: Record<EventAttribute, string> = {
      EventId: eventID,
      EventName: 'Encrypt',
      ReadOnly: 'true',
      Username: 'bob',
      ResourceType: 'AWS::KMS::Key',
      ResourceName: (resources as AuditResource[])[0]?.ARN ?? '',
      EventSource: 'kms.amazonaws.com',
      AccessKeyId: userIdentity.accessKeyId ?? '',
    };
    const found = await all(index, { attribute: { key, value: values[key] } });
    expect(found).toContain(JSON.stringify(records[5]));
    expect(found).toHaveLength(['EventId', 'Username', 'ResourceName', 'AccessKeyId'].includes(key) ? 1 : 2100);
    expect(await all(index, { attribute: { key, value: 'nothing' } })).toEqual([]);
  });

  test('has no data events, though the streams have', async () => {
    const about = { userName: 'alice', keyId: 'k1' };
    fill('w0', 10, () => about);
    const stream = sampleStream(directory, 'w1');
    const data = { managementEvent: false, eventCategory: 'Data', eventName: 'PutMetricData' } as const;
    stream.write({ ...recordOf(about), ...data, resources: [{ type: 'AWS::CloudWatch::Metric' }] });
    stream.write({ ...recordOf(about), eventName: 'Decrypt' });
    const index = await opened();
    expect(await all(index)).toHaveLength(11);
    expect(await all(index, { attribute: { key: 'EventName', value: 'PutMetricData' } })).toEqual([]);
    expect(await all(index, { attribute: { key: 'EventName', value: 'Decrypt' } })).toHaveLength(1);
  });

  test('is nothing of another account or Region, whatever positions someone makes up', async () => {
    fill('w0', 1500, (at) => ({ accountId: ACCOUNTS[at % 2] ?? '', region: REGIONS[at % 3 === 0 ? 1 : 0] }));
    const index = await opened();
    for (const before of [{ w0: 9999 }, { w0: 700.5 }, { w0: -1 }, { w0: 1e300 }, { w9: 5 }, {}]) {
      const page = await lookUp(index, directory, { ...everything, before }, turn);
      for (const json of page.records) {
        expect(JSON.parse(json)).toMatchObject({ recipientAccountId: ACCOUNTS[0], awsRegion: REGIONS[0] });
      }
    }
  });

  test('goes on, too, in a stream that the first page did not come to', async () => {
    fill('w0', 60, (at) => ({ timeMs: START_MS + 100_000 + at * 1000 }));
    fill('w1', 60, () => ({}));
    const index = await opened();
    const first = await lookUp(index, directory, everything, turn);
    expect(first.before).toEqual({ w0: 11, w1: 61 });
    expect(await all(index)).toHaveLength(120);
  });

  test('does not change from page to page while events are added', async () => {
    const stream = sampleStream(directory, 'w0');
    const records = Array.from({ length: 120 }, (_, at) => recordOf({ timeMs: START_MS + at * 1000 }));
    stream.write(...records);
    const index = open();
    catchUp(index, directory);
    const first = await lookUp(index, directory, everything, turn);
    stream.write(recordOf({ timeMs: START_MS + 500_000 }));
    sampleStream(directory, 'w1').write(recordOf({ timeMs: START_MS + 500_000 }));
    catchUp(index, directory);
    const second = await lookUp(index, directory, { ...everything, before: first.before ?? {} }, turn);
    const newestFirst = [...records].reverse().map((record) => JSON.stringify(record));
    expect([...first.records, ...second.records]).toEqual(newestFirst.slice(0, 100));
  });
});

describe('the work of a question', () => {
  test('is bounded: what was not reached is on a later page', async () => {
    fill('w0', 6000, (at) => ({ userName: at % 1500 === 0 ? 'rare' : 'alice' }));
    const index = await opened();
    const bounds: LookupBounds = { ...USUAL_BOUNDS, bytes: 8 * 1024 };
    const question = { ...everything, attribute: { key: 'Username', value: 'rare' } } as const;
    const first = await lookUp(index, directory, question, turn, bounds);
    expect(first.records.length).toBeLessThan(4);
    expect(first.before).toBeDefined();
    expect(await all(index, question, bounds)).toEqual(naive(question).reverse());
  });

  test('lets the thread do other things', async () => {
    fill('w0', 5000, () => ({}));
    const index = await opened();
    let pauses = 0;
    const pause = async () => {
      pauses++;
    };
    const attribute = { key: 'ResourceType', value: 'AWS::KMS::Key' } as const;
    const question = { ...everything, attribute, limit: 5000 };
    await lookUp(index, directory, question, pause, { ...USUAL_BOUNDS, turnMs: 0 });
    expect(pauses).toBeGreaterThan(5);
  });

  test('is looking at hashes, and reading no chunk, where nothing is to be found', async () => {
    fill('w0', 4100, () => ({}));
    const index = await opened();
    // Chunks that are read would be missed.
    for (const { path } of segmentsOf(directory, 'w0')) truncateSync(path, 0);
    const closed = index.streams().get('w0') ?? [];
    expect(closed.filter(({ place }) => place !== undefined)).toHaveLength(4);
    const page = await lookUp(
      index,
      directory,
      { ...everything, attribute: { key: 'Username', value: 'nobody' } },
      turn,
    );
    expect(page).toEqual({ records: [] });
  });
});

/** As somebody could who can write into the audit directory (docs/formats/audit-index.md). */
function forge(path: string): void {
  const bytes = readFileSync(path);
  const [entry, sum] = [36, 36 + 52];
  const end = sum + 4 + 4 * bytes.readUInt32LE(entry + 4);
  bytes.writeDoubleLE(Number.NaN, entry + 8);
  bytes.writeUInt32LE(crc32(bytes.subarray(sum + 4, end), crc32(bytes.subarray(entry, sum))), sum);
  writeFileSync(path, bytes);
}

describe('the index', () => {
  const question = { ...everything, attribute: { key: 'Username', value: 'rare' } } as const;

  function someStream(): void {
    const stream = sampleStream(directory, 'w0');
    for (let file = 0; file < 3; file++) {
      const records = Array.from({ length: 2500 }, (_, at) =>
        recordOf({ timeMs: START_MS + (file * 2500 + at) * 1000, userName: at % 700 === 0 ? 'rare' : 'alice' }),
      );
      stream.write(...records);
      if (file < 2) stream.closeFile();
    }
  }

  test('is as before after a restart, and reads nothing again but the end', async () => {
    someStream();
    await opened();
    const sizes = indexFiles().map((path) => readFileSync(path).length);
    expect(sizes).toHaveLength(3);
    const again = open();
    expect(again.position('w0').sequence).toBe(5000 + 2048);
    expect(again.nextHole()).toBeUndefined();
    catchUp(again, directory);
    expect(await all(again, question)).toEqual(naive(question).reverse());
    expect(indexFiles().map((path) => readFileSync(path).length)).toEqual(sizes);
    expect(rebuilt).toEqual([]);
  });

  test('takes a record twice', async () => {
    fill('w0', 1100, () => ({}));
    const index = await opened();
    catchUp(index, directory);
    expect(await all(index)).toHaveLength(1100);
  });

  test.each<[string, (paths: string[]) => void]>([
    ['is gone', (paths) => paths.forEach((path) => void rmSync(path))],
    ['lacks its first file', ([first = '']) => rmSync(first)],
    ['lacks its middle file', ([, middle = '']) => rmSync(middle)],
    ['lacks its last file', (paths) => rmSync(paths.at(-1) ?? '')],
    ['ends in the middle of an entry', (paths) => paths.forEach((path) => void truncateSync(path, 3000))],
    ['is empty', (paths) => paths.forEach((path) => void truncateSync(path, 0))],
    ['has something behind its end', (paths) => paths.forEach((path) => void appendFileSync(path, 'KHNC rubbish'))],
    ['was forged to say, with a right checksum, that a chunk is nowhere', (paths) => paths.forEach(forge)],
    ['was overwritten', (paths) => paths.forEach((path) => void writeFileSync(path, Buffer.alloc(9000, 0x41)))],
  ])('is made whole again if it %s', async (_, damage) => {
    someStream();
    await opened();
    damage(indexFiles());
    expect(await all(await opened(), question)).toEqual(naive(question).reverse());
    // And stays so.
    const again = open();
    expect(again.position('w0').sequence).toBeGreaterThanOrEqual(5000);
    catchUp(again, directory);
    expect(again.nextHole()).toBeUndefined();
    expect(await all(again, question)).toEqual(naive(question).reverse());
  });

  test('finds everything after any byte of it was changed', async () => {
    someStream();
    await opened();
    const [path = ''] = indexFiles();
    const whole = readFileSync(path);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const damaged = Buffer.from(whole);
        damaged[at] = (damaged[at] as number) ^ change;
        writeFileSync(path, damaged);
        expect(await all(await opened(), question)).toEqual(naive(question).reverse());
      }),
      { numRuns: 8 },
    );
  });

  test('of another stream of the same name is not believed', async () => {
    fill('w0', 2500, () => ({ userName: 'alice' }));
    await opened();
    rmSync(segmentsOf(directory, 'w0')[0]?.path ?? '');
    fill('w0', 2500, (at) => ({ userName: at === 3 ? 'rare' : 'somebody-with-a-longer-name' }));
    expect(await all(await opened(), question)).toEqual(naive(question));
    expect(naive(question)).toHaveLength(1);
  });

  test('does not believe in what a power cut took from the stream', async () => {
    someStream();
    await opened();
    const { path } = segmentsOf(directory, 'w0').at(-1) as { path: string };
    const lines = readFileSync(path, 'utf8').split('\n').slice(0, 1500);
    writeFileSync(path, `${lines.join('\n')}\n`);
    const index = open();
    expect(index.position('w0').sequence).toBe(5000 + 1024);
    catchUp(index, directory);
    expect(await all(index, question)).toEqual(naive(question).reverse());
  });

  test('passes over lines that are no records, and finds what comes behind them', async () => {
    const stream = sampleStream(directory, 'w0');
    stream.write(recordOf({ userName: 'rare' }));
    appendFileSync(join(directory, 'w0.jsonl'), 'no record\n{"stream":"w0","sequence":2,"record":{}}\n');
    stream.write(...Array.from({ length: 1100 }, () => recordOf({ userName: 'rare' })));
    expect((await all(await opened(), question)).length).toBeGreaterThanOrEqual(1100);
  });

  test('finds nothing more of files that were removed, and everything else', async () => {
    someStream();
    const index = await opened();
    rmSync(segmentsOf(directory, 'w0')[0]?.path ?? '');
    expect(await all(index, question)).toEqual(naive(question).reverse());
    const again = await opened();
    expect(await all(again, question)).toEqual(naive(question).reverse());
  });

  test('goes with the files that it is of, once they are gone for good', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      someStream();
      const index = await opened();
      const [oldest, ...others] = indexFiles();
      rmSync(segmentsOf(directory, 'w0')[0]?.path ?? '');
      for (const left of [3, 2]) {
        vi.advanceTimersByTime(61_000);
        index.flush();
        expect(indexFiles()).toHaveLength(left);
      }
      expect(indexFiles()).toEqual(others);
      expect(oldest).toContain('w0.000000000001.idx');
      expect(index.streams().get('w0')?.[0]?.firstSequence).toBe(2501);
      expect(await all(index, question)).toEqual(naive(question).reverse());
    } finally {
      vi.useRealTimers();
    }
  });

  test('keeps what it cannot write, and writes it when it can', async () => {
    const stream = sampleStream(directory, 'w0');
    const index = open();
    catchUp(index, directory);
    const home = join(directory, 'index');
    writeFileSync(home, 'in the way');
    stream.write(...Array.from({ length: 1500 }, (_, at) => recordOf({ userName: at === 9 ? 'rare' : 'alice' })));
    expect(() => catchUp(index, directory)).toThrow('EEXIST');
    expect(await all(index, question)).toEqual(naive(question));
    rmSync(home);
    index.flush();
    expect(indexFiles()).toHaveLength(1);
    expect(await all(index, question)).toEqual(naive(question));
    const again = open();
    expect(again.position('w0').sequence).toBe(1024);
  });

  test('finds the events of a file while that is being closed', async () => {
    const stream = sampleStream(directory, 'w0');
    stream.write(...Array.from({ length: 1500 }, () => recordOf({ userName: 'rare' })));
    const index = await opened();
    stream.closeFile();
    expect(await all(index, question)).toHaveLength(1500);
    stream.write(recordOf({ userName: 'rare' }));
    expect(await all(index, question)).toHaveLength(1500);
  });
});
