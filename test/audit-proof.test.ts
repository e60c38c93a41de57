import { spawnSync } from 'node:child_process';
import { closeSync, cpSync, openSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CreateKeyCommand, EncryptCommand, type KMSClient, ListKeysCommand } from '@aws-sdk/client-kms';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Proof } from '../src/audit/prove.ts';
import { dice, testSeed } from './support/dice.ts';
import { runToEnd, startServer, type TestServer, temporaryDirectory } from './support/server.ts';

/** `keyhold audit verify` as an auditor runs it: beside a server, after its stop, after crashes, and after tampering. */

// Each test starts servers and commands one after the other, which takes a busy machine a while.
vi.setConfig({ testTimeout: 300_000 });

const SIGNING = ['--audit-sign-interval', '1'];
const EVERY_SECOND_MS = 1000;

let directory = '';
let dataDir = '';
let anchor = '';
let server: TestServer | undefined;
beforeEach(() => {
  directory = temporaryDirectory();
  dataDir = join(directory, 'data');
  anchor = join(directory, 'anchor.jsonl');
});
afterEach(async () => {
  await server?.kill();
  server = undefined;
  spawnSync('umount', [directory]);
  rmSync(directory, { recursive: true, force: true });
});

async function start(args: readonly string[] = [], workers = 2): Promise<TestServer> {
  server = await startServer({ dataDir, workers, args: [...SIGNING, ...args] });
  return server;
}

async function verify(args: readonly string[] = []): Promise<{ status: number | null; proof: Proof }> {
  const { status, stdout, stderr } = await runToEnd(['audit', 'verify', '--data-dir', dataDir, '--json', ...args]);
  expect(stderr).toBe('');
  return { status, proof: JSON.parse(stdout) as Proof };
}

async function expectProved(args: readonly string[] = []): Promise<Proof> {
  const { status, proof } = await verify(args);
  expect({ status, problems: proof.problems }).toEqual({ status: 0, problems: [] });
  return proof;
}

async function expectTampered(stream: string, what: string, args: readonly string[] = []): Promise<void> {
  const { status, proof } = await verify(args);
  expect(status).toBe(1);
  expect(proof.problems[0]).toMatchObject({ stream, what: expect.stringContaining(what) });
}

async function createKeys(kms: KMSClient, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await kms.send(new CreateKeyCommand({}));
}

/** Asks until it is told to stop, or the server is gone. Gives how often it was answered. */
function load(kms: KMSClient, connections: number): { stop(): Promise<number> } {
  let going = true;
  let answered = 0;
  const lanes = Array.from({ length: connections }, async () => {
    for (; going; answered++) await kms.send(new ListKeysCommand({ Limit: 1 }));
  });
  const ended = Promise.allSettled(lanes);
  return {
    async stop() {
      going = false;
      await ended;
      return answered;
    },
  };
}

const records = (proof: Proof) => proof.streams.reduce((sum, stream) => sum + stream.records, 0);

test('beside a server under load it proves what is there, more each time; and all of it once the server has stopped', async () => {
  const { kms, stop, output } = await start(['--audit-anchor', anchor]);
  const clients = load(kms(), 8);
  let seen = 0;
  for (let round = 0; round < 4; round++) {
    const proof = await expectProved(['--anchor', anchor]);
    expect(records(proof)).toBeGreaterThan(seen);
    seen = records(proof);
  }
  const answered = await clients.stop();
  expect(await stop()).toBe(0);
  const { streams, signed, notes } = await expectProved(['--anchor', anchor]);
  expect(streams.map(({ stream }) => stream)).toEqual(['w0', 'w1']);
  for (const each of streams) expect(each.signed).toBe(each.records);
  expect(streams.reduce((sum, each) => sum + each.records, 0)).toBe(answered);
  expect(signed?.sequence).toBeGreaterThan(3);
  expect(notes).toEqual([]);
  expect(readFileSync(anchor, 'utf8')).toBe(readFileSync(join(dataDir, 'audit', 'heads.jsonl'), 'utf8'));
  expect(output.stderr).not.toContain('"level":50');
});

test('the exported public key proves a copy of the audit files where neither root key nor database is', async () => {
  const { kms, stop } = await start([], 1);
  await createKeys(kms(), 3);
  await stop();
  const exported = await runToEnd(['audit', 'public-key', '--data-dir', dataDir]);
  expect(exported).toMatchObject({ status: 0, stderr: '' });
  const key = join(directory, 'audit.pem');
  writeFileSync(key, exported.stdout);
  const elsewhere = join(directory, 'elsewhere');
  cpSync(join(dataDir, 'audit'), join(elsewhere, 'audit'), { recursive: true });
  dataDir = elsewhere;
  expect(records(await expectProved(['--public-key', key]))).toBe(3);
  const withoutKey = await runToEnd(['audit', 'verify', '--data-dir', dataDir]);
  expect(withoutKey).toMatchObject({ status: 2, stdout: '' });

  const file = join(dataDir, 'audit', 'w0.jsonl');
  writeFileSync(file, readFileSync(file, 'utf8').replace('CreateKey', 'CreateFoo'));
  const { status, stdout } = await runToEnd(['audit', 'verify', '--data-dir', dataDir, '--public-key', key]);
  expect(status).toBe(1);
  expect(stdout).toMatch(/^TAMPERED: w0, line \d /);
});

test.each<[string, (file: string, whole: string, lines: string[]) => void, string]>([
  ['a file that was removed', (file) => rmSync(file), 'is missing, with the whole file'],
  ['a file that was cut', (file, _, lines) => writeFileSync(file, `${lines.slice(0, 2).join('\n')}\n`), 'is missing'],
  [
    'a line that was removed',
    (file, _, lines) => writeFileSync(file, lines.toSpliced(1, 1).join('\n')),
    'has sequence',
  ],
  ['a value that was changed', (file, whole) => writeFileSync(file, whole.replace('aws', 'AWS')), 'hash of the line'],
])('%s is found, and is found still when the server has gone on and stopped', async (_, tamper, what) => {
  const first = await start([], 1);
  await createKeys(first.kms(), 4);
  await first.stop();
  const file = join(dataDir, 'audit', 'w0.jsonl');
  const whole = readFileSync(file, 'utf8');
  tamper(file, whole, whole.split('\n'));
  await expectTampered('w0', what);
  const second = await start([], 1);
  await createKeys(second.kms(), 6);
  await second.stop();
  expect((await verify()).status).toBe(1);
});

describe('an older copy put back', () => {
  test('of the audit files is told by the database, and the next start says so', async () => {
    await (await start([], 1)).stop();
    cpSync(join(dataDir, 'audit'), join(directory, 'older'), { recursive: true });
    const used = await start([], 1);
    await createKeys(used.kms(), 2);
    await used.stop();
    rmSync(join(dataDir, 'audit'), { recursive: true });
    renameSync(join(directory, 'older'), join(dataDir, 'audit'));
    await expectTampered('heads', 'is missing: the store notes signed heads up to');
    const again = await start([], 1);
    expect(again.output.stderr).toContain('someone removed them or put them back');
    await again.stop();
    await expectTampered('heads', 'which are gone: the trail was put back or begun anew');
  });

  test('of the whole data directory is told by the anchor alone, also when the server has gone on since', async () => {
    const args = ['--audit-anchor', anchor];
    await (await start(args, 1)).stop();
    const older = join(directory, 'older');
    cpSync(dataDir, older, { recursive: true });
    const used = await start(args, 1);
    await createKeys(used.kms(), 2);
    await used.stop();
    rmSync(dataDir, { recursive: true });
    renameSync(older, dataDir);
    await expectProved();
    await expectTampered('heads', 'the anchor keeps signed heads up to', ['--anchor', anchor]);
    const again = await start(args, 1);
    await createKeys(again.kms(), 9);
    await pause(3 * EVERY_SECOND_MS);
    await again.stop();
    await expectTampered('heads', 'is not what the anchor keeps', ['--anchor', anchor]);
  });
});

test('SIGKILL at any point leaves a trail that is proved, before and after the next start', {
  timeout: 300_000,
}, async () => {
  const { number } = dice(testSeed(), 0);
  for (let crash = 0; crash < 8; crash++) {
    const { kms, kill } = await start(['--audit-anchor', anchor]);
    if (crash > 0) await expectProved(['--anchor', anchor]);
    const clients = load(kms(), 6);
    await pause(number(2500));
    await kill();
    await clients.stop();
    await expectProved(['--anchor', anchor]);
  }
});

describe('an anchor behind a URL', () => {
  test('gets every signed heads in its order, also those that it refused at first', async () => {
    const bodies: string[] = [];
    let refusals = 2;
    const keeper = createServer(async (request, response) => {
      const body = (await request.toArray()).join('');
      response.statusCode = refusals > 0 ? 503 : 204;
      if (refusals-- <= 0) bodies.push(body);
      response.end();
    });
    await new Promise<void>((resolve) => keeper.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = keeper.address() as AddressInfo;
      const { kms, stop, output } = await start(['--audit-anchor', `http://127.0.0.1:${port}/heads`], 1);
      await createKeys(kms(), 2);
      await expect.poll(() => bodies.length, { timeout: 20_000 }).toBeGreaterThan(1);
      expect(await stop()).toBe(0);
      writeFileSync(anchor, bodies.map((body) => `${body}\n`).join(''));
      expect(readFileSync(anchor, 'utf8')).toBe(readFileSync(join(dataDir, 'audit', 'heads.jsonl'), 'utf8'));
      await expectProved(['--anchor', anchor]);
      expect(output.stderr).toContain('signed heads cannot be anchored');
    } finally {
      keeper.close();
    }
  });

  test('that never answers delays no request, and the stop by its time-out alone', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = silent.address() as AddressInfo;
      const { kms, stop, output } = await start(['--audit-anchor', `http://127.0.0.1:${port}/`], 1);
      const began = performance.now();
      await createKeys(kms(), 10);
      expect(performance.now() - began).toBeLessThan(4000);
      expect(await stop()).toBe(0);
      expect(output.stderr).toContain('signed heads were not anchored');
      await expectProved();
    } finally {
      silent.closeAllConnections();
      silent.close();
    }
  });
});

const canMount = (() => {
  const path = temporaryDirectory();
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4096', 'tmpfs', path]);
  if (status === 0) spawnSync('umount', [path]);
  rmSync(path, { recursive: true });
  return status === 0;
})();

test.skipIf(!canMount)(
  'a disk that was full leaves a trail that is proved (skipped where no tmpfs can be mounted)',
  async () => {
    spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2097152', 'tmpfs', directory]);
    const { kms, stop, output } = await start([], 1);
    await createKeys(kms(), 1);
    const { Keys } = await kms().send(new ListKeysCommand({}));
    const encrypt = () => kms().send(new EncryptCommand({ KeyId: Keys?.[0]?.KeyId, Plaintext: Buffer.alloc(32) }));
    const filler = join(directory, 'filler');
    fillUp(filler);
    await expect(async () => {
      for (;;) await encrypt();
    }).rejects.toThrow('internal error');
    await expect.poll(() => output.stderr, { timeout: 20_000 }).toContain('streams cannot be signed');
    expect(await verify()).toMatchObject({ status: 0 });
    rmSync(filler);
    await encrypt();
    expect(await stop()).toBe(0);
    const { streams } = await expectProved();
    for (const each of streams) expect(each.signed).toBe(each.records);
  },
);

function fillUp(path: string): void {
  const fd = openSync(path, 'a');
  try {
    while (writeSync(fd, Buffer.alloc(4096)) > 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(fd);
  }
}
