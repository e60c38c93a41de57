import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { driveLoad, type LoadResult } from './driver.ts';
import { processCpuMicros, residentMebibytes } from './process-usage.ts';
import { seedDataDirectory } from './seed.ts';
import { type RunningServer, startBareServer, startKeyhold } from './servers.ts';
import { requestSigner, type Signer } from './sign.ts';
import { checkAnswer, ciphertextOf, type KeySet, type OperationName, operations, requestBody } from './workload.ts';

export interface Plan {
  /** One server for each, with so many keys. */
  readonly keyCounts: readonly number[];
  readonly connections: number;
  /** How long one server is driven before it is another's turn. */
  readonly roundMs: number;
  /** Rounds are gone through again and again until so much time has passed, once at least. */
  readonly measureMs: number;
  /** So long after its start the whole run ends, unless every round has yet to be gone through once. */
  readonly wholeMs: number;
  /** Requests of each operation to each server before any is measured, so that its code is compiled. */
  readonly warmUpRequests: number;
  /** Has the servers write CPU profiles, which makes them slower. */
  readonly profile: boolean;
}

/** What one server did in all rounds of one operation. */
export interface Measurement {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMicrosPerRequest: number;
}

export interface KeyholdMeasurement extends Measurement {
  readonly operation: OperationName;
  /** The bare server, driven with the very same requests in the rounds between. */
  readonly bare: Measurement;
}

export interface ServerReport {
  readonly keys: number;
  readonly operations: readonly KeyholdMeasurement[];
  /** Of the whole process, which is one worker, after all rounds. */
  readonly residentMebibytes: number;
  /** CPU time of an Encrypt whose key is not in memory yet; undefined where there were too few keys to tell. */
  readonly coldCpuMicrosPerRequest: number | undefined;
}

export interface BenchmarkReport {
  readonly plan: Plan;
  readonly servers: readonly ServerReport[];
  /** The files that `profile` asked for. */
  readonly profiles: readonly string[];
}

const REGION = 'us-east-1';
const TIME_LIMIT_MS = 20_000;
const KEEP_ALL = { keepEvery: 1, timeLimitMs: TIME_LIMIT_MS };
/** Every so many answers, one is looked at. */
const KEEP_SOME = { keepEvery: 499, timeLimitMs: TIME_LIMIT_MS };
const MOST_REQUESTS_PER_ROUND = 50_000;
/** How long a server may go on with work that a round has left behind, such as collecting garbage. */
const SETTLE_MS = 15;
/** Fewer keys than this take too little CPU time for its clock. */
const LEAST_COLD_KEYS = 2_000;
const COLD_PASS_STEP = 1_000;

/** Runs the whole benchmark. `tell` gets a line now and then about how far it is. */
export async function runBenchmark(plan: Plan, tell: (line: string) => void): Promise<BenchmarkReport> {
  const startedAt = performance.now();
  const directory = mkdtempSync(join(tmpdir(), 'keyhold-bench-'));
  // Profiles are what `profile` is for, so they outlive the run.
  const profileDirectory = plan.profile ? mkdtempSync(join(tmpdir(), 'keyhold-profile-')) : undefined;
  const nodeFlags =
    profileDirectory === undefined
      ? []
      : ['--cpu-prof', '--cpu-prof-interval=250', `--cpu-prof-dir=${profileDirectory}`];
  const cleanUps: (() => unknown)[] = [() => rmSync(directory, { recursive: true, force: true })];
  let cleaning: Promise<void> | undefined;
  const cleanUp = () => {
    cleaning ??= (async () => {
      // In reverse order: servers before their directory.
      for (const step of cleanUps.reverse()) await step();
    })();
    return cleaning;
  };
  const interrupted = () => void cleanUp().finally(() => process.exit(130));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    const bare = await startBareServer([]);
    cleanUps.push(() => bare.stop());
    const subjects: Subject[] = [];
    for (const keys of plan.keyCounts) {
      tell(`making ${keys} keys`);
      const dataDir = join(directory, String(keys), 'data');
      mkdirSync(dataDir, { recursive: true });
      const { keyIds, ...credentials } = await seedDataDirectory(dataDir, REGION, keys);
      const server = await startKeyhold(dataDir, nodeFlags);
      cleanUps.push(() => server.stop());
      const sign = requestSigner({ ...credentials, region: REGION, host: `127.0.0.1:${server.port}` });
      const subject = newSubject(server, sign, shuffled(keyIds), plan.connections);
      tell(`reading ${keys} keys in`);
      await touchEveryKey(subject);
      subjects.push(subject);
    }

    tell('warming up');
    for (const subject of subjects) await warmUp(subject, bare, plan);
    tell(`measuring for ${Math.round(plan.measureMs / 1000)} seconds`);
    const end = Math.min(performance.now() + plan.measureMs, startedAt + plan.wholeMs);
    const goesOn = (cycle: number) => cycle === 0 || performance.now() < end;
    for (let cycle = 0; goesOn(cycle); cycle++) {
      for (const operation of operations) {
        for (const subject of subjects) if (goesOn(cycle)) await compare(subject, bare, operation, cycle);
      }
    }
    const servers = subjects.map(report);
    // Servers write their profiles when they end.
    await cleanUp();
    return { plan, servers, profiles: profilesIn(profileDirectory) };
  } finally {
    await cleanUp();
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
  }
}

/** A Keyhold server, the keys it has, and what was measured of it. */
interface Subject {
  readonly server: RunningServer;
  readonly connections: number;
  readonly sign: Signer;
  readonly keys: KeySet;
  readonly tallies: ReadonlyMap<OperationName, { readonly keyhold: Tally; readonly bare: Tally }>;
  /** How many requests of each operation make a round. */
  readonly roundRequests: Map<OperationName, number>;
  /** The key that the next request is about: all of them take their turn. */
  nextKey: number;
  coldCpuMicrosPerRequest: number | undefined;
}

function newSubject(server: RunningServer, sign: Signer, keyIds: readonly string[], connections: number): Subject {
  return {
    server,
    connections,
    sign,
    keys: { keyIds, ciphertexts: [] },
    tallies: new Map(operations.map((operation) => [operation, { keyhold: newTally(), bare: newTally() }])),
    roundRequests: new Map(),
    nextKey: 0,
    coldCpuMicrosPerRequest: undefined,
  };
}

/**
 * Encrypts once under every key, so that the server has read them all, and keeps the ciphertexts for Decrypt. What that
 * costs where the key is not in memory yet is told by the second half, for which the server's code is compiled.
 */
async function touchEveryKey(subject: Subject): Promise<void> {
  const { keys, server, connections } = subject;
  const count = keys.keyIds.length;
  const half = Math.ceil(count / 2 / COLD_PASS_STEP) * COLD_PASS_STEP;
  let cpuMicros = 0;
  for (let from = 0; from < count; from += COLD_PASS_STEP) {
    const indices = Array.from({ length: Math.min(COLD_PASS_STEP, count - from) }, (_, offset) => from + offset);
    const requests = signAll(subject, 'Encrypt', indices);
    if (from === half) cpuMicros = -processCpuMicros(server.pid);
    const { kept } = await driveLoad(server.port, requests, { connections, ...KEEP_ALL });
    for (const { index, body } of kept) keys.ciphertexts[from + index] = ciphertextOf(body);
  }
  if (count < LEAST_COLD_KEYS) return;
  subject.coldCpuMicrosPerRequest = (cpuMicros + processCpuMicros(server.pid)) / (count - half);
}

/** Compiles the code of both servers, and finds out how many requests fill a round. */
async function warmUp(subject: Subject, bare: RunningServer, plan: Plan): Promise<void> {
  const options = { connections: plan.connections, ...KEEP_SOME };
  for (const operation of operations) {
    const indices = nextKeys(subject, plan.warmUpRequests);
    const requests = signAll(subject, operation, indices);
    await driveLoad(bare.port, requests, options);
    const { latenciesMs, elapsedMs } = await driveLoad(subject.server.port, requests, options);
    const perRound = Math.round((latenciesMs.length / elapsedMs) * plan.roundMs);
    subject.roundRequests.set(operation, Math.min(Math.max(perRound, plan.connections), MOST_REQUESTS_PER_ROUND));
  }
}

/** One round: both servers get the same requests, and who is first alternates. */
async function compare(subject: Subject, bare: RunningServer, operation: OperationName, cycle: number): Promise<void> {
  const { keyhold, bare: bareTally } = subject.tallies.get(operation) as { keyhold: Tally; bare: Tally };
  const indices = nextKeys(subject, subject.roundRequests.get(operation) as number);
  const requests = signAll(subject, operation, indices);
  const driveBare = async () => {
    const { kept } = await measure(bare, subject.connections, requests, bareTally);
    for (const { index, body } of kept) {
      if (!requests[index]?.toString().endsWith(`\r\n\r\n${body}`)) throw new Error(`the bare server sent ${body}`);
    }
  };
  if (cycle % 2 === 0) await driveBare();
  const { kept } = await measure(subject.server, subject.connections, requests, keyhold);
  if (cycle % 2 === 1) await driveBare();
  const ask = (body: string) => askOnce(subject, body);
  for (const { index, body } of kept) {
    await checkAnswer(operation, subject.keys, indices[index] as number, body, ask);
  }
}

async function measure(
  server: RunningServer,
  connections: number,
  requests: readonly Buffer[],
  tally: Tally,
): Promise<LoadResult> {
  const before = processCpuMicros(server.pid);
  const result = await driveLoad(server.port, requests, { connections, ...KEEP_SOME });
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  tally.cpuMicros += processCpuMicros(server.pid) - before;
  tally.elapsedMs += result.elapsedMs;
  tally.latenciesMs.push(result.latenciesMs);
  return result;
}

async function askOnce(subject: Subject, decryptBody: string): Promise<string> {
  const request = subject.sign('Decrypt', decryptBody, Date.now());
  const { kept } = await driveLoad(subject.server.port, [request], { connections: 1, ...KEEP_ALL });
  return kept[0]?.body ?? '';
}

function signAll(subject: Subject, operation: OperationName, indices: readonly number[]): Buffer[] {
  const nowMs = Date.now();
  return indices.map((index) => subject.sign(operation, requestBody(operation, subject.keys, index), nowMs));
}

/** The keys whose turn it is, by index. */
function nextKeys(subject: Subject, count: number): number[] {
  const first = subject.nextKey;
  const size = subject.keys.keyIds.length;
  subject.nextKey = (first + count) % size;
  return Array.from({ length: count }, (_, offset) => (first + offset) % size);
}

/** In an order that has nothing to do with how the database keeps them (Fisher and Yates). */
function shuffled(keyIds: readonly string[]): string[] {
  const order = [...keyIds];
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [order[last], order[other]] = [order[other] as string, order[last] as string];
  }
  return order;
}

/** Sums over rounds. */
interface Tally {
  cpuMicros: number;
  elapsedMs: number;
  readonly latenciesMs: Float64Array[];
}

function newTally(): Tally {
  return { cpuMicros: 0, elapsedMs: 0, latenciesMs: [] };
}

function report(subject: Subject): ServerReport {
  return {
    keys: subject.keys.keyIds.length,
    operations: [...subject.tallies].map(([operation, { keyhold, bare }]) => ({
      operation,
      ...summary(keyhold),
      bare: summary(bare),
    })),
    residentMebibytes: residentMebibytes(subject.server.pid),
    coldCpuMicrosPerRequest: subject.coldCpuMicrosPerRequest,
  };
}

function summary({ cpuMicros, elapsedMs, latenciesMs }: Tally): Measurement {
  const requests = latenciesMs.reduce((sum, round) => sum + round.length, 0);
  const sorted = new Float64Array(requests);
  let at = 0;
  for (const round of latenciesMs) {
    sorted.set(round, at);
    at += round.length;
  }
  sorted.sort();
  const quantile = (share: number) => sorted[Math.min(Math.floor(requests * share), requests - 1)] ?? 0;
  return {
    requests,
    requestsPerSecond: (requests / elapsedMs) * 1000,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    cpuMicrosPerRequest: cpuMicros / requests,
  };
}

function profilesIn(directory: string | undefined): string[] {
  if (directory === undefined) return [];
  return readdirSync(directory).map((name) => join(directory, name));
}
