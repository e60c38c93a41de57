import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { chainLine, genesis, linkOf } from '../../../audit/hash-chain.ts';
import type { AuditRecord } from '../../../audit/record.ts';
import { streamFile } from '../../../audit/stream-files.ts';
import type { StreamPosition } from '../../../audit/stream-position.ts';
import { counted } from '../../../monitoring/counted.ts';
import { auditEvent, keyResource } from '../../../monitoring/event.test-helper.ts';
import type { MetricDatum } from '../../../monitoring/metric.ts';
import { startRecordFeed } from '../follow-records.ts';
import type { RecordConsumer } from '../record-consumer.ts';
import { metricCounter } from './metric-counter.ts';
import { recordMetrics } from './record-metrics.ts';

let directory: string;
/** What a database would keep of the streams. */
let kept: Map<string, StreamPosition>;
let link = genesis('w0');
let recorded: MetricDatum[];
let refused: { accountId: string; metric?: string }[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyhold-metrics-'));
  kept = new Map();
  link = genesis('w0');
  recorded = [];
  refused = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

function append(...records: readonly AuditRecord[]): void {
  for (const record of records) {
    const line = chainLine('w0', link, JSON.stringify(record));
    appendFileSync(streamFile(directory, 'w0'), `${line}\n`);
    link = linkOf(link, line);
  }
}

function newCounter(mostScopes?: number) {
  return metricCounter({
    metrics: { record: (data) => recorded.push(...data) },
    onTooMany: (what) => refused.push(what),
    ...(mostScopes === undefined ? {} : { mostScopes }),
  });
}

function newConsumer(): RecordConsumer {
  let handOver = () => new Map() as ReadonlyMap<string, StreamPosition>;
  const metrics = {
    position: (stream: string) => kept.get(stream),
    follow: (source: typeof handOver) => {
      handOver = source;
    },
    flush() {
      for (const [stream, position] of handOver()) kept.set(stream, position);
    },
  };
  return recordMetrics(newCounter(), metrics, directory);
}

/** Follows what is there to its end, as the monitor does from its start to its stop. */
async function follow(): Promise<void> {
  const feed = startRecordFeed({
    directory,
    consumers: [newConsumer()],
    written: () => link.sequence,
    log: pino({ level: 'silent' }),
  });
  await feed.stop();
}

/** How often each was counted: `Name{values}`, at its time. */
function sums(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { metric, timeMs, observed } of recorded) {
    const values = metric.dimensions.map(({ value }) => value).join();
    const name = `${new Date(timeMs).toISOString().slice(14, 19)} ${metric.name}{${values}}`;
    for (const [value, count] of observed as [number, number][]) counts[name] = (counts[name] ?? 0) + value * count;
  }
  return counts;
}

const at = (second: number, record: AuditRecord): AuditRecord => ({
  ...record,
  eventTime: `2026-11-22T10:30:${String(second).padStart(2, '0')}Z`,
});
const disable = auditEvent('kms', 'DisableKey');
const encrypt = auditEvent('kms', 'Encrypt', { readOnly: true, resources: [keyResource()] });

test('records are counted in their second, and uses of keys in their minute', async () => {
  append(at(1, disable), at(1, disable), at(2, disable), at(2, encrypt), at(59, encrypt));
  kept.set('w0', { sequence: 0, segment: 1, offset: 0 });
  await follow();
  expect(sums()).toEqual({
    '30:01 KeysDisabled{}': 2,
    '30:02 KeysDisabled{}': 1,
    '30:00 CallCount{None,DisableKey,KMS,API}': 3,
    '30:00 CallCount{None,CryptographicOperationsSymmetric,KMS,API}': 2,
    [`30:00 SuccessfulRequest{${keyResource().ARN},Encrypt}`]: 2,
  });
  expect(recorded.find(({ metric }) => metric.name === 'KeysDisabled')).toEqual({
    metric: {
      accountId: '111122223333',
      region: 'us-east-1',
      namespace: 'Keyhold/Audit',
      name: 'KeysDisabled',
      dimensions: [],
    },
    timeMs: Date.UTC(2026, 10, 22, 10, 30, 1),
    unit: 'Count',
    observed: [[1, 2]],
  });
});

test('each record is counted once, however often the monitor is started', async () => {
  append(at(1, disable));
  kept.set('w0', { sequence: 0, segment: 1, offset: 0 });
  await follow();
  append(at(2, disable), at(3, disable));
  await follow();
  await follow();
  expect(Object.entries(sums()).filter(([name]) => name.includes('KeysDisabled'))).toEqual([
    ['30:01 KeysDisabled{}', 1],
    ['30:02 KeysDisabled{}', 1],
    ['30:03 KeysDisabled{}', 1],
  ]);
});

test('a stream that was begun anew is followed from now on, and not only when it is as long as it was', () => {
  append(at(1, disable));
  for (const segment of [900, 1]) {
    kept.set('w0', { sequence: 1000, segment, offset: 5000 });
    expect(newConsumer().position?.('w0')).toEqual({ sequence: 1, segment: 0, offset: 0 });
  }
  kept.clear();
  expect(newConsumer().position?.('w0')).toBeUndefined();
});

test('a stream that comes into being is counted from its beginning, however late it is noticed', async () => {
  const consumers = [newConsumer()];
  append(at(1, disable), at(2, disable));
  const log = pino({ level: 'silent' });
  await startRecordFeed({ directory, consumers, written: () => link.sequence, log }).stop();
  expect(Object.keys(sums()).filter((name) => name.includes('KeysDisabled'))).toHaveLength(2);
});

test('what belongs to no account is in nobody’s metrics', async () => {
  const { recipientAccountId: _, ...unknown } = auditEvent('kms', 'Decrypt', { errorCode: 'AccessDenied' });
  append(unknown);
  kept.set('w0', { sequence: 0, segment: 1, offset: 0 });
  await follow();
  expect(recorded).toEqual([]);
});

test('an account has only so many series by principal, and all of its attempts without them', () => {
  const counter = newCounter();
  const metrics = [
    { namespace: 'Keyhold/Audit', name: 'All', unit: 'Count', dimensions: [], resolutionMs: 1000 },
    {
      namespace: 'Keyhold/Audit',
      name: 'By',
      unit: 'Count',
      dimensions: ['Principal'],
      resolutionMs: 1000,
      mostSeries: 3,
    },
  ] as const;
  for (const round of [1, 2]) {
    for (let principal = 0; principal < 10; principal++) {
      const both = [counted(metrics[0]), counted(metrics[1], `p${principal}`)];
      counter.count('111122223333', `region-${round}`, 5000, both);
      counter.count('444455556666', 'us-east-1', 5000, both.slice(0, principal < 2 ? 2 : 1));
    }
  }
  counter.flush();
  const ofAccount = (accountId: string) => recorded.filter(({ metric }) => metric.accountId === accountId);
  expect(ofAccount('111122223333').filter(({ metric }) => metric.name === 'By')).toHaveLength(3);
  expect(ofAccount('444455556666').filter(({ metric }) => metric.name === 'By')).toHaveLength(2);
  const all = ofAccount('111122223333').filter(({ metric }) => metric.name === 'All');
  expect(all.map(({ observed }) => observed)).toEqual([[[1, 10]], [[1, 10]]]);
  expect(refused).toEqual([{ accountId: '111122223333', metric: 'By' }]);
});

test('there are only so many accounts and Regions', () => {
  const counter = newCounter(2);
  const once = [counted({ namespace: 'N', name: 'M', unit: 'Count', dimensions: [], resolutionMs: 1000 })];
  for (let account = 0; account < 5; account++) counter.count(String(account), 'us-east-1', 0, once);
  counter.flush();
  expect(recorded).toHaveLength(2);
  expect(refused).toEqual([{ accountId: '2' }]);
  counter.flush();
  expect(recorded).toHaveLength(2);
});

test('whoever asks in Regions that they make up keeps no attempts in others from being counted', () => {
  const counter = newCounter();
  const once = [counted({ namespace: 'N', name: 'M', unit: 'Count', dimensions: [], resolutionMs: 1000 })];
  for (let region = 0; region < 6000; region++) counter.count('444455556666', `made-up-${region}`, 0, once);
  counter.count('111122223333', 'us-east-1', 0, once);
  counter.count('444455556666', 'eu-west-1', 0, once);
  counter.flush();
  expect(recorded.filter(({ metric }) => metric.accountId === '444455556666')).toHaveLength(101);
  expect(recorded.filter(({ metric }) => metric.accountId === '111122223333')).toHaveLength(1);
  expect(refused).toEqual([{ accountId: '444455556666' }]);
});
