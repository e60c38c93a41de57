import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeySpec } from '../src/crypto/key-specs.ts';
import { type AuditingMeasurement, type AuditingPlan, measureAuditing } from './auditing.ts';
import { type Contention, type ContentionPlan, measureContention } from './contention.ts';
import { driveLoad, type LoadResult } from './driver.ts';
import { type GrantsMeasurement, type GrantsPlan, measureGrants } from './grants.ts';
import {
  type IdentityPoliciesMeasurement,
  type IdentityPoliciesPlan,
  measureIdentityPolicies,
} from './identity-policies.ts';
import { type LatencySummary, summarizeLatencies } from './latencies.ts';
import { measurePrimitive, type PrimitiveTally } from './primitive.ts';
import { processCpuMicros, residentMebibytes } from './process-usage.ts';
import { seedDataDirectory, type WantedKeys } from './seed.ts';
import { type RunningServer, startBareServer, startKeyhold } from './servers.ts';
import { requestSigner } from './sign.ts';
import { ask, KEEP_ALL, keysOf, newSubject, nextKeys, type Subject, signAll } from './subject.ts';
import { checkAnswer, encrypt, type KeyUnderTest, type Workload } from './workload.ts';

export interface Plan {
  readonly workloads: readonly Workload[];
  /** One server for each, with so many symmetric keys. */
  readonly keyCounts: readonly number[];
  readonly connections: number;
  /** How long one server is driven before it is another's turn. */
  readonly roundMs: number;
  /** Rounds are gone through again and again until so much time has passed, once at least. */
  readonly measureMs: number;
  /** So long after its start the rounds end, unless every one has yet to be gone through once. */
  readonly wholeMs: number;
  /** Requests of each operation to each server before any is measured, so that its code is compiled. */
  readonly warmUpRequests: number;
  /** The longest that one server is warmed up with one operation. */
  readonly warmUpMs: number;
  /** Of the first server, after all rounds. */
  readonly contention: ContentionPlan | undefined;
  readonly grants: GrantsPlan | undefined;
  readonly identityPolicies: IdentityPoliciesPlan | undefined;
  readonly auditing: AuditingPlan | undefined;
  /** Has the servers write CPU profiles, which makes them slower. */
  readonly profile: boolean;
}

/** What one server did in all rounds of one operation. */
export interface Measurement extends LatencySummary {
  readonly requestsPerSecond: number;
  readonly cpuMicrosPerRequest: number;
}

export interface KeyholdMeasurement extends Measurement {
  /** The workload's. */
  readonly name: string;
  /** The bare server, driven with the very same requests in the rounds between. */
  readonly bare: Measurement;
  /** What the workload's primitive costs alone; undefined where none is declared. */
  readonly primitiveCpuMicros: number | undefined;
}

export interface ServerReport {
  readonly keys: number;
  readonly measurements: readonly KeyholdMeasurement[];
  /** Of the whole process, which is one worker, after all rounds. */
  readonly residentMebibytes: number;
  /** CPU time of an Encrypt whose key is not in memory yet; undefined where there were too few keys to tell. */
  readonly coldCpuMicrosPerRequest: number | undefined;
}

export interface BenchmarkReport {
  readonly plan: Plan;
  readonly servers: readonly ServerReport[];
  readonly contention: Contention | undefined;
  readonly grants: readonly GrantsMeasurement[];
  readonly identityPolicies: IdentityPoliciesMeasurement | undefined;
  readonly auditing: AuditingMeasurement | undefined;
  /** The files that `profile` asked for. */
  readonly profiles: readonly string[];
}

const REGION = 'us-east-1';
/** Of each spec that has not as many as the plan says. */
const FEW_KEYS = 4;
/** Every so many answers, one is looked at. */
const KEEP_SOME = { keepEvery: 499, timeLimitMs: 20_000 };
const MOST_REQUESTS_PER_ROUND = 50_000;
/** How long a server may go on with work that a round has left behind, such as collecting garbage. */
const SETTLE_MS = 15;
/** Of slow operations a round is short, and the bare server would spend much of it accepting connections. */
const LEAST_BARE_REQUESTS = 2_000;
const PRIMITIVE_CPU_MICROS_PER_ROUND = 20_000;
/** Of fewer keys, too many are read in while the server's code is still being compiled. */
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
    const subjects: ServerUnderTest[] = [];
    for (const keys of plan.keyCounts) {
      const workloads = plan.workloads.filter((workload) => workload.onEveryServer || subjects.length === 0);
      if (workloads.length === 0) continue;
      tell(`making ${keys} keys`);
      const dataDir = join(directory, String(keys), 'data');
      mkdirSync(dataDir, { recursive: true });
      const { keyIds, ...credentials } = await seedDataDirectory(dataDir, REGION, wantedKeys(workloads, keys));
      const server = await startKeyhold(dataDir, nodeFlags);
      cleanUps.push(() => server.stop());
      const sign = requestSigner({ ...credentials, region: REGION, host: `127.0.0.1:${server.port}` });
      const subject = newSubject(server, sign, keyIds);
      tell(`reading ${keys} keys in`);
      const coldCpuMicrosPerRequest = await touchEveryKey(subject, encrypt, plan);
      for (const workload of workloads) {
        if (workload !== encrypt && workload.makes !== undefined) await touchEveryKey(subject, workload, plan);
      }
      const trials = workloads.map((workload) => newTrial(subject, workload));
      subjects.push({ keys, subject, trials, coldCpuMicrosPerRequest });
    }

    tell('warming up');
    const trials = plan.workloads.flatMap((workload) =>
      subjects.flatMap((subject) => subject.trials.filter((trial) => trial.workload === workload)),
    );
    for (const trial of trials) await warmUp(trial, bare, plan);
    tell(`measuring for ${Math.round(plan.measureMs / 1000)} seconds`);
    const end = Math.min(performance.now() + plan.measureMs, startedAt + plan.wholeMs);
    const goesOn = (cycle: number) => cycle === 0 || performance.now() < end;
    for (let cycle = 0; goesOn(cycle); cycle++) {
      for (const trial of trials) if (goesOn(cycle)) await compare(trial, bare, cycle, plan);
    }
    const servers = subjects.map(report);
    const [first] = subjects;
    let contention: Contention | undefined;
    if (plan.contention !== undefined && first !== undefined) {
      tell('encrypting while RSA keys are made');
      contention = await measureContention(first.subject, plan.connections, plan.contention);
    }
    if (plan.grants !== undefined) tell('deciding by grants');
    const grants = plan.grants === undefined ? [] : await measureGrants(join(directory, 'grants'), plan.grants);
    if (plan.identityPolicies !== undefined) tell('deciding by identity policies');
    const identityPolicies =
      plan.identityPolicies && (await measureIdentityPolicies(join(directory, 'policies'), plan.identityPolicies));
    let auditing: AuditingMeasurement | undefined;
    if (plan.auditing !== undefined) {
      tell('encrypting with and without audit records');
      const path = join(directory, 'auditing');
      mkdirSync(path);
      auditing = await measureAuditing(path, plan.connections, plan.auditing);
    }
    // Servers write their profiles when they end.
    await cleanUp();
    return { plan, servers, contention, grants, identityPolicies, auditing, profiles: profilesIn(profileDirectory) };
  } finally {
    await cleanUp();
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
  }
}

interface ServerUnderTest extends Pick<ServerReport, 'keys' | 'coldCpuMicrosPerRequest'> {
  readonly subject: Subject;
  readonly trials: readonly Trial[];
}

/** One workload on one server, and what was measured of it. */
interface Trial {
  readonly subject: Subject;
  readonly workload: Workload;
  readonly keyhold: Tally;
  readonly bare: Tally;
  readonly primitive: { readonly call: () => unknown; readonly tally: PrimitiveTally } | undefined;
  /** How many requests make a round. */
  roundRequests: number;
}

function newTrial(subject: Subject, workload: Workload): Trial {
  const call = workload.primitive?.();
  return {
    subject,
    workload,
    keyhold: newTally(),
    bare: newTally(),
    primitive: call && { call, tally: { calls: 0, cpuMicros: 0 } },
    roundRequests: 0,
  };
}

/** As many keys of the spec that is measured with many, which Encrypt's is, and a few of every other. */
function wantedKeys(workloads: readonly Workload[], many: number): WantedKeys[] {
  const wanted = new Map<KeySpec, WantedKeys>();
  for (const { keySpec, keyUsage } of [encrypt, ...workloads]) {
    wanted.set(keySpec, { keySpec, keyUsage, count: keySpec === encrypt.keySpec ? many : FEW_KEYS });
  }
  return [...wanted.values()];
}

/**
 * Asks once under every key, so that the server has read them all, and keeps what it made for other workloads. What that
 * costs where the key is not in memory yet is told by the second half, for which the server's code is compiled.
 */
async function touchEveryKey(subject: Subject, workload: Workload, plan: Plan): Promise<number | undefined> {
  const { server } = subject;
  const { keys } = keysOf(subject, workload.keySpec);
  const half = Math.ceil(keys.length / 2 / COLD_PASS_STEP) * COLD_PASS_STEP;
  let cpuMicros = 0;
  for (let from = 0; from < keys.length; from += COLD_PASS_STEP) {
    const some = keys.slice(from, from + COLD_PASS_STEP);
    const requests = signAll(subject, workload, some);
    if (from === half) cpuMicros = -processCpuMicros(server.pid);
    const { kept } = await driveLoad(server.port, requests, { connections: plan.connections, ...KEEP_ALL });
    for (const { index, body } of kept) (some[index] as KeyUnderTest).made = workload.makes?.(JSON.parse(body));
  }
  if (keys.length < LEAST_COLD_KEYS) return undefined;
  return (cpuMicros + processCpuMicros(server.pid)) / (keys.length - half);
}

/** Compiles the code of both servers, and finds out how many requests fill a round. */
async function warmUp(trial: Trial, bare: RunningServer, plan: Plan): Promise<void> {
  const { subject, workload } = trial;
  const options = { connections: plan.connections, ...KEEP_SOME, timeLimitMs: plan.warmUpMs };
  const requests = signAll(subject, workload, nextKeys(subject, workload.keySpec, plan.warmUpRequests));
  await driveLoad(bare.port, requests, options);
  const { latenciesMs, elapsedMs } = await driveLoad(subject.server.port, requests, options);
  const perRound = Math.round((latenciesMs.length / elapsedMs) * plan.roundMs);
  trial.roundRequests = Math.min(Math.max(perRound, plan.connections), MOST_REQUESTS_PER_ROUND);
}

/** One round: both servers get the same requests, the bare one perhaps several times; who is first alternates. */
async function compare(trial: Trial, bare: RunningServer, cycle: number, plan: Plan): Promise<void> {
  const { subject, workload, primitive } = trial;
  if (primitive !== undefined) measurePrimitive(primitive.call, PRIMITIVE_CPU_MICROS_PER_ROUND, primitive.tally);
  const keys = nextKeys(subject, workload.keySpec, trial.roundRequests);
  const requests = signAll(subject, workload, keys);
  const bareRequests = repeated(requests, LEAST_BARE_REQUESTS);
  const driveBare = async () => {
    const { kept } = await measure(bare, plan.connections, bareRequests, trial.bare);
    for (const { index, body } of kept) {
      if (!bareRequests[index]?.toString().endsWith(`\r\n\r\n${body}`)) throw new Error(`the bare server sent ${body}`);
    }
  };
  if (cycle % 2 === 0) await driveBare();
  const { kept } = await measure(subject.server, plan.connections, requests, trial.keyhold);
  if (cycle % 2 === 1) await driveBare();
  const asking = (operation: string, input: object) => ask(subject, operation, input);
  for (const { index, body } of kept) await checkAnswer(workload, keys[index] as KeyUnderTest, body, asking);
}

/** The same again and again, if there are less than that. */
function repeated(requests: readonly Buffer[], least: number): readonly Buffer[] {
  if (requests.length >= least) return requests;
  return Array.from({ length: least }, (_, index) => requests[index % requests.length] as Buffer);
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

/** Sums over rounds. */
interface Tally {
  cpuMicros: number;
  elapsedMs: number;
  readonly latenciesMs: Float64Array[];
}

function newTally(): Tally {
  return { cpuMicros: 0, elapsedMs: 0, latenciesMs: [] };
}

function report({ keys, subject, trials, coldCpuMicrosPerRequest }: ServerUnderTest): ServerReport {
  return {
    keys,
    measurements: trials.map(({ workload, keyhold, bare, primitive }) => ({
      name: workload.name,
      ...summary(keyhold),
      bare: summary(bare),
      primitiveCpuMicros: primitive && primitive.tally.cpuMicros / primitive.tally.calls,
    })),
    residentMebibytes: residentMebibytes(subject.server.pid),
    coldCpuMicrosPerRequest,
  };
}

function summary({ cpuMicros, elapsedMs, latenciesMs }: Tally): Measurement {
  const latencies = summarizeLatencies(latenciesMs);
  const { requests } = latencies;
  return { ...latencies, requestsPerSecond: (requests / elapsedMs) * 1000, cpuMicrosPerRequest: cpuMicros / requests };
}

function profilesIn(directory: string | undefined): string[] {
  if (directory === undefined) return [];
  return readdirSync(directory).map((name) => join(directory, name));
}
