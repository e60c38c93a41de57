import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { driveLoad } from './driver.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

const options = { connections: 2, keepEvery: 1, timeLimitMs: 10_000 };

async function serve(listener: RequestListener) {
  server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server?.once('listening', resolve));
  return (server.address() as AddressInfo).port;
}

function request(body: string): Buffer {
  return Buffer.from(`POST / HTTP/1.1\r\nHost: test\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
}

test('every request is sent once and its own answer is kept', async () => {
  const port = await serve((incoming, response) => {
    incoming.setEncoding('utf8').on('data', (body: string) => {
      response.writeHead(200, ['Content-Length', String(body.length)]);
      // Two writes, so that an answer comes in pieces.
      response.write(body.slice(0, 2));
      setTimeout(() => response.end(body.slice(2)), 5);
    });
  });
  const bodies = Array.from({ length: 50 }, (_, index) => `body ${index}`);
  const { latenciesMs, kept } = await driveLoad(port, bodies.map(request), options);
  expect(latenciesMs.length).toBe(50);
  expect(kept.toSorted((a, b) => a.index - b.index).map(({ body }) => body)).toEqual(bodies);
});

test('an answer that is not 200 ends the run with its body', async () => {
  const port = await serve((incoming, response) => {
    incoming.resume().on('end', () => response.writeHead(400, ['Content-Length', '6']).end('denied'));
  });
  await expect(driveLoad(port, [request('a'), request('b')], options)).rejects.toThrow('status 400: denied');
});
