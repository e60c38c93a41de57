import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { createServer as createTlsServer } from 'node:tls';
import { expect } from 'vitest';
import type { AuditRecord } from '../../src/audit/record.ts';
import { auditRecordsOf } from './audit.ts';
import type { CertificateFiles } from './certificates.ts';
import type { TestServer } from './server.ts';

/** Receivers of audit records, as a test has them stand still, vanish and come back. */
export interface Receiver {
  readonly port: number;
  /** All that has arrived so far, as text: messages or bodies. */
  readonly received: string[];
  /** Takes it down at once, connections and all. */
  close(): Promise<void>;
}

/** @param port 0 for any */
export async function syslogReceiver(
  { port = 0, tls, reads = true }: { port?: number; tls?: CertificateFiles; reads?: boolean } = {},
  received: string[] = [],
): Promise<Receiver> {
  const sockets = new Set<Socket>();
  const accept = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    if (reads) readFrames(socket, received);
    else socket.pause();
  };
  const server: Server =
    tls === undefined
      ? createServer(accept)
      : createTlsServer({ cert: readFileSync(tls.certPath), key: readFileSync(tls.keyPath) }, accept);
  server.on('connection', (socket: Socket) => sockets.add(socket));
  return { port: await listen(server, port), received, close: () => closeAll(server, sockets) };
}

/** Takes the stream apart as RFC 6587, section 3.4.1, has it, and throws at what is no frame. */
function readFrames(socket: Socket, received: string[]): void {
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const space = rest.indexOf(' ');
      if (space < 0) return;
      const length = rest.toString('latin1', 0, space);
      if (!/^[1-9]\d*$/.test(length)) throw new Error(`no frame: ${rest.toString('latin1', 0, 100)}`);
      const end = space + 1 + Number(length);
      if (rest.length < end) return;
      received.push(rest.toString('utf8', space + 1, end));
      rest = rest.subarray(end);
    }
  });
}

export async function datagramReceiver({ port = 0 } = {}, received: string[] = []): Promise<Receiver> {
  const socket = createSocket('udp4');
  socket.on('message', (message) => received.push(message.toString('utf8')));
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  socket.setRecvBufferSize(4 * 1024 * 1024);
  return {
    port: socket.address().port,
    received,
    close: async () => {
      socket.close();
    },
  };
}

export interface HttpReceiver extends Receiver {
  readonly requests: { readonly path: string | undefined; readonly headers: IncomingHttpHeaders }[];
}

/** @param answer the status of the answer to a body, and its text; undefined for none at all */
export async function httpReceiver(
  {
    port = 0,
    tls,
    answer = () => ({ status: 200, body: '{}' }),
  }: {
    port?: number;
    tls?: CertificateFiles;
    answer?: (body: string) => { status: number; body: string } | undefined;
  } = {},
  received: string[] = [],
): Promise<HttpReceiver> {
  const requests: HttpReceiver['requests'] = [];
  const sockets = new Set<Socket>();
  const receive: RequestListener = async (request, response) => {
    const body = await text(request).catch(() => undefined);
    if (body === undefined) return;
    const said = answer(body);
    if (said === undefined) return;
    requests.push({ path: request.url, headers: request.headers });
    if (said.status === 200) received.push(body);
    response.writeHead(said.status, { 'content-type': 'application/json' }).end(said.body);
  };
  const server =
    tls === undefined
      ? createHttpServer(receive)
      : createHttpsServer({ cert: readFileSync(tls.certPath), key: readFileSync(tls.keyPath) }, receive);
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  return { port: await listen(server, port), received, requests, close: () => closeAll(server, sockets) };
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function closeAll(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  for (const socket of sockets) socket.resetAndDestroy();
  await closed;
}

/** The record of a message of syslog, checked against the grammar of RFC 5424 as far as ours go. */
export function recordOfMessage(message: string): AuditRecord {
  const found =
    /^<(\d{3})>1 (\S+) ([\x21-\x7e]{1,255}) keyhold (\d+) (\S{1,32}) \[meta sequenceId="\d+"\] (\{[\x20-\x7e]*\})$/.exec(
      message,
    );
  if (found === null) throw new Error(`no message of ours: ${message.slice(0, 300)}`);
  const [, priority, timestamp, , , messageId, json = ''] = found;
  const record = JSON.parse(json) as AuditRecord;
  expect({ priority, timestamp, messageId }).toEqual({
    priority: record.errorCode === undefined ? '109' : '108',
    timestamp: record.eventTime,
    messageId: record.eventName,
  });
  return record;
}

/** The records of an ExportLogsServiceRequest. */
export function recordsOfLogs(body: string): AuditRecord[] {
  const { resourceLogs } = JSON.parse(body) as {
    resourceLogs: { scopeLogs: { logRecords: { body: { stringValue: string } }[] }[] }[];
  };
  return resourceLogs
    .flatMap(({ scopeLogs }) => scopeLogs)
    .flatMap(({ logRecords }) => logRecords)
    .map(({ body }) => JSON.parse(body.stringValue) as AuditRecord);
}

/** Waits until every record that a server has made has arrived: those that are missing, by their ids, are none. */
export async function expectAllOf(server: TestServer, arrived: () => readonly AuditRecord[]): Promise<void> {
  await expect.poll(() => missingOf(server, arrived()), { timeout: 60_000, interval: 100 }).toEqual([]);
}

export async function missingOf(server: TestServer, arrived: readonly AuditRecord[]): Promise<string[]> {
  const ids = new Map(arrived.map((record) => [record.eventID, record]));
  const made = await auditRecordsOf(server);
  expect(made.length).toBeGreaterThan(0);
  for (const record of made) {
    const other = ids.get(record.eventID);
    if (other !== undefined) expect(other).toEqual(record);
  }
  return made.filter(({ eventID }) => !ids.has(eventID)).map(({ eventID, eventName }) => `${eventName} ${eventID}`);
}
