import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { sinkRecord } from './sink-records.test-helper.ts';
import { syslogTransport } from './syslog.ts';
import type { Transport } from './transport.ts';

const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

async function receiver(accept: (socket: Socket) => void): Promise<Transport> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    accept(socket);
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const sink = { kind: 'syslog', over: 'tcp', host: '127.0.0.1', port } as const;
  return syslogTransport(sink, { hostname: 'a', processId: 1 }, undefined);
}

/** More than the systems of both ends take for a receiver that does not read. */
const much = Array.from({ length: 500 }, () => sinkRecord({ requestParameters: { policy: 'p'.repeat(100_000) } }));

test('an attempt to send to a receiver that does not read ends when it is told to, and the next one succeeds', async () => {
  let reads = false;
  const transport = await receiver((socket) => (reads ? socket.resume() : socket.pause()));
  await expect(transport.send(much, AbortSignal.timeout(300))).rejects.toMatchObject({ name: 'TimeoutError' });
  expect(transport.broken()).toBeInstanceOf(Error);
  reads = true;
  expect(await transport.send(much, AbortSignal.timeout(30_000))).toEqual({ refused: 0 });
  expect(transport.broken()).toBeUndefined();
});

test('an attempt that was ended before it began connects to nobody', async () => {
  const transport = await receiver(() => {});
  await expect(transport.send([sinkRecord()], AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
});

test('a connection that its receiver closes is known to be broken', async () => {
  const transport = await receiver((socket) => socket.once('data', () => socket.end()));
  await transport.send([sinkRecord()], AbortSignal.timeout(10_000));
  await expect
    .poll(() => transport.broken()?.message, { timeout: 60_000 })
    .toBe('the receiver has closed the connection');
});

test('a close tells whether the receiver has read to the end', async () => {
  const well = await receiver((socket) => socket.resume().on('end', () => socket.end()));
  await well.send([sinkRecord()], AbortSignal.timeout(10_000));
  await expect(well.close()).resolves.toBeUndefined();
  const hung = await receiver((socket) => socket.pause());
  await hung.send([sinkRecord()], AbortSignal.timeout(10_000));
  await expect(hung.close()).rejects.toMatchObject({ name: 'TimeoutError' });
  const dying = await receiver((socket) => socket.resume().on('end', () => socket.resetAndDestroy()));
  await dying.send([sinkRecord()], AbortSignal.timeout(10_000));
  await expect(dying.close()).rejects.toMatchObject({ code: 'ECONNRESET' });
});
