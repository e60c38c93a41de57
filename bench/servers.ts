import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Starts the servers that are compared, each in a process of its own and with the same flags for Node. */

const projectRoot = fileURLToPath(new URL('..', import.meta.url));
const START_TIMEOUT_MS = 30_000;

export interface RunningServer {
  readonly pid: number;
  readonly port: number;
  /** SIGTERM, and SIGKILL if that is not enough; resolves when the process is gone. */
  stop(): Promise<void>;
}

/** Starts Keyhold as `npm start` does, with one worker, on any free port. */
export function startKeyhold(dataDir: string, nodeFlags: readonly string[]): Promise<RunningServer> {
  const { flags, script } = startCommand();
  const options = ['--listen', '127.0.0.1:0', '--data-dir', dataDir, '--workers', '1', '--log-level', 'warn'];
  return start([...flags, ...nodeFlags, script, ...options]);
}

export function startBareServer(nodeFlags: readonly string[]): Promise<RunningServer> {
  return start([...startCommand().flags, ...nodeFlags, join('bench', 'bare-server.ts')]);
}

/** What `npm start` runs: the flags for Node and the script. */
function startCommand(): { flags: readonly string[]; script: string } {
  const manifest = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  const words = manifest.scripts.start.split(' ');
  const script = words.at(-1);
  const node = words.indexOf('node');
  if (node === -1 || script === undefined) throw new Error(`cannot start: ${manifest.scripts.start}`);
  return { flags: words.slice(node + 1, -1), script };
}

async function start(args: readonly string[]): Promise<RunningServer> {
  const child = spawn(process.execPath, args, { cwd: projectRoot, env: environment(), stdio: 'pipe' });
  // However this process ends, as long as it is not killed, the server goes first.
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const stop = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(kill, START_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
    process.off('exit', kill);
  };
  try {
    return { pid: child.pid as number, port: await listeningPort(child), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What the caller has set for a server of their own is not for these. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('KEYHOLD_')));
}

function listeningPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let output = '';
    const failed = () => reject(new Error(`a server did not start:\n${output}`));
    const timer = setTimeout(failed, START_TIMEOUT_MS);
    child.once('close', failed);
    child.once('error', reject);
    const read = (text: string) => {
      output += text;
      const port = / listening on http:\/\/[^:]+:(\d+)/.exec(output)?.[1];
      if (port === undefined) return;
      clearTimeout(timer);
      resolve(Number(port));
    };
    child.stdout?.setEncoding('utf8').on('data', read);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      process.stderr.write(text);
    });
  });
}
