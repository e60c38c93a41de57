import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { chainLine, genesis, linkOf } from '../../../audit/hash-chain.ts';
import { streamFile } from '../../../audit/stream-files.ts';
import { auditEvent } from '../../../monitoring/event.test-helper.ts';
import type { FollowedRecord } from '../record-consumer.ts';
import { metricCounter } from './metric-counter.ts';
import { type MetricDatabase, openMetricDatabase } from './metric-database.ts';
import { recordMetrics } from './record-metrics.ts';

const RECORDS = 12;
const log = pino({ level: 'silent' });
const clock = { now: () => Date.UTC(2026, 10, 22, 10, 31) };
const hour = {
  metric: {
    accountId: '111122223333',
    region: 'us-east-1',
    namespace: 'Keyhold/Audit',
    name: 'KeysDisabled',
    dimensions: [],
  },
  fromMs: Date.UTC(2026, 10, 22, 10),
  toMs: Date.UTC(2026, 10, 22, 11),
  periodSeconds: 3600,
};

let directory: string;
const databases: MetricDatabase[] = [];

beforeEach(() => {
  // Written is when a test says so.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  directory = mkdtempSync(join(tmpdir(), 'keyhold-counted-'));
});
afterEach(() => {
  for (const each of databases.splice(0)) each.close();
  vi.useRealTimers();
  rmSync(directory, { recursive: true });
});

/** A stream of records of which three are of one minute: what is counted by the second is over before what is by the minute. */
function newStream(): FollowedRecord[] {
  let link = genesis('w0');
  return Array.from({ length: RECORDS }, (_, index) => {
    const eventTime = new Date(hour.fromMs + index * 20_000).toISOString().replace('.000', '');
    const record = { ...auditEvent('kms', 'DisableKey'), eventTime };
    const text = chainLine('w0', link, JSON.stringify(record));
    appendFileSync(streamFile(directory, 'w0'), `${text}\n`);
    link = linkOf(link, text);
    return { stream: 'w0', sequence: index + 1, segment: 1, offset: 0, length: text.length, text, record };
  });
}

/** A monitor's consumer, as at its start, and what it has. What the one before had in memory is gone, as after a kill. */
function newMonitor(path: string, mostWaiting: number) {
  const database = openMetricDatabase({ path, clock, log, mostWaiting });
  databases.push(database);
  const counter = metricCounter({ metrics: database, onTooMany: () => undefined });
  const consumer = recordMetrics(counter, database, directory);
  return { database, consumer, next: consumer.position?.('w0')?.sequence ?? 0 };
}

test('each record counts once, whenever metrics are written and wherever the process is killed', () => {
  const records = newStream();
  const steps = fc.array(fc.constantFrom('take', 'take', 'take', 'put', 'write', 'kill'), { maxLength: 40 });
  let run = 0;
  fc.assert(
    fc.property(steps, fc.constantFrom(0, 0.5, 1, 1.5, 1000), (chosen, mostWaiting) => {
      const path = join(directory, `metrics-${++run}.db`);
      let monitor = newMonitor(path, mostWaiting);
      for (const step of chosen) {
        if (step === 'kill') monitor = newMonitor(path, mostWaiting);
        else if (step === 'write') monitor.database.flush();
        else if (step === 'put') monitor.database.record(someData(10));
        else if (monitor.next < RECORDS) monitor.consumer.take(records[monitor.next++] as FollowedRecord);
      }
      monitor = newMonitor(path, mostWaiting);
      for (const record of records.slice(monitor.next)) monitor.consumer.take(record);
      monitor.database.flush();
      expect(monitor.database.periods(hour).map(({ sum }) => sum)).toEqual([RECORDS]);
      for (const each of databases.splice(0)) each.close();
    }),
    { numRuns: 150 },
  );
});

/** What callers put, so much that it is written before its time. */
function someData(metrics: number) {
  return Array.from({ length: metrics }, (_, index) => ({
    metric: { ...hour.metric, namespace: 'App', name: `m${index}` },
    timeMs: hour.fromMs,
    unit: 'None',
    observed: [[1, 1]] as const,
  }));
}

test('how far it was counted is written also where nothing of it makes a metric', () => {
  const [record] = newStream();
  const { recipientAccountId: _, ...ofNobody } = auditEvent('kms', 'Decrypt', { errorCode: 'AccessDenied' });
  const path = join(directory, 'metrics.db');
  const monitor = newMonitor(path, 1000);
  monitor.consumer.take({ ...(record as FollowedRecord), record: ofNobody });
  monitor.consumer.flush?.();
  expect(newMonitor(path, 1000).next).toBe(1);
});
