import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect } from 'vitest';

/** The syslog daemon of most Linux systems, which knows nothing of us. */
export const rsyslog = {
  name: 'rsyslogd (of Debian, the package rsyslog)',
  isInstalled: () => spawnSync('rsyslogd', ['-v']).status === 0,
};

export interface Rsyslog {
  /** What it has written: of each message, its fields as it understood them. */
  messages(): readonly RsyslogMessage[];
  stop(): Promise<void>;
}

export interface RsyslogMessage {
  readonly facility: string;
  readonly severity: string;
  readonly timestamp: string;
  readonly appName: string;
  readonly messageId: string;
  readonly structuredData: string;
  readonly text: string;
}

const FIELDS = ['facility', 'severity', 'timestamp', 'appName', 'messageId', 'structuredData', 'text'] as const;

/** Listens on a port for TCP and UDP. What it wrote before in the same directory stays. */
export async function startRsyslog(directory: string, port: number): Promise<Rsyslog> {
  const [config, output] = [join(directory, 'rsyslog.conf'), join(directory, 'messages')];
  const fields = 'syslogfacility,syslogseverity-text,timereported:::date-rfc3339,app-name,msgid,structured-data,msg';
  const template = fields
    .split(',')
    .map((field) => `%${field}%`)
    .join('\\t');
  writeFileSync(
    config,
    `global(workDirectory="${directory}" maxMessageSize="256k")
     module(load="imtcp") module(load="imudp")
     input(type="imtcp" port="${port}" address="127.0.0.1")
     input(type="imudp" port="${port}" address="127.0.0.1")
     template(name="fields" type="string" string="${template}\\n")
     action(type="omfile" file="${output}" template="fields")\n`,
  );
  const child = spawn('rsyslogd', ['-n', '-f', config, '-i', join(directory, 'pid')], { stdio: 'inherit' });
  await expect.poll(() => answers(port), { timeout: 60_000 }).toBe(true);
  return {
    messages: () => (existsSync(output) ? readFileSync(output, 'utf8').split('\n').slice(0, -1).map(parse) : []),
    stop: () => end(child),
  };
}

function parse(line: string): RsyslogMessage {
  const values = line.split('\t');
  return Object.fromEntries(FIELDS.map((field, at) => [field, values[at] ?? ''])) as unknown as RsyslogMessage;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => socket.end(() => resolve(true)));
    socket.on('error', () => resolve(false));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}
