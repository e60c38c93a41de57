import { once } from 'node:events';
import { createServer } from 'node:net';
import { type KMSClient, ListKeysCommand } from '@aws-sdk/client-kms';
import { afterEach } from 'vitest';
import { type Figures, figuresOf } from './prometheus.ts';
import { rawRequest } from './raw-request.ts';
import { cleanUp, type ServerOptions, startServer, type TestServer } from './server.ts';
import { type Receiver, recordOfMessage, recordsOfLogs } from './sink-receivers.ts';

/** Servers with audit sinks, and their receivers: both are gone when a test is over. */

const servers: TestServer[] = [];
const receivers: Receiver[] = [];

afterEach(async () => {
  for (const receiver of receivers.splice(0)) await receiver.close().catch(() => {});
  for (const server of servers.splice(0)) await cleanUp(server);
});

export function watched<Some extends Receiver>(receiver: Some): Some {
  receivers.push(receiver);
  return receiver;
}

export async function startWithSinks(sinks: readonly string[], options: ServerOptions = {}): Promise<TestServer> {
  const args = [...sinks.flatMap((sink) => ['--audit-sink', sink]), ...(options.args ?? [])];
  const server = await startServer({ ...options, args });
  servers.push(server);
  return server;
}

export async function listKeys(kms: KMSClient, times: number): Promise<void> {
  for (let count = 0; count < times; count++) await kms.send(new ListKeysCommand({}));
}

export async function figures(server: TestServer): Promise<Figures> {
  return figuresOf((await rawRequest(server, { method: 'GET', path: '/metrics', signing: false })).body);
}

export const messagesOf = ({ received }: Receiver) => received.map(recordOfMessage);
export const logsOf = ({ received }: Receiver) => received.flatMap(recordsOfLogs);

/** How often a server has logged something. */
export function occurrences({ output }: TestServer, text: string): number {
  return output.stderr.split(text).length - 1;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}
