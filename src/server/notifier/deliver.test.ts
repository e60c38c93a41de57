import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DeliveryFailure, deliver } from './deliver.ts';
import { actionRecord, type TestReceiver, TOPIC, testReceiver } from './notifier.test-helper.ts';
import type { Receiver } from './notify-file.ts';

const never = new AbortController().signal;
const record = actionRecord();
const PATIENCE = { timeout: 60_000 };
const once = (receiver: Receiver, stop = never) => deliver(receiver, record, Date.UTC(2026, 10, 22), stop);

describe('a webhook', () => {
  let receiver: TestReceiver;
  let webhook: Receiver;
  beforeEach(async () => {
    receiver = await testReceiver();
    webhook = { kind: 'webhook', url: `${receiver.url}hook`, timeoutSeconds: 20, keys: [new Uint8Array(24)] };
  });
  afterEach(() => receiver.close());

  test('is delivered when the receiver has said so, whatever of 2xx', async () => {
    receiver.status = 204;
    await once(webhook);
    receiver.status = 202;
    await once({ kind: 'sns', url: receiver.url, timeoutSeconds: 20, topicArn: TOPIC });
    expect(receiver.got.map(({ path, headers }) => [path, headers['content-type']])).toEqual([
      ['/hook', 'application/json'],
      ['/', 'text/plain; charset=UTF-8'],
    ]);
  });

  test.each([400, 404, 410, 429, 500, 503])('fails if it answers %s', async (status) => {
    receiver.status = status;
    await expect(once(webhook)).rejects.toThrow(new DeliveryFailure(`The receiver answers ${status}`));
  });

  test.each([301, 302, 307, 308])('follows no redirect (%s)', async (status) => {
    receiver.status = status;
    await expect(once(webhook)).rejects.toThrow(`The receiver answers ${status}, a redirect`);
    expect(receiver.got.map(({ path }) => path)).toEqual(['/hook']);
  });

  test('fails if it does not answer in time, or cannot be reached, and says so without naming it', async () => {
    receiver.status = undefined;
    const hasty = { ...webhook, timeoutSeconds: 1 } as Receiver;
    await expect(once(hasty)).rejects.toThrow('The receiver did not answer within 1 seconds');
    const nowhere = { ...webhook, url: 'http://127.0.0.1:1/secret-path' } as Receiver;
    const failure = await once(nowhere).catch((error: Error) => error);
    expect(failure).toMatchObject({ name: 'DeliveryFailure', message: 'The receiver cannot be reached' });
  });

  test('ends early if it is told to', async () => {
    receiver.status = undefined;
    const stop = new AbortController();
    const delivery = once({ ...webhook, timeoutSeconds: 60 } as Receiver, stop.signal);
    await vi.waitFor(() => expect(receiver.got).toHaveLength(1), PATIENCE);
    stop.abort();
    await expect(delivery).rejects.toThrow('The server was stopped');
  });
});

describe('a command', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'keyhold-command-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const shell = (script: string, ...args: string[]): Receiver => ({
    kind: 'command',
    argv: ['/bin/sh', '-c', script, 'sh', ...args],
    timeoutSeconds: 20,
  });

  test('gets the message on its standard input, its arguments as they are, and nothing of our environment', async () => {
    process.env['KEYHOLD_TEST_SECRET'] = 'not for commands';
    const out = join(directory, 'out');
    await once(shell('cat > "$1"; env >> "$1"; pwd >> "$1"; printf "%s" "$2" >> "$1"', out, '$(id); *'));
    const [message = '', ...rest] = readFileSync(out, 'utf8').split(/(?<=\})(?=[A-Z])/);
    expect(JSON.parse(message)).toMatchObject({ type: 'alarm.action', data: { action: TOPIC } });
    expect(rest.join('')).not.toContain('KEYHOLD_TEST_SECRET');
    expect(rest.join('')).toMatch(/\n\/\n\$\(id\); \*$/);
  });

  test('fails with its status, and its output is for the log', async () => {
    const failure = await once(shell('echo out; echo broken >&2; exit 3')).catch((error: Error) => error);
    expect(failure).toMatchObject({
      message: 'The command ended with status 3',
      cause: { message: 'broken\n\nout\n' },
    });
  });

  test('is ended with all that it started if it takes too long', async () => {
    const pidFile = join(directory, 'pid');
    const hasty = { ...shell('sleep 100 & echo $! > "$1"; wait', pidFile), timeoutSeconds: 3 } as Receiver;
    await expect(once(hasty)).rejects.toThrow('The command did not end within 3 seconds');
    const pid = Number(readFileSync(pidFile, 'utf8'));
    // A zombie has no command line; whoever is process 1 here may be slow to bury it.
    await vi.waitFor(() => expect(commandLine(pid)).toBe(''), PATIENCE);
  });

  test('is done when it has ended, though something that it left behind keeps its output open', async () => {
    await once(shell('setsid sleep 3 & exit 0'));
  });

  test('may say as much as it likes', async () => {
    const failure = await once(shell('head -c 3000000 /dev/zero | tr "\\0" x; exit 1')).catch((error: Error) => error);
    expect((failure as Error & { cause: Error }).cause.message).toHaveLength(4096);
  });

  test('need not read what it is told, and fails if it is not there', async () => {
    await once(shell('exec <&-; exit 0'));
    const none: Receiver = { kind: 'command', argv: ['/nonexistent/command'], timeoutSeconds: 1 };
    await expect(once(none)).rejects.toThrow('The command cannot be run');
  });
});

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
