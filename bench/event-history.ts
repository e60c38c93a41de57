import {
  closeSync,
  fdatasyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { type EventIndex, openEventIndex } from '../src/audit/event-index/event-index.ts';
import { fillHoles } from '../src/audit/event-index/fill-holes.ts';
import { type EventQuestion, lookUp } from '../src/audit/event-index/lookup.ts';
import { followStream } from '../src/audit/follow-stream.ts';
import { type ChainLink, chainLine, genesis, linkOf } from '../src/audit/hash-chain.ts';
import type { AuditRecord } from '../src/audit/record.ts';
import { streamFile, streamsOf } from '../src/audit/stream-files.ts';
import { isoSeconds } from '../src/runtime/iso-seconds.ts';
import { systemRandom } from '../src/runtime/random.ts';

/**
 * What the index behind LookupEvents costs, and how long lookups take: over streams of events that are made up here, with the
 * members and the length of real ones.
 *
 *     KEYHOLD_BENCH_EVENTS=10000000 node bench/event-history.ts [DIRECTORY]
 *
 * One event takes some 1.5 KB of the disk. A directory that holds streams already is measured as it is, and stays.
 */

const EVENTS = Number(process.env['KEYHOLD_BENCH_EVENTS'] ?? 1_000_000);
const STREAMS = 2;
const KEYS = 2000;
const USERS = 50;
const DAYS = 80;
const ACCOUNT = '111122223333';
const REGION = 'us-east-1';
const BATCH = 512;
const ROUNDS = 9;

const random = systemRandom();
const nowMs = Date.UTC(2026, 10, 26);
const fromMs = nowMs - DAYS * 86_400_000;

/** What is used most, and the rest ever more seldom. */
const NAMES = ['Encrypt', 'Decrypt', 'GenerateDataKey', 'Decrypt', 'Encrypt', 'Decrypt', 'Sign', 'DescribeKey'];

function eventOf(at: number): object {
  const user = `service-${at % USERS}`;
  const name = at % 100_000 === 77_777 ? 'ScheduleKeyDeletion' : (NAMES[(at * 7 + (at >> 5)) % NAMES.length] as string);
  const key = at === RARE_KEY_AT ? 'rare' : String((at * 2654435761) % KEYS).padStart(8, '0');
  const arn = `arn:aws:kms:${REGION}:${ACCOUNT}:key/${key}-1c3b-4e8f-8f7a-6b5c4d3e2f10`;
  const principalId = `AIDAQ7EXAMPLE${String(at % USERS).padStart(8, '0')}`;
  return {
    eventVersion: '1.11',
    userIdentity: {
      type: 'IAMUser',
      principalId,
      arn: `arn:aws:iam::${ACCOUNT}:user/${user}`,
      accountId: ACCOUNT,
      accessKeyId: `AKIAIOSFODNN7${String(at % USERS).padStart(7, '0')}`,
      userName: user,
    },
    eventTime: isoSeconds(fromMs + (at / EVENTS) * (nowMs - fromMs)),
    eventSource: 'kms.amazonaws.com',
    eventName: name,
    awsRegion: REGION,
    sourceIPAddress: '192.0.2.17',
    userAgent:
      'aws-cli/2.31.2 md/awscrt#0.27.6 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.13.7 cfg/retry-mode#standard',
    requestParameters: {
      keyId: arn,
      encryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      encryptionContext: { tenant: `tenant-${at % 1000}`, purpose: 'orders' },
    },
    responseElements: null,
    additionalEventData: { keyMaterialId: 'f65c77207e845ad3aab4c435acfc290303cada974f4827e2365318f8abffb91a' },
    requestID: random.uuid(),
    eventID: at === RARE_ID_AT ? RARE_ID : random.uuid(),
    readOnly: name !== 'ScheduleKeyDeletion',
    resources: [{ accountId: ACCOUNT, type: 'AWS::KMS::Key', ARN: arn }],
    eventType: 'AwsApiCall',
    managementEvent: true,
    recipientAccountId: ACCOUNT,
    eventCategory: 'Management',
    tlsDetails: {
      tlsVersion: 'TLSv1.3',
      cipherSuite: 'TLS_AES_256_GCM_SHA384',
      clientProvidedHostHeader: 'kms.example.com',
    },
  };
}

const RARE_ID = '5eed5eed-1c3b-4e8f-8f7a-6b5c4d3e2f10';
const RARE_ID_AT = Math.floor(EVENTS * 0.3);
const RARE_KEY_AT = Math.floor(EVENTS * 0.6);
const RARE_KEY = `arn:aws:kms:${REGION}:${ACCOUNT}:key/rare-1c3b-4e8f-8f7a-6b5c4d3e2f10`;

function writeStreams(directory: string): void {
  const streams = Array.from({ length: STREAMS }, (_, at) => {
    const name = `w${at}`;
    return { name, fd: openSync(streamFile(directory, name), 'a'), link: genesis(name) };
  });
  for (let from = 0; from < EVENTS; from += BATCH) {
    const stream = streams[(from / BATCH) % STREAMS] as { name: string; fd: number; link: ChainLink };
    const lines: string[] = [];
    for (let at = from; at < Math.min(from + BATCH, EVENTS); at++) {
      const line = chainLine(stream.name, stream.link, JSON.stringify(eventOf(at)));
      stream.link = linkOf(stream.link, line);
      lines.push(line);
    }
    writeSync(stream.fd, `${lines.join('\n')}\n`);
  }
  for (const { fd } of streams) {
    fdatasyncSync(fd);
    closeSync(fd);
  }
}

interface Reading {
  readonly events: number;
  readonly bytes: number;
  readonly cpuMicros: number;
}

/** As the monitor reads and parses for all that follow the streams, and with nobody who does. */
function readStreams(directory: string): Reading {
  const before = process.cpuUsage();
  let events = 0;
  let bytes = 0;
  let names = 0;
  for (const stream of streamsOf(directory)) {
    const follower = followStream({ directory, stream, written: () => Number.POSITIVE_INFINITY });
    for (let lines = follower.read(); lines.length > 0; lines = follower.read()) {
      for (const { text, length } of lines) {
        names += (JSON.parse(text) as { record: AuditRecord }).record.eventName.length;
        events++;
        bytes += length + 1;
      }
    }
    follower.close();
  }
  if (names === 0) throw new Error('the streams are empty');
  return { events, bytes, cpuMicros: cpuSince(before) / events };
}

function cpuSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function sizeOf(directory: string): number {
  return readdirSync(directory)
    .map((name) => statSync(join(directory, name)))
    .filter((each) => each.isFile())
    .reduce((bytes, { size }) => bytes + size, 0);
}

function heapMiB(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

const everything: EventQuestion = {
  accountId: ACCOUNT,
  region: REGION,
  fromMs: 0,
  toMs: Number.MAX_SAFE_INTEGER,
  limit: 50,
};

function by(
  key: 'EventId' | 'EventName' | 'ResourceName' | 'ReadOnly' | 'Username',
  value: string,
): Partial<EventQuestion> {
  return { attribute: { key, value } };
}

/** Milliseconds of the first page. */
async function timeOf(index: EventIndex, directory: string, question: Partial<EventQuestion>) {
  const times: number[] = [];
  const before = process.cpuUsage();
  let found = 0;
  let isWhole = false;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    const page = await lookUp(index, directory, { ...everything, ...question }, turn);
    times.push(performance.now() - start);
    found = page.records.length;
    isWhole = found === everything.limit || page.before === undefined;
  }
  times.sort((a, b) => a - b);
  return {
    medianMs: times[ROUNDS >> 1] as number,
    cpuMs: cpuSince(before) / 1000 / ROUNDS,
    worstMs: times.at(-1) as number,
    found,
    isWhole,
  };
}

async function main(): Promise<void> {
  const given = process.argv[2];
  const directory = given ?? mkdtempSync(join(tmpdir(), 'keyhold-bench-'));
  mkdirSync(directory, { recursive: true });
  try {
    if (streamsOf(directory).length === 0) writeStreams(directory);
    rmSync(join(directory, 'index'), { recursive: true, force: true });
    const { events, bytes, cpuMicros } = readStreams(directory);
    console.log(`${events} events, ${STREAMS} streams, ${Math.round(bytes / events)} bytes each`);
    console.log(`reading and parsing: ${cpuMicros.toFixed(2)} CPU µs an event`);

    const before = process.cpuUsage();
    const options = { directory, random };
    const first = openEventIndex(options);
    for (const stream of streamsOf(directory)) first.position(stream);
    await fillHoles(first, turn, () => false);
    console.log(`the same, and indexing:  ${(cpuSince(before) / events).toFixed(2)} CPU µs an event`);

    const heapBefore = heapMiB();
    const started = performance.now();
    const index = openEventIndex(options);
    for (const stream of streamsOf(directory)) index.position(stream);
    const openedMs = performance.now() - started;
    const chunks = [...index.streams().values()].reduce((count, each) => count + each.length, 0);
    console.log(
      `${chunks} chunks, ${(sizeOf(join(directory, 'index')) / 2 ** 20).toFixed(1)} MiB on the disk, ` +
        `${(heapMiB() - heapBefore).toFixed(1)} MiB in memory, opened in ${Math.round(openedMs)} ms`,
    );

    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const middle = fromMs + (nowMs - fromMs) / 2;
    const questions: [string, Partial<EventQuestion>][] = [
      ['the newest 50', {}],
      ['a rare EventId', by('EventId', RARE_ID)],
      ['an EventId that is not there', by('EventId', random.uuid())],
      ['a rare ResourceName', by('ResourceName', RARE_KEY)],
      [
        'a ResourceName among many',
        by('ResourceName', `arn:aws:kms:${REGION}:${ACCOUNT}:key/00000007-1c3b-4e8f-8f7a-6b5c4d3e2f10`),
      ],
      ['a frequent EventName', by('EventName', 'Decrypt')],
      ['an EventName of 1 in 100,000', by('EventName', 'ScheduleKeyDeletion')],
      ['ReadOnly=false, 1 in 100,000', by('ReadOnly', 'false')],
      ['nothing: a Username', by('Username', 'nobody')],
      ['another account', { accountId: '444455556666' }],
      ['an hour 40 days ago', { fromMs: middle, toMs: middle + 3_600_000 }],
      ['the oldest: up to the first minute', { toMs: fromMs + 60_000 }],
      ['a Username within an hour', { ...by('Username', 'service-7'), fromMs: middle, toMs: middle + 3_600_000 }],
    ];
    for (const [title, question] of questions) {
      const { medianMs, cpuMs, worstMs, found, isWhole } = await timeOf(index, directory, question);
      const page = `${found} events${isWhole ? '' : ', more to come'}`;
      console.log(
        `  ${title.padEnd(38)} ${medianMs.toFixed(1).padStart(8)} ms  CPU ${cpuMs.toFixed(1).padStart(7)} ms  worst ${worstMs.toFixed(1).padStart(8)} ms  ${page}`,
      );
    }
    console.log(`the thread was kept for at most ${(delay.max / 1e6).toFixed(1)} ms`);
  } finally {
    if (given === undefined) rmSync(directory, { recursive: true, force: true });
  }
}

await main();
