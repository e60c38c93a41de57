import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { streamFile } from '../../audit/stream-files.ts';
import { BEGINNING } from '../../audit/stream-position.ts';
import { type StreamWriter, streamWriter } from '../monitor/stream-writer.test-helper.ts';
import { otlpLogs } from './otlp-logs.ts';
import { positionsFile } from './positions.ts';
import { type RunningSink, startSink } from './run-sink.ts';
import { sinkRecord } from './sink-records.test-helper.ts';
import { syslogDatagram } from './syslog-message.ts';
import { ReceiverBusy, type Transport } from './transport.ts';

let directory: string;
let w0: StreamWriter;
let logged: string[];
let counted: Record<'delivered' | 'failed' | 'lost' | 'waiting', number>;
const sinks: RunningSink[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyhold-sink-'));
  w0 = streamWriter(directory, 'w0');
  logged = [];
  counted = { delivered: 0, failed: 0, lost: 0, waiting: 0 };
});

afterEach(async () => {
  for (const sink of sinks.splice(0)) await sink.stop();
  rmSync(directory, { recursive: true });
});

const records = (...names: readonly string[]) => names.map((eventName) => sinkRecord({ eventName }).record);
const positions = () => positionsFile(directory, 'memory');
const kept = () => positions().read()?.get('w0')?.sequence;

/** A receiver in memory, whose faults a test chooses. */
interface Memory extends Transport {
  readonly arrived: string[];
  failure: Error | undefined;
  brokenBy: Error | undefined;
}

function memory(settlesAfterMs = 0): Memory {
  const made: Memory = {
    arrived: [],
    failure: undefined,
    brokenBy: undefined,
    settlesAfterMs,
    async send(each) {
      if (made.failure !== undefined) throw made.failure;
      made.brokenBy = undefined;
      made.arrived.push(...each.map(({ record }) => record.eventName));
      return { refused: 0 };
    },
    broken: () => made.brokenBy,
    async close() {},
  };
  return made;
}

function start(transport: Transport): RunningSink {
  const count = (name: keyof typeof counted) => (amount: number) => {
    counted[name] = name === 'waiting' ? amount : counted[name] + amount;
  };
  const sink = startSink({
    name: 'memory',
    transport,
    positions: positions(),
    directory,
    written: () => w0.written,
    consumed: () => {},
    health: {
      delivered: count('delivered'),
      failed: () => count('failed')(1),
      lost: count('lost'),
      waiting: count('waiting'),
      upToDate: () => {},
    },
    log: pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) }),
  });
  sinks.push(sink);
  return sink;
}

test('a new sink gets what is recorded from its first start on, and one that was stopped goes on where it was', async () => {
  w0.append(...records('A', 'B'));
  const first = memory();
  const sink = start(first);
  w0.append(...records('C'));
  await sink.stop();
  expect(first.arrived).toEqual(['C']);
  w0.append(...records('D'));
  w0.closeFile();
  w0.append(...records('E'));
  const second = memory();
  await start(second).stop();
  expect(second.arrived).toEqual(['D', 'E']);
});

test('more than one batch arrives in its order', async () => {
  const names = Array.from({ length: 3000 }, (_, at) => `E${at}`);
  positions().write(new Map());
  w0.append(...records(...names));
  const transport = memory();
  await start(transport).stop();
  expect(transport.arrived).toEqual(names);
  expect(counted).toMatchObject({ delivered: 3000, failed: 0, lost: 0, waiting: 0 });
});

test('what does not arrive is sent again, and the position stays behind it', async () => {
  const transport = memory();
  transport.failure = new Error('away');
  start(transport);
  w0.append(...records('A', 'B'));
  await expect.poll(() => counted.failed, { timeout: 60_000 }).toBeGreaterThan(2);
  expect(kept()).toBeUndefined();
  expect(counted.waiting).toBe(2);
  transport.failure = undefined;
  await expect.poll(kept, { timeout: 60_000 }).toBe(2);
  expect(transport.arrived).toEqual(['A', 'B']);
  expect(logged.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
    'an audit sink fails; it will be tried again',
    'the audit sink takes records again',
  ]);
});

test('what was sent shortly before a connection broke is sent again, and what was sent long before is not', async () => {
  const transport = memory(2000);
  start(transport);
  w0.append(...records('A'));
  await expect.poll(kept, { timeout: 60_000 }).toBe(1);
  w0.append(...records('B'));
  await expect.poll(() => transport.arrived, { timeout: 60_000 }).toEqual(['A', 'B']);
  transport.brokenBy = new Error('reset');
  await expect.poll(() => transport.arrived, { timeout: 60_000 }).toEqual(['A', 'B', 'B']);
  expect(counted.failed).toBe(1);
});

test('a connection that breaks when all has arrived is no failure', async () => {
  const transport = memory();
  start(transport);
  w0.append(...records('A'));
  await expect.poll(kept, { timeout: 60_000 }).toBe(1);
  transport.brokenBy = new Error('closed');
  w0.append(...records('B'));
  await expect.poll(() => transport.arrived, { timeout: 60_000 }).toEqual(['A', 'B']);
  expect(counted.failed).toBe(0);
});

test('lines that a power cut took from the stream do not hide those that get their numbers', async () => {
  w0.append(...records('A'));
  const { length } = readFileSync(streamFile(directory, 'w0'));
  w0.append(...records('B', 'C'));
  positions().write(new Map([['w0', { sequence: 3, segment: 1, offset: 3 * length }]]));
  truncateSync(streamFile(directory, 'w0'), length);
  const transport = memory();
  const sink = start(transport);
  const [, second, third] = lines('A', 'b', 'c');
  writeFileSync(streamFile(directory, 'w0'), `${second}\n${third}\n`, { flag: 'a' });
  await sink.stop();
  expect(transport.arrived).toEqual(['b', 'c']);
});

/** The lines of a stream of the same name. */
function lines(...names: readonly string[]): string[] {
  const elsewhere = mkdtempSync(join(tmpdir(), 'keyhold-sink-'));
  streamWriter(elsewhere, 'w0').append(...records(...names));
  const text = readFileSync(streamFile(elsewhere, 'w0'), 'utf8');
  rmSync(elsewhere, { recursive: true });
  return text.split('\n');
}

test('records whose file was removed before they were sent, and lines that are none, are counted as lost', async () => {
  positions().write(new Map([['w0', BEGINNING]]));
  w0.append(...records('A', 'B'));
  rmSync(w0.closeFile());
  w0.append(...records('C', 'D', 'E'));
  const path = streamFile(directory, 'w0');
  writeFileSync(path, readFileSync(path, 'utf8').replace('"eventName":"D"', '"eventName":"D'));
  const transport = memory();
  await start(transport).stop();
  expect(transport.arrived).toEqual(['C', 'E']);
  expect(counted).toMatchObject({ delivered: 2, lost: 3, failed: 0 });
  expect(logged.join('')).toContain('"lost":3');
});

test('a record that someone has emptied does not keep those behind it from a receiver', async () => {
  positions().write(new Map([['w0', BEGINNING]]));
  w0.append(...records('A'), {}, { ...records('B')[0], userIdentity: null }, ...records('C'));
  const transport = memory();
  transport.send = async (each) => {
    transport.arrived.push(...each.map((one) => JSON.stringify(otlpLogs([one], { hostname: 'host' }, 0))));
    return { refused: 0 };
  };
  await start(transport).stop();
  expect(transport.arrived.map((text) => /kms\.(\w+)/.exec(text)?.[1])).toEqual(['A', 'C']);
  expect(counted).toMatchObject({ delivered: 2, lost: 2, failed: 0 });
});

test('a receiver that asks for time gets it', async () => {
  const transport = memory();
  transport.failure = new ReceiverBusy('503', 1500);
  start(transport);
  w0.append(...records('A'));
  await expect.poll(() => counted.failed, { timeout: 60_000 }).toBe(1);
  transport.failure = undefined;
  const startMs = performance.now();
  await expect.poll(() => transport.arrived, { timeout: 60_000 }).toEqual(['A']);
  expect(performance.now() - startMs).toBeGreaterThan(1000);
});

test('a stop does not wait for a receiver that hangs', async () => {
  const transport: Transport = {
    ...memory(),
    send: (_, signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
  };
  const sink = start(transport);
  w0.append(...records('A'));
  const startMs = performance.now();
  await sink.stop();
  expect(performance.now() - startMs).toBeLessThan(8000);
  expect(kept()).toBeUndefined();
}, 15_000);

test('a line that somebody wrote into the audit directory does not stop a sink', async () => {
  const { userIdentity: _, ...nobody } = sinkRecord().record;
  positions().write(new Map());
  w0.append(5 as unknown as object, {}, { ...nobody }, { ...sinkRecord().record, eventName: { toString: 1 } });
  w0.append(...records('B'));
  const sender = { hostname: 'here', processId: 1 };
  const transport = memory();
  const formatting: Transport = {
    ...transport,
    send(each, signal) {
      for (const one of each) syslogDatagram(one, sender, 0);
      otlpLogs(each, sender, 0);
      return transport.send(each, signal);
    },
  };
  await start(formatting).stop();
  expect(transport.arrived).toEqual(['B']);
  expect(counted).toMatchObject({ delivered: 1, failed: 0, lost: 4 });
});
