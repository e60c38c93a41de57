import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KMSClient, type KMSClientConfig } from '@aws-sdk/client-kms';
import { afterAll } from 'vitest';
import { noteSecret, noteSecretsOfClients, secretsInRecords } from './known-secrets.ts';

/** Starts Keyhold as a user would, in a process of its own, and gives what clients need to reach it. */

noteSecretsOfClients(KMSClient);

export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));
const START_TIMEOUT_MS = 30_000;

export interface ServerOptions {
  /** Default: a new directory in the system's temporary one, removed by `cleanUp`. */
  readonly dataDir?: string;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly workers?: number;
  /** Default 0: any free port. */
  readonly port?: number;
}

export interface TestServer {
  readonly process: ChildProcess;
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  readonly accountId: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** What the server printed so far. */
  readonly output: { stdout: string; stderr: string };
  /** Environment variables that point the AWS CLI and boto3 at this server, and at nothing else. */
  readonly awsEnvironment: NodeJS.ProcessEnv;
  kms(config?: KMSClientConfig): KMSClient;
  /** SIGTERM; resolves with the exit status. */
  stop(): Promise<number | null>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  exited: Promise<number | null>;
}

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'keyhold-test-'));
}

/** The command of `npm start`, without npm between us and its signals. */
export function serverCommand(): string[] {
  const manifest = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  const [command, ...args] = manifest.scripts.start.replace(/^exec /, '').split(' ');
  if (command !== 'node') throw new Error(`npm start no longer runs node: ${manifest.scripts.start}`);
  return [process.execPath, ...args];
}

export interface FinishedRun {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the server's command line to its end: for refusals, --help and --version. */
export async function runToEnd(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  timeoutMs = START_TIMEOUT_MS,
): Promise<FinishedRun> {
  const [command = '', ...rest] = serverCommand();
  const child = spawn(command, [...rest, ...args], { cwd: projectRoot, env: { ...process.env, ...env } });
  const output = collect(child);
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  const status = await exitOf(child);
  clearTimeout(timer);
  return { status, ...output };
}

/** A test that fails half-way leaves no server behind. */
const running = new Set<ChildProcess>();
afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
});

const MOST_STARTS = 3;

export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  for (let start = 1; ; start++) {
    try {
      return await startOnce(options);
    } catch (error) {
      // A free port is found first, and listened on a moment later: meanwhile a client of another test may have got it.
      const portWasTaken = options.port === undefined && String(error).includes('is in use: give another address');
      if (!portWasTaken || start === MOST_STARTS) throw error;
    }
  }
}

async function startOnce(options: ServerOptions): Promise<TestServer> {
  const dataDir = options.dataDir ?? join(temporaryDirectory(), 'data');
  const [command = '', ...rest] = serverCommand();
  const args = [
    ...rest,
    '--listen',
    `127.0.0.1:${options.port ?? 0}`,
    '--data-dir',
    dataDir,
    '--workers',
    String(options.workers ?? 1),
    ...(options.args ?? []),
  ];
  const child = spawn(command, args, { cwd: projectRoot, env: { ...process.env, ...options.env } });
  running.add(child);
  child.once('close', () => running.delete(child));
  const output = collect(child);
  const exited = exitOf(child);
  const { url, accountId } = await listening(child, output);
  const credentials = readCredentials(join(dataDir, 'credentials'));
  noteSecret('the secret access key of the administrator', credentials.secretAccessKey);
  return {
    process: child,
    url,
    port: Number(new URL(url).port),
    dataDir,
    accountId,
    credentials,
    output,
    exited,
    awsEnvironment: {
      PATH: process.env['PATH'],
      HOME: join(dataDir, '..'),
      AWS_ENDPOINT_URL: url,
      AWS_SHARED_CREDENTIALS_FILE: join(dataDir, 'credentials'),
      AWS_CONFIG_FILE: join(dataDir, '..', 'no-such-file'),
      AWS_REGION: 'us-east-1',
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_PAGER: '',
    },
    kms: (config = {}) => new KMSClient({ endpoint: url, region: 'us-east-1', credentials, maxAttempts: 1, ...config }),
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/**
 * Stops a server and removes the directory its data directory is in, if we made it. Fails if a secret that the tests know of
 * is in what the server has recorded.
 *
 * @param options.secretsAnywhere for tests that put secrets where none belong, and so into the records
 */
export async function cleanUp(server: TestServer | undefined, { secretsAnywhere = false } = {}): Promise<void> {
  if (server === undefined) return;
  await server.kill();
  const found = secretsAnywhere ? [] : secretsInRecords(server.dataDir);
  const parent = join(server.dataDir, '..');
  if (parent.startsWith(join(tmpdir(), 'keyhold-test-'))) rmSync(parent, { recursive: true, force: true });
  if (found.length > 0) throw new Error(`secrets are in the audit records:\n${found.join('\n')}`);
}

export function readCredentials(path: string): { accessKeyId: string; secretAccessKey: string } {
  const text = readFileSync(path, 'utf8');
  const value = (name: string) => new RegExp(`^${name} = (.+)$`, 'm').exec(text)?.[1] ?? '';
  return { accessKeyId: value('aws_access_key_id'), secretAccessKey: value('aws_secret_access_key') };
}

function collect(child: ChildProcess): { stdout: string; stderr: string } {
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  return output;
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('close', (status) => resolve(status)));
}

async function listening(
  child: ChildProcess,
  output: { stdout: string; stderr: string },
): Promise<{ url: string; accountId: string }> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const match = /is listening on (\S+) \(account (\d{12}),/.exec(output.stdout);
    if (match?.[1] !== undefined && match[2] !== undefined) return { url: match[1], accountId: match[2] };
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`the server did not start:\n${output.stdout}\n${output.stderr}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
