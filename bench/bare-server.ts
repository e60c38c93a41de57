import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * What every HTTP server on Node pays: it collects a request's body, looks at the headers that Keyhold looks at, and
 * sends the body back under the headers that Keyhold answers with. Its limits are Keyhold's too.
 */

const server = createServer(
  { maxHeaderSize: 16 * 1024, headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 65_000, noDelay: true },
  (request, response) => {
    let first: Buffer | undefined;
    let more: Buffer[] | undefined;
    request.on('data', (chunk: Buffer) => {
      if (first === undefined) first = chunk;
      else {
        more ??= [first];
        more.push(chunk);
      }
    });
    request.on('end', () => {
      const body = more === undefined ? (first ?? Buffer.alloc(0)) : Buffer.concat(more);
      const { headers } = request;
      const known = headers['x-amz-target'] !== undefined && headers['user-agent'] !== undefined;
      // As text, which Node sends together with the head in one write; as bytes it would take two buffers.
      const text = body.toString('latin1');
      response.writeHead(known && headers.host !== undefined ? 200 : 400, [
        'x-amzn-RequestId',
        '3b2d6a0e-52a4-4b52-9b0c-5d1f8f5d3c11',
        'Cache-Control',
        'no-cache, no-store, must-revalidate, private',
        'Content-Type',
        'application/x-amz-json-1.1',
        'Content-Length',
        String(body.length),
      ]);
      response.end(text, 'latin1');
    });
  },
);

server.listen(0, '127.0.0.1', () => {
  console.log(`bare server is listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.on('SIGTERM', () => process.exit(0));
// Its end follows its parent's, however that came.
process.stdin.on('end', () => process.exit(0)).resume();
