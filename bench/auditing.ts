import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { driveLoad } from './driver.ts';
import { processCpuMicros } from './process-usage.ts';
import { seedDataDirectory } from './seed.ts';
import { type RunningServer, startKeyhold } from './servers.ts';
import { requestSigner } from './sign.ts';
import { KEEP_ALL, newSubject, nextKeys, type Subject, signAll } from './subject.ts';
import { encrypt } from './workload.ts';

/**
 * What auditing costs of a server's processor time: all of it, from the record that is written before the answer to what the
 * monitor makes of it afterwards. Two servers get the same load in turns, and one of them writes no records.
 */

export interface AuditingPlan {
  readonly rounds: number;
  readonly requestsPerRound: number;
}

export interface AuditingMeasurement {
  /** CPU time of an Encrypt, of all threads. */
  readonly withMicros: number;
  readonly withoutMicros: number;
}

const REGION = 'us-east-1';
const KEYS = 100;
const WITHOUT_AUDIT = ['--import', fileURLToPath(new URL('without-audit.ts', import.meta.url))];
const LOAD = { keepEvery: 499, timeLimitMs: 60_000 };
/** What is made of records goes on after the last answer. */
const SETTLE_STEP_MS = 250;
const MOST_SETTLE_STEPS = 120;
const SETTLED_MICROS = 5_000;

/** @param directory an existing one, in which the servers' own are made, and left to whoever called */
export async function measureAuditing(
  directory: string,
  connections: number,
  { rounds, requestsPerRound }: AuditingPlan,
): Promise<AuditingMeasurement> {
  const servers: RunningServer[] = [];
  try {
    const audited = await startSubject(join(directory, 'audited'), [], servers);
    const unaudited = await startSubject(join(directory, 'unaudited'), WITHOUT_AUDIT, servers);
    const drive = async (subject: Subject): Promise<number> => {
      const keys = nextKeys(subject, encrypt.keySpec, requestsPerRound);
      const requests = signAll(subject, encrypt, keys);
      const before = processCpuMicros(subject.server.pid);
      await driveLoad(subject.server.port, requests, { connections, ...LOAD });
      await settled(subject.server);
      return processCpuMicros(subject.server.pid) - before;
    };
    // The first round compiles the code of both, and counts for nothing.
    for (const subject of [audited, unaudited]) await drive(subject);
    let withMicros = 0;
    let withoutMicros = 0;
    for (let round = 0; round < rounds; round++) {
      const auditedFirst = round % 2 === 0;
      if (auditedFirst) withMicros += await drive(audited);
      withoutMicros += await drive(unaudited);
      if (!auditedFirst) withMicros += await drive(audited);
    }
    checkRecords(join(directory, 'audited'), (rounds + 1) * requestsPerRound);
    checkRecords(join(directory, 'unaudited'), 0);
    const requests = rounds * requestsPerRound;
    return { withMicros: withMicros / requests, withoutMicros: withoutMicros / requests };
  } finally {
    for (const server of servers) await server.stop();
  }
}

async function startSubject(dataDir: string, nodeFlags: readonly string[], servers: RunningServer[]): Promise<Subject> {
  const wanted = [{ keySpec: encrypt.keySpec, keyUsage: encrypt.keyUsage, count: KEYS }];
  const { keyIds, ...credentials } = await seedDataDirectory(dataDir, REGION, wanted);
  const server = await startKeyhold(dataDir, nodeFlags);
  servers.push(server);
  const sign = requestSigner({ ...credentials, region: REGION, host: `127.0.0.1:${server.port}` });
  const subject = newSubject(server, sign, keyIds);
  const requests = signAll(subject, encrypt, nextKeys(subject, encrypt.keySpec, KEYS));
  await driveLoad(server.port, requests, { connections: 1, ...KEEP_ALL });
  return subject;
}

/** Waits until the process has next to nothing left to do. */
async function settled({ pid }: RunningServer): Promise<void> {
  let before = processCpuMicros(pid);
  for (let step = 0; step < MOST_SETTLE_STEPS; step++) {
    await new Promise((resolve) => setTimeout(resolve, SETTLE_STEP_MS));
    const now = processCpuMicros(pid);
    if (now - before < SETTLED_MICROS) return;
    before = now;
  }
  throw new Error('the server does not come to rest');
}

const LEAST_RECORD_BYTES = 300;

/** A comparison of two servers that both audit, or neither, would tell nothing. */
function checkRecords(dataDir: string, least: number): void {
  const directory = join(dataDir, 'audit');
  const files = existsSync(directory) ? readdirSync(directory).filter((name) => /^w0.*\.jsonl$/.test(name)) : [];
  const bytes = files.reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
  if (least === 0 ? bytes > 0 : bytes < least * LEAST_RECORD_BYTES) {
    throw new Error(`${dataDir} holds ${bytes} bytes of audit records, where ${least} records are due`);
  }
}
