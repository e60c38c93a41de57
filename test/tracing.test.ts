import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CreateKeyCommand, DescribeKeyCommand, type KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

/** Spans as a collector gets them, and what logs say of a request that is a part of a trace. */

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes: readonly { readonly key: string; readonly value: object }[];
}

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

const spans: Span[] = [];
const tokens = new Set<unknown>();
let collector: Server;
let server: TestServer;

beforeAll(async () => {
  collector = createServer(async (request, response) => {
    tokens.add(request.headers['x-token']);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    for (const { scopeSpans } of resourceSpans) for (const each of scopeSpans) spans.push(...each.spans);
    response.setHeader('content-type', 'application/json').end('{}');
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const { port } = collector.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/v1/traces`;
  server = await startServer({
    args: ['--otlp-traces', url, '--log-level', 'debug'],
    env: { OTEL_EXPORTER_OTLP_HEADERS: 'x-token=abc' },
  });
});

afterAll(async () => {
  await cleanUp(server);
  collector.close();
});

/** A client whose requests are a part of a trace, as instrumentation makes them. */
function tracedClient(traceParent: string): KMSClient {
  const client = server.kms();
  client.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { headers: Record<string, string> };
      request.headers['traceparent'] = traceParent;
      return next(args);
    },
    { step: 'build', name: 'traceparent' },
  );
  return client;
}

/** The span of a request, once it is there. */
function spanOf(requestId: string | undefined): Promise<Span> {
  return vi.waitFor(
    () => {
      const found = spans.find(({ attributes }) =>
        attributes.some(
          ({ key, value }) => key === 'aws.request_id' && 'stringValue' in value && value.stringValue === requestId,
        ),
      );
      if (found === undefined) throw new Error(`no span of ${requestId} among ${spans.length}`);
      return found;
    },
    { timeout: 60_000 },
  );
}

function attributesOf({ attributes }: Span): object {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

test('each request is a span, of a trace of its own where it brings none', async () => {
  const { $metadata } = await server.kms().send(new CreateKeyCommand({}));
  const span = await spanOf($metadata.requestId);
  expect(span).toMatchObject({ name: 'kms/CreateKey', kind: 2 });
  expect(span.parentSpanId ?? '').toBe('');
  expect(attributesOf(span)).toEqual({
    'rpc.system': 'aws-api',
    'rpc.service': 'kms',
    'rpc.method': 'CreateKey',
    'aws.request_id': $metadata.requestId,
    'http.response.status_code': 200,
  });
});

test("spans come with the headers that OpenTelemetry's own variable says", async () => {
  const { $metadata } = await server.kms().send(new CreateKeyCommand({}));
  await spanOf($metadata.requestId);
  expect([...tokens]).toEqual(['abc']);
});

test("a request that brings a trace is a step of the caller's, in spans as in logs", async () => {
  const client = tracedClient(`00-${TRACE}-${SPAN}-01`);
  const refused = await client.send(new DescribeKeyCommand({ KeyId: 'alias/none' })).catch((error) => error);
  const { requestId } = refused.$metadata;
  const span = await spanOf(requestId);
  expect(span).toMatchObject({ traceId: TRACE, parentSpanId: SPAN, name: 'kms/DescribeKey' });
  expect(attributesOf(span)).toMatchObject({ 'error.type': 'NotFoundException', 'http.response.status_code': 400 });
  const lines = server.output.stderr.split('\n').filter((line) => line.includes(requestId));
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { requestId, traceId: TRACE, service: 'kms', operation: 'DescribeKey', status: 400, code: 'NotFoundException' },
  ]);
});

test('a trace that the caller does not sample is not sent', async () => {
  const other = TRACE.replace('4', '5');
  const client = tracedClient(`00-${other}-${SPAN}-00`);
  await client.send(new CreateKeyCommand({}));
  // A later request's span is sent after it would have been.
  const { $metadata } = await server.kms().send(new CreateKeyCommand({}));
  await spanOf($metadata.requestId);
  expect(spans.filter(({ traceId }) => traceId === other)).toEqual([]);
});

test('a collector that never answers delays no request, and the stop by its time-out alone', async () => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/v1/traces`;
  const other = await startServer({ args: ['--otlp-traces', url] });
  try {
    for (let each = 0; each < 20; each++) await other.kms().send(new CreateKeyCommand({}));
    expect(await other.stop()).toBe(0);
  } finally {
    silent.closeAllConnections();
    silent.close();
    await cleanUp(other);
  }
});
