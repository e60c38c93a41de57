import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { CreateKeyCommand, DescribeKeyCommand, EncryptCommand, GenerateDataKeyPairCommand } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuditRecord } from '../src/audit/record.ts';
import { verifyAuditDirectory } from '../src/audit/verify.ts';
import { newDirectory, start } from './support/each-test.ts';
import {
  type FinishedRun,
  projectRoot,
  runToEnd,
  startServer,
  type TestServer,
  temporaryDirectory,
} from './support/server.ts';
import { captureRequest } from './support/signed-request.ts';
import { treeOf } from './support/tree.ts';

/** The server as a Unix program: what it prints, what it leaves behind, how it refuses and how it stops. */

/** A data directory that has been set up and that no server uses. */
async function usedDataDir(): Promise<string> {
  const dataDir = join(newDirectory(), 'data');
  const server = await startServer({ dataDir });
  expect(await server.stop()).toBe(0);
  return dataDir;
}

describe('--help and --version', () => {
  test('--help names options and starts nothing', async () => {
    const { status, stdout, stderr } = await runToEnd(['--help'], { KEYHOLD_DATA_DIR: join(newDirectory(), 'data') });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    for (const option of ['--listen <host:port>', '--data-dir <dir>', '--tls-cert <file>', '--sandbox', '--version']) {
      expect(stdout).toMatch(new RegExp(`^  ${option} +\\w`, 'm'));
    }
    expect(stdout).toContain('KEYHOLD_LISTEN in the environment stands for --listen');
  });

  test("--version prints the package's version", async () => {
    const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string };
    expect(await runToEnd(['--version'])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
  });
});

describe('starting', () => {
  test('the first start makes the root key and the credentials, and later starts print the same without secrets', async () => {
    const dataDir = join(newDirectory(), 'data');
    const first = await start({ dataDir });
    const { accessKeyId, secretAccessKey } = first.credentials;

    const mode = (name: string) => (statSync(join(dataDir, name)).mode & 0o777).toString(8);
    expect({ '.': mode('.'), 'root.key': mode('root.key'), credentials: mode('credentials') }).toEqual({
      '.': '700',
      'root.key': '600',
      credentials: '600',
    });
    for (const name of ['keyhold.db', 'keyhold.db-wal', 'audit/w0.jsonl']) expect(mode(name), name).toBe('600');
    expect(accessKeyId).toMatch(/^AKIA[A-Z2-7]{16}$/);
    expect(secretAccessKey).toMatch(/^[A-Za-z0-9+/]{40}$/);
    expect(readFileSync(join(dataDir, 'credentials'), 'utf8')).toBe(
      `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\nregion = us-east-1\n`,
    );
    const toPaste = (server: TestServer) =>
      `export AWS_ENDPOINT_URL=${server.url} AWS_SHARED_CREDENTIALS_FILE=${join(dataDir, 'credentials')} AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1\n`;
    expect(first.output.stdout).toContain(toPaste(first));
    expect(first.output.stdout).toContain(`First start: made account ${first.accountId}`);
    const { KeyMetadata } = await first.kms().send(new CreateKeyCommand({}));
    expect(KeyMetadata?.AWSAccountId).toBe(first.accountId);
    expect(await first.stop()).toBe(0);
    const rootKey = readFileSync(join(dataDir, 'root.key'), 'utf8');

    const second = await start({ dataDir, args: ['--log-level', 'trace'] });
    expect(second.output.stdout).toContain(toPaste(second));
    expect(second.output.stdout).not.toContain('First start');
    expect(second.accountId).toBe(first.accountId);
    expect(second.credentials).toMatchObject({ accessKeyId, secretAccessKey });
    expect(readFileSync(join(dataDir, 'root.key'), 'utf8')).toBe(rootKey);
    await second.kms().send(new DescribeKeyCommand({ KeyId: KeyMetadata?.KeyId }));
    expect(await second.stop()).toBe(0);

    const printed = [first, second].map(({ output }) => output.stdout + output.stderr).join('\n');
    expect(printed).not.toContain(secretAccessKey);
    expect(printed).not.toContain(rootKey.trim().split(' ')[1]);
  });

  test('a data directory and a lock that others may open are closed to them by the next start', async () => {
    const dataDir = await usedDataDir();
    expect(statSync(join(dataDir, 'lock')).mode & 0o777).toBe(0o600);
    chmodSync(dataDir, 0o755);
    chmodSync(join(dataDir, 'lock'), 0o644);
    await start({ dataDir });
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    expect(statSync(join(dataDir, 'lock')).mode & 0o777).toBe(0o600);
  });

  test('what it prints can be pasted into a shell, whatever the path', async () => {
    const dataDir = join(newDirectory(), "it's a $(data) dir");
    const server = await start({ dataDir });
    const quoted = `'${join(dataDir, 'credentials').replaceAll("'", "'\\''")}'`;
    expect(server.output.stdout).toContain(` AWS_SHARED_CREDENTIALS_FILE=${quoted} `);
  });

  test('what it prints names no file of credentials that is not there', async () => {
    const dataDir = await usedDataDir();
    rmSync(join(dataDir, 'credentials'));
    const args = ['--listen', '127.0.0.1:0', '--workers', '1', '--data-dir', dataDir];
    const { printed, child } = await untilListening(join(projectRoot, 'bin/keyhold'), args);
    expect(printed()).toMatch(/export AWS_ENDPOINT_URL=\S+ AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1\n/);
    expect(printed()).toContain(`${join(dataDir, 'credentials')} is not there`);
    child.kill('SIGTERM');
    expect(await once(child, 'close')).toEqual([0, null]);
  });

  test('the log says that older sessions are refused', async () => {
    const server = await start({ args: ['--revoke-sessions-before', '2026-01-02T03:04:05Z'] });
    expect(server.output.stderr).toMatch(
      /"moment":"2026-01-02T03:04:05.000Z","msg":"temporary credentials .+ refused"/,
    );
  });

  test('an empty directory that exists is taken, and closed to others', async () => {
    const dataDir = join(newDirectory(), 'data');
    mkdirSync(dataDir, { mode: 0o755 });
    await start({ dataDir });
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
  });

  test('GET /health answers 200', async () => {
    const server = await start();
    const response = await fetch(`${server.url}/health`);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ status: 'ok' });
  });

  test('each option can be set by its variable, and the command line wins over it', async () => {
    const environment = {
      KEYHOLD_LISTEN: 'not an address',
      KEYHOLD_DATA_DIR: '/dev/null/nowhere',
      KEYHOLD_WORKERS: '0',
      KEYHOLD_ACCOUNT_ID: '123456789012',
      KEYHOLD_LOG_LEVEL: 'silent',
      KEYHOLD_SANDBOX: 'true',
    };
    // The harness gives --listen, --data-dir and --workers, which the variables' nonsense must not reach.
    const server = await start({ env: environment });
    expect(server.accountId).toBe('123456789012');
    expect(server.output.stdout).toContain('*** SANDBOX');
    expect((await fetch(`${server.url}/_sandbox/clock`)).status).toBe(200);
    expect(await server.stop()).toBe(0);
    expect(server.output.stderr).toBe('');
  });

  test.each([
    ['KEYHOLD_LISTEN', 'x', "--listen wants host:port, such as 127.0.0.1:9000, not 'x'"],
    ['KEYHOLD_DATA_DIR', '/dev/null', '/dev/null is not a directory'],
    ['KEYHOLD_ACCOUNT_ID', '1', "--account-id wants 12 digits, not '1'"],
    ['KEYHOLD_WORKERS', '65', "--workers wants 1 to 64, not '65'"],
    ['KEYHOLD_TLS_CERT', 'c.pem', '--tls-cert and --tls-key are given together'],
    ['KEYHOLD_TLS_KEY', 'k.pem', '--tls-cert and --tls-key are given together'],
    ['KEYHOLD_LOG_LEVEL', 'loud', "not 'loud'"],
    ['KEYHOLD_SANDBOX', 'maybe', "KEYHOLD_SANDBOX wants 1 or 0, not 'maybe'"],
  ])('%s is read', async (variable, value, message) => {
    const dataDir = join(newDirectory(), 'data');
    const args = variable === 'KEYHOLD_DATA_DIR' ? [] : ['--data-dir', dataDir];
    expectRefusal(await runToEnd(args, { [variable]: value }), message);
  });

  test('--insecure-http, by option or variable, lets a listener be reachable without TLS', async () => {
    // 192.0.2.1 is nobody's address (RFC 5737): allowed to listen there, the server then cannot.
    const args = ['--listen', '192.0.2.1:8080', '--data-dir', join(newDirectory(), 'data')];
    expectRefusal(await runToEnd(args), 'refusing to serve 192.0.2.1 without TLS');
    expectRefusal(await runToEnd(args, { KEYHOLD_INSECURE_HTTP: '0' }), 'refusing to serve 192.0.2.1 without TLS');
    expectRefusal(await runToEnd([...args, '--insecure-http']), 'cannot listen on 192.0.2.1:8080');
    expectRefusal(await runToEnd(args, { KEYHOLD_INSECURE_HTTP: '1' }), 'cannot listen on 192.0.2.1:8080');
  });
});

/** One clear line on stderr, nothing on stdout, exit status 2. */
function expectRefusal(run: FinishedRun, message: string): void {
  expect(run.stderr).toContain(message);
  expect(run.stderr).toMatch(/^keyhold: [^\n]+\n$/);
  expect({ status: run.status, stdout: run.stdout }).toEqual({ status: 2, stdout: '' });
}

/** A start that is refused as it should be, and leaves everything below the directory around `dataDir` as it was. */
async function expectRefusedUnchanged(dataDir: string, args: readonly string[], message: string): Promise<void> {
  const before = treeOf(join(dataDir, '..'));
  expectRefusal(await runToEnd(['--data-dir', dataDir, '--listen', '127.0.0.1:0', ...args]), message);
  expect(treeOf(join(dataDir, '..'))).toEqual(before);
}

describe('a start that is refused changes nothing', () => {
  // The many other ways in which a value can be bad: src/config/config.test.ts.
  test.each([
    [['--colour'], "Unknown option '--colour'"],
    [['start'], "Unexpected argument 'start'"],
    [['--sandbox=yes'], "Option '--sandbox' does not take an argument"],
    [['--listen', '8080'], "--listen wants host:port, such as 127.0.0.1:9000, not '8080'"],
    [['--listen', '0.0.0.0:8080'], 'refusing to serve 0.0.0.0 without TLS'],
    [['--listen', '127.0.0.256:8080'], 'cannot listen on 127.0.0.256:8080'],
    [['--listen', '192.0.2.1:8080', '--sandbox', '--insecure-http'], '--sandbox listens on loopback addresses only'],
    [['--data-dir='], '--data-dir wants a directory'],
    [['--account-id', '12345678901'], '--account-id wants 12 digits'],
    [['--workers', '0'], '--workers wants 1 to 64'],
    [['--log-level', 'loud'], '--log-level wants one of fatal, error, warn, info, debug, trace, silent'],
    [['--tls-cert', 'cert.pem'], '--tls-cert and --tls-key are given together or not at all'],
  ])('%j', async (args, message) => {
    await expectRefusedUnchanged(join(newDirectory(), 'data'), args, message);
  });

  describe.each([
    ['a new data directory', false],
    ['a data directory that is in use since long', true],
  ])('with %s', (_, used) => {
    let parent = '';
    let dataDir = '';
    beforeAll(async () => {
      parent = temporaryDirectory();
      dataDir = join(parent, 'data');
      if (used) await (await startServer({ dataDir })).stop();
      writeFileSync(join(parent, 'garbage.pem'), 'not a certificate');
    });
    afterAll(() => rmSync(parent, { recursive: true, force: true }));

    test('TLS files that are missing or hold something else', async () => {
      const missing = join(parent, 'missing.pem');
      await expectRefusedUnchanged(dataDir, ['--tls-cert', missing, '--tls-key', missing], `cannot read the TLS`);
      const garbage = join(parent, 'garbage.pem');
      await expectRefusedUnchanged(
        dataDir,
        ['--tls-cert', garbage, '--tls-key', garbage],
        `the TLS certificate ${garbage} and key ${garbage} cannot be used: `,
      );
    });

    test('a port in use by something else', async () => {
      const other = createServer().listen(0, '127.0.0.1');
      await once(other, 'listening');
      const { port } = other.address() as { port: number };
      await expectRefusedUnchanged(
        dataDir,
        ['--listen', `127.0.0.1:${port}`],
        `127.0.0.1:${port} is in use: give another`,
      );
      other.close();
    });

    // Its workers share their port by SO_REUSEPORT, which would let any process of the same user share it, too.
    test('a port in use by another Keyhold with several workers', async () => {
      const other = await start({ workers: 2 });
      const args = ['--listen', `127.0.0.1:${other.port}`, '--workers', '2'];
      await expectRefusedUnchanged(dataDir, args, `127.0.0.1:${other.port} is in use`);
    });
  });

  test('a directory that holds something else', async () => {
    const dataDir = newDirectory();
    writeFileSync(join(dataDir, 'holiday.jpg'), '');
    const message = `${dataDir} is not a Keyhold data directory: it holds "holiday.jpg"`;
    expectRefusal(await runToEnd(['--data-dir', dataDir]), message);
    expect(Object.keys(treeOf(dataDir))).toEqual(['.', 'holiday.jpg']);
  });

  test('a file, or a path through a file', async () => {
    const file = join(newDirectory(), 'file');
    writeFileSync(file, '');
    await expectRefusedUnchanged(file, [], `${file} is not a directory`);
    expectRefusal(await runToEnd(['--data-dir', join(file, 'data')]), `${join(file, 'data')}`);
  });

  test("another SQLite program's database", async () => {
    const dataDir = newDirectory();
    const { DatabaseSync } = await import('node:sqlite');
    const database = new DatabaseSync(join(dataDir, 'keyhold.db'));
    database.exec('CREATE TABLE holidays (place TEXT)');
    database.close();
    writeFileSync(join(dataDir, 'root.key'), '');
    const before = treeOf(dataDir)['keyhold.db'];
    chmodSync(join(dataDir, 'root.key'), 0o600);
    expectRefusal(await runToEnd(['--data-dir', dataDir, '--listen', '127.0.0.1:0']), 'is not a Keyhold database');
    expect(treeOf(dataDir)['keyhold.db']).toBe(before);
  });

  test('a data directory that another server uses', async () => {
    const server = await start();
    const before = await settledTree(server.dataDir);
    const run = await runToEnd(['--data-dir', server.dataDir, '--listen', '127.0.0.1:0']);
    expectRefusal(run, `${server.dataDir} is in use by another Keyhold server: stop that one, or give`);
    expect(treeOf(server.dataDir)).toEqual(before);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    // And it is free again at once, however the other ended.
    await server.kill();
    await (await start({ dataDir: server.dataDir })).stop();
  });

  test("another deployment's root key", async () => {
    const [ours, theirs] = [await usedDataDir(), await usedDataDir()];
    copyFileSync(join(theirs, 'root.key'), join(ours, 'root.key'));
    await expectRefusedUnchanged(ours, [], 'the root key does not open the domain keys');
  });

  test('no root key', async () => {
    const dataDir = await usedDataDir();
    rmSync(join(dataDir, 'root.key'));
    await expectRefusedUnchanged(dataDir, [], `${join(dataDir, 'root.key')} is missing`);
  });

  test('a root key file that others can read, or that is not one', async () => {
    const dataDir = await usedDataDir();
    const path = join(dataDir, 'root.key');
    for (const mode of [0o644, 0o640, 0o604]) {
      chmodSync(path, mode);
      await expectRefusedUnchanged(dataDir, [], `the root key file ${path} is open to others; run: chmod 600 ${path}`);
    }
    chmodSync(path, 0o600);
    const text = readFileSync(path, 'utf8');
    for (const bad of ['', 'garbage', text.slice(0, -4), text.toUpperCase(), `x${text}`]) {
      writeFileSync(path, bad);
      await expectRefusedUnchanged(dataDir, [], `${path} is not a Keyhold root key file`);
    }
  });

  test('a database that is damaged', async () => {
    const dataDir = await usedDataDir();
    const path = join(dataDir, 'keyhold.db');
    const whole = readFileSync(path);
    const damaged: [string, Buffer][] = [
      ['begins with something else', Buffer.concat([Buffer.from('garbage'), whole.subarray(7)])],
      [
        'has random bytes after its first page',
        Buffer.concat([whole.subarray(0, 4096), whole.subarray(4096).fill(0x5a, 0)]),
      ],
    ];
    for (const [what, bytes] of damaged) {
      writeFileSync(path, bytes);
      await expectRefusedUnchanged(dataDir, [], path).catch((error: unknown) => {
        throw new Error(`a database that ${what}`, { cause: error });
      });
    }
    truncateSync(path, 5000);
    await expectRefusedUnchanged(dataDir, [], path);
  });

  test('an audit file that cannot be gone on with', async () => {
    const dataDir = await usedDataDir();
    writeFileSync(join(dataDir, 'audit', 'w0.jsonl'), 'garbage\n');
    const args = ['--data-dir', dataDir, '--listen', '127.0.0.1:0', '--workers', '2'];
    expectRefusal(await runToEnd(args), 'the last line of audit stream w0 is not one of its records');
    expect(readFileSync(join(dataDir, 'audit', 'w0.jsonl'), 'utf8')).toBe('garbage\n');
    rmSync(join(dataDir, 'audit'), { recursive: true });
    writeFileSync(join(dataDir, 'audit'), '');
    expectRefusal(await runToEnd(args), `the audit file cannot be opened: EEXIST`);
    rmSync(join(dataDir, 'audit'));
    expect(await (await start({ dataDir })).stop()).toBe(0);
  });

  test('another account than the one of the first start', async () => {
    const dataDir = join(newDirectory(), 'data');
    const server = await startServer({ dataDir, args: ['--account-id', '111122223333'] });
    expect(server.accountId).toBe('111122223333');
    await server.stop();
    const message = `${dataDir} belongs to account 111122223333, not 444455556666: leave out --account-id, or give another`;
    await expectRefusedUnchanged(dataDir, ['--account-id', '444455556666'], message);
    const again = await startServer({ dataDir, args: ['--account-id', '111122223333'] });
    expect(await again.stop()).toBe(0);
  });

  test('--sandbox on a directory made in earnest, and the other way round', async () => {
    await expectRefusedUnchanged(await usedDataDir(), ['--sandbox'], 'opened with it: give another --data-dir');
    const dataDir = join(newDirectory(), 'data');
    await (await startServer({ dataDir, args: ['--sandbox'] })).stop();
    await expectRefusedUnchanged(dataDir, [], 'was made with --sandbox and is not for anything else: give');
  });
});

describe('stopping', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s lets the requests in flight finish, and exits with 0',
    async (signal) => {
      const server = await start({ workers: 2 });
      const { KeyMetadata } = await server.kms().send(new CreateKeyCommand({}));
      const idle = connect(server.port, '127.0.0.1');
      await once(idle, 'connect');

      const encrypt = new EncryptCommand({ KeyId: KeyMetadata?.KeyId, Plaintext: Buffer.alloc(32) });
      const { headers, body } = await captureRequest(server, (client) => client.send(encrypt));
      const inFlight = connect(server.port, '127.0.0.1');
      const received = collect(inFlight);
      const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
      // The server's "100 Continue" tells that it has begun with the request.
      inFlight.write(['POST / HTTP/1.1', ...head, 'Expect: 100-continue', '', ''].join('\r\n'));
      await until(() => received.text.includes('100 Continue'));
      inFlight.write(body.slice(0, 10));

      server.process.kill(signal);
      await until(() => server.output.stderr.includes('stopping'));
      await until(() => refusesConnections(server.port));
      inFlight.write(body.slice(10));
      expect(await server.exited).toBe(0);

      expect(received.text).toMatch(/HTTP\/1\.1 200 OK\r\n(?:.+\r\n)*Connection: close\r\n/);
      expect(received.text).toContain('"CiphertextBlob"');
      const requestId = /x-amzn-RequestId: (\S+)/i.exec(received.text)?.[1];
      const records = new Map<string, AuditRecord>();
      const verdicts = await verifyAuditDirectory(join(server.dataDir, 'audit'), (record) => {
        records.set(record.requestID ?? '', record);
      });
      expect(verdicts.map(({ problem }) => problem)).toEqual([undefined, undefined]);
      expect(records.get(requestId ?? '')).toMatchObject({ eventName: 'Encrypt' });
      idle.destroy();
      // What is left is a database without a write-ahead log: everything is in it.
      expect(Object.keys(treeOf(server.dataDir)).filter((name) => name.startsWith('keyhold.db'))).toEqual([
        'keyhold.db',
      ]);
    },
  );

  test('RSA keys whose clients are gone are not made first, and their requests are on record', async () => {
    const server = await start({ workers: 1 });
    const { KeyMetadata } = await server.kms().send(new CreateKeyCommand({}));
    const command = () => new GenerateDataKeyPairCommand({ KeyId: KeyMetadata?.KeyId, KeyPairSpec: 'RSA_4096' });
    // Many, so that some must still be waiting whatever the machine.
    const gone = new AbortController();
    const asked = Array.from({ length: 30 }, () => server.kms().send(command(), { abortSignal: gone.signal }));
    const outcomes = Promise.allSettled(asked);
    await Promise.race(asked);
    gone.abort();
    await outcomes;
    expect(await server.stop()).toBe(0);
    expect(server.output.stderr).not.toContain('request failed');
    const codes: (string | undefined)[] = [];
    await verifyAuditDirectory(join(server.dataDir, 'audit'), ({ eventName, errorCode }) => {
      if (eventName === 'GenerateDataKeyPair') codes.push(errorCode);
    });
    expect(codes).toContain('ThrottlingException');
    expect(codes).toContain(undefined);
  }, 60_000);

  test('npm passes SIGTERM on, and ends as the server does', async () => {
    const args = ['start', '--', '--listen', '127.0.0.1:0', '--workers', '1'];
    const npm = await untilListening('npm', [...args, '--data-dir', join(newDirectory(), 'data')]);
    npm.child.kill('SIGTERM');
    expect(await once(npm.child, 'close')).toEqual([0, null]);
  });

  test('a second signal changes nothing', async () => {
    const server = await start();
    server.process.kill('SIGTERM');
    server.process.kill('SIGINT');
    server.process.kill('SIGTERM');
    expect(await server.exited).toBe(0);
  });

  test('SIGHUP without TLS does nothing', async () => {
    const server = await start();
    const before = server.output.stderr;
    server.process.kill('SIGHUP');
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    expect(await server.stop()).toBe(0);
    expect(server.output.stderr.slice(before.length)).not.toContain('TLS');
  });
});

/** Runs what starts a server, until that listens or the run has ended. */
async function untilListening(command: string, args: readonly string[]) {
  const child = spawn(command, args, { cwd: projectRoot });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  await until(() => printed.includes('is listening') || child.exitCode !== null);
  return { child, printed: () => printed };
}

function collect(socket: Socket): { text: string } {
  const received = { text: '' };
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    received.text += chunk;
  });
  socket.on('error', () => {});
  return received;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

function refusesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', () => resolve(true));
  });
}

/** A server scrubs its database once, a second after its start, and then leaves the files alone. */
async function settledTree(dataDir: string) {
  for (let tree = treeOf(dataDir); ; ) {
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const later = treeOf(dataDir);
    if (isDeepStrictEqual(later, tree)) return later;
    tree = later;
  }
}
