import { cpSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CreateKeyCommand, type KMSClient, ListKeysCommand } from '@aws-sdk/client-kms';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openFileTrail } from '../src/audit/file-trail.ts';
import type { Proof } from '../src/audit/prove.ts';
import { runToEnd, startServer, type TestServer, temporaryDirectory } from './support/server.ts';

/** `keyhold audit verify` as an auditor runs it: beside a server, after its stop, and after tampering; `faults/` has crashes. */

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
  ['a file that was removed', (file) => rmSync(file), 'is missing, with the whole stream'],
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

describe('a trail of several files', () => {
  const audit = () => join(dataDir, 'audit');
  const closedFiles = () => readdirSync(audit()).filter((name) => /^w0\.\d{12}\.jsonl$/.test(name));

  test('is proved, and what somebody did to a closed file is found', async () => {
    const { kms, stop } = await start(['--audit-rotate-size', '4KiB'], 1);
    const client = kms();
    while (closedFiles().length < 4) await createKeys(client, 1);
    await stop();
    const proof = await expectProved();
    expect(proof.streams).toMatchObject([{ stream: 'w0', records: proof.streams[0]?.signed }]);
    const [one = '', two = '', three = ''] = closedFiles().map((name) => join(audit(), name));
    const wholes = [one, two, three].map((path) => readFileSync(path));
    const firstOf = (path: string) => Number(/\.0*(\d+)\.jsonl$/.exec(path)?.[1]);
    const [whole1, whole2, whole3] = wholes.map(String) as [string, string, string];
    const tamperings: [() => void, line: number, what: string][] = [
      [() => rmSync(two), firstOf(two), 'is missing: the next one that is there'],
      [() => rmSync(one), 1, 'is missing: the next one that is there'],
      [() => writeFileSync(two, whole3), firstOf(two), 'where'],
      [() => writeFileSync(three, whole3.slice(0, -1)), firstOf(closedFiles()[3] ?? '') - 1, 'was cut off'],
      [() => writeFileSync(one, whole1.replace('CreateKey', 'CreateFoo')), 2, 'hash of the line before'],
      [() => writeFileSync(two, whole2.split('\n').slice(1).join('\n')), firstOf(two), 'has sequence'],
    ];
    for (const [tamper, line, what] of tamperings) {
      tamper();
      const { status, stdout } = await runToEnd(['audit', 'verify', '--data-dir', dataDir]);
      expect({ status, stdout }).toEqual({ status: 1, stdout: expect.stringContaining(`TAMPERED: w0, line ${line} `) });
      expect(stdout.split('\n')[0]).toContain(what);
      for (const [index, path] of [one, two, three].entries()) writeFileSync(path, wholes[index] as Buffer);
    }
    await expectProved();
  });

  test('loses what has been kept as long as configured, once the monitor is done with it, and nothing else', async () => {
    await (await start([], 1)).stop();
    // Records of long ago, in the stream of the commands: to a worker's, nothing is added while no server runs.
    for (const year of [2019, 2020, 2021]) {
      const trail = openFileTrail({
        directory: audit(),
        stream: 'cli',
        rotation: { maxBytes: 1, maxAgeMs: Number.POSITIVE_INFINITY },
      });
      await trail.append(JSON.stringify({ eventTime: `${year}-01-01T00:00:00Z`, eventName: 'CreateAccount' }));
      await trail.close();
    }
    const commands = () =>
      readdirSync(audit())
        .filter((name) => name.startsWith('cli.'))
        .sort();
    expect(commands()).toEqual(['cli.000000000001.jsonl', 'cli.000000000002.jsonl', 'cli.jsonl']);
    const { kms, stop, output } = await start(['--audit-retention', '1'], 1);
    await createKeys(kms(), 1);
    await expect.poll(commands, { timeout: 60_000 }).toEqual(['cli.jsonl']);
    expect(await stop()).toBe(0);
    expect(output.stderr).toContain('removed audit files that were kept long enough');
    const { streams } = await expectProved();
    expect(streams).toMatchObject([
      { stream: 'cli', records: 3, signed: 3, removed: 2 },
      { stream: 'w0', records: 1 },
    ]);
  });
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
      await expect.poll(() => bodies.length, { timeout: 60_000 }).toBeGreaterThan(1);
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
