import { spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import type { NotificationRecord } from '../../services/cloudwatch/notifications.ts';
import { type HttpMessage, plainMessage, snsMessage, webhookMessage } from './message.ts';
import type { Receiver } from './notify-file.ts';

/**
 * Why a notification was not delivered. The message is for the history of the alarm, which callers of the API read: it names
 * no URL and no path, and says nothing that came from the receiver. The cause is for the log.
 */
export class DeliveryFailure extends Error {
  override name = 'DeliveryFailure';
}

/**
 * Delivers once. Rejects with {@link DeliveryFailure}.
 *
 * @param stop ends it early
 */
export function deliver(
  receiver: Receiver,
  notification: NotificationRecord,
  nowMs: number,
  stop: AbortSignal,
): Promise<void> {
  switch (receiver.kind) {
    case 'webhook':
      return post(receiver, webhookMessage(notification, receiver.keys, nowMs), stop);
    case 'sns':
      return post(receiver, snsMessage(notification, receiver), stop);
    case 'command':
      return run(receiver, plainMessage(notification), stop);
  }
}

async function post(
  { url, timeoutSeconds }: { readonly url: string; readonly timeoutSeconds: number },
  { headers, body }: HttpMessage,
  stop: AbortSignal,
): Promise<void> {
  const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
  let status: number;
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'user-agent': 'keyhold' },
      body,
      // It would lead wherever the receiver likes, inside this network.
      redirect: 'manual',
      signal: AbortSignal.any([timeout, stop]),
    });
    ({ status } = answer);
    // What it says beyond that is not read, however long it is.
    await answer.body?.cancel();
  } catch (cause) {
    if (stop.aborted) throw new DeliveryFailure('The server was stopped', { cause });
    if (timeout.aborted) {
      throw new DeliveryFailure(`The receiver did not answer within ${timeoutSeconds} seconds`, { cause });
    }
    throw new DeliveryFailure('The receiver cannot be reached', { cause });
  }
  if (status >= 300 && status < 400) throw new DeliveryFailure(`The receiver answers ${status}, a redirect`);
  if (status < 200 || status >= 300) throw new DeliveryFailure(`The receiver answers ${status}`);
}

/** A command's surroundings are the same whoever starts the server: what this has in its own may be secret. */
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };
const MOST_OUTPUT_BYTES = 4096;
/** For what it said last; what it leaves behind may keep its output open for good. */
const LAST_WORDS_MS = 200;

/** Without a shell; the message is on its standard input. Exit status 0 is success. */
async function run(
  { argv: [program, ...args], timeoutSeconds }: Extract<Receiver, { kind: 'command' }>,
  message: string,
  stop: AbortSignal,
): Promise<void> {
  // In a group of its own, so that what it starts ends with it.
  const child = spawn(program, args, { cwd: '/', env: ENVIRONMENT, detached: true, stdio: 'pipe' });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] = (output[name] + text).slice(0, MOST_OUTPUT_BYTES);
    });
  }
  // It need not read what it is told.
  child.stdin.on('error', () => {});
  child.stdin.end(message);
  const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
  const end = AbortSignal.any([timeout, stop]);
  const kill = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has just ended by itself.
    }
  };
  end.addEventListener('abort', kill, { once: true });
  try {
    const closed = new Promise((resolve) => child.once('close', resolve));
    const [status, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
      child.once('error', (cause) => reject(new DeliveryFailure('The command cannot be run', { cause })));
      child.once('exit', (code, ended) => resolve([code, ended]));
    });
    await Promise.race([closed, pause(LAST_WORDS_MS, undefined, { ref: false })]);
    if (status === 0) return;
    const cause = new CommandOutput(output.stdout, output.stderr);
    if (stop.aborted) throw new DeliveryFailure('The server was stopped', { cause });
    if (timeout.aborted) {
      throw new DeliveryFailure(`The command did not end within ${timeoutSeconds} seconds`, { cause });
    }
    const how = signal === null ? `with status ${status}` : `by ${signal}`;
    throw new DeliveryFailure(`The command ended ${how}`, { cause });
  } finally {
    end.removeEventListener('abort', kill);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

/** What a command that failed has said, as far as the log takes it. */
class CommandOutput extends Error {
  override name = 'CommandOutput';

  constructor(stdout: string, stderr: string) {
    super([stderr, stdout].filter((text) => text !== '').join('\n'));
  }
}
