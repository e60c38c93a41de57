import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { followStream, type StreamFollower } from '../../src/audit/follow-stream.ts';
import { streamsOf } from '../../src/audit/stream-files.ts';
import { dice, testSeed } from '../support/dice.ts';
import { apiRequest, bytesOf, openLane } from '../support/raw-http.ts';
import {
  projectRoot,
  runToEnd,
  serverCommand,
  startServer,
  type TestServer,
  temporaryDirectory,
} from '../support/server.ts';
import { signerFor } from '../support/sign.ts';

/**
 * SIGKILL at random points under load, while audit files are closed one after the other, again and again over the same
 * data: no request was answered that has no record, and `keyhold audit verify` proves the trail each time.
 */

const KILLS = Number(process.env['KEYHOLD_FAULT_KILLS'] ?? 10);
/** Each verification reads all of a trail, so that another is begun after so many. */
const KILLS_OF_A_TRAIL = 125;
const WORKERS = 2;
const CONNECTIONS = 6;
/** Some twenty records to a file: there are kills before, in and after the closing of one. */
const ARGS = ['--audit-rotate-size', '16KiB', '--audit-sign-interval', '1'];
const MOST_LOAD_MS = 500;
/** Longer than the interval of the signatures. */
const LONG_LOAD_MS = 2500;
/** It reads thousands of files in the end, and the machine may be busy. */
const VERIFY_TIMEOUT_MS = 180_000;
/** A start takes about as long. */
const MOST_START_MS = 700;

let directory = '';
let dataDir = '';
let anchor = '';

beforeAll(() => {
  directory = temporaryDirectory();
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const start = () => startServer({ dataDir, workers: WORKERS, args: [...ARGS, '--audit-anchor', anchor] });

/** Asks over several connections until the server is gone. Gives the ids of the requests that it has answered. */
async function load(server: TestServer, keyId: string): Promise<string[]> {
  const answered: string[] = [];
  const sign = signerFor(server.credentials);
  const { host } = new URL(server.url);
  const lanes = Array.from({ length: CONNECTIONS }, async (_, index) => {
    const lane = openLane(server.port);
    for (let round = index; ; round++) {
      const [operation, input] = requests(keyId)[round % 4] as [string, object];
      const { status, headers } = await lane.exchange(
        bytesOf(sign(apiRequest(host, operation, JSON.stringify(input)))),
      );
      if (status === 0) break;
      expect([200, 400]).toContain(status);
      answered.push(headers.get('x-amzn-requestid') ?? 'an answer without a request id');
    }
    lane.close();
  });
  await Promise.all(lanes);
  return answered;
}

function requests(keyId: string): readonly [operation: string, input: object][] {
  return [
    ['Encrypt', { KeyId: keyId, Plaintext: 'AAAA' }],
    ['TagResource', { KeyId: keyId, Tags: [{ TagKey: 'round', TagValue: 'x' }] }],
    ['GenerateDataKey', { KeyId: keyId, KeySpec: 'AES_256' }],
    // Refusals are answers like others.
    ['Encrypt', { KeyId: 'alias/missing', Plaintext: 'AAAA' }],
  ];
}

async function expectVerified(): Promise<void> {
  const args = ['audit', 'verify', '--data-dir', dataDir, '--anchor', anchor];
  const { status, stdout, stderr } = await runToEnd(args, {}, VERIFY_TIMEOUT_MS);
  // How far it has got is all that it says besides, where it takes long.
  const progress = expect.stringMatching(/^(?:\w+: read \d+ MB\n)*$/);
  const verified = { status: 0, stdout: expect.stringContaining('Verified up to signed heads'), stderr: progress };
  expect({ status, stdout, stderr }).toEqual(verified);
}

/** Killed before it says that it listens, or soon after. */
async function killWhileStarting(afterMs: number): Promise<void> {
  const [command = '', ...rest] = serverCommand();
  const args = ['--listen', '127.0.0.1:0', '--data-dir', dataDir, '--workers', String(WORKERS), ...ARGS];
  const child = spawn(command, [...rest, ...args, '--audit-anchor', anchor], {
    cwd: projectRoot,
    stdio: 'ignore',
  });
  await pause(afterMs);
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** Takes what was added to the streams since the last time out of `missing`, and gives how many records that were. */
function readRecords(followers: Map<string, StreamFollower>, missing: Set<string>): number {
  const audit = join(dataDir, 'audit');
  let records = 0;
  for (const stream of streamsOf(audit)) {
    const follower =
      followers.get(stream) ?? followStream({ directory: audit, stream, written: () => Number.POSITIVE_INFINITY });
    followers.set(stream, follower);
    for (let lines = follower.read(); lines.length > 0; lines = follower.read()) {
      records += lines.length;
      for (const { text } of lines) missing.delete(/"requestID":"([^"]+)"/.exec(text)?.[1] ?? '');
    }
  }
  return records;
}

interface Tally {
  starting: number;
  answers: number;
  records: number;
}

/** Kills a server from its first start on, over the same data, as often as the numbers from `first` to `end` are many. */
async function killAgainAndAgain(seed: number, first: number, end: number, tally: Tally): Promise<void> {
  dataDir = join(directory, `data-${first}`);
  anchor = join(directory, `anchor-${first}.jsonl`);
  const followers = new Map<string, StreamFollower>();
  try {
    const keyId = await newKey();
    for (let kill = first; kill < end; kill++) {
      const { number, chance } = dice(seed, kill);
      if (chance(5)) {
        tally.starting++;
        await killWhileStarting(number(MOST_START_MS));
        await expectVerified();
        continue;
      }
      const server = await start();
      try {
        const answered = load(server, keyId);
        await pause(number(chance(8) ? LONG_LOAD_MS : MOST_LOAD_MS));
        // Also beside a server that closes files meanwhile.
        if (chance(4)) await expectVerified();
        await server.kill();
        const missing = new Set(await answered);
        tally.answers += missing.size;
        tally.records += readRecords(followers, missing);
        expect({ kill, missing: [...missing] }).toEqual({ kill, missing: [] });
        await expectVerified();
      } finally {
        await server.kill();
      }
    }
  } finally {
    for (const follower of followers.values()) follower.close();
  }
  expect(readdirSync(join(dataDir, 'audit')).some((name) => /^w\d\.\d{12}\.jsonl$/.test(name))).toBe(true);
}

async function newKey(): Promise<string> {
  const server = await start();
  const sign = signerFor(server.credentials);
  const lane = openLane(server.port);
  const created = await lane.exchange(bytesOf(sign(apiRequest(new URL(server.url).host, 'CreateKey', '{}'))));
  lane.close();
  await server.kill();
  return (JSON.parse(created.body) as { KeyMetadata: { KeyId: string } }).KeyMetadata.KeyId;
}

test(`${KILLS} kills leave no answered request without a record, and a trail that is proved each time`, {
  timeout: 300_000 + KILLS * 30_000,
}, async () => {
  const seed = testSeed();
  const tally: Tally = { starting: 0, answers: 0, records: 0 };
  for (let first = 0; first < KILLS; first += KILLS_OF_A_TRAIL) {
    const end = Math.min(first + KILLS_OF_A_TRAIL, KILLS);
    try {
      await killAgainAndAgain(seed, first, end, tally);
    } catch (error) {
      throw new Error(`with KEYHOLD_TEST_SEED=${seed}`, { cause: error });
    }
    console.log(`${end} kills: ${JSON.stringify(tally)}`);
  }
});
