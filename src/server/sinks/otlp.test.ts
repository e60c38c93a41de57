import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { otlpTransport, parseHeaders } from './otlp.ts';
import { otlpLogs } from './otlp-logs.ts';
import type { SinkRecord } from './sink-record.ts';
import { sinkRecord } from './sink-records.test-helper.ts';

const NOW = Date.UTC(2026, 10, 26, 10, 30, 1, 5);

describe('an ExportLogsServiceRequest', () => {
  test('in OTLP’s JSON', () => {
    const each = sinkRecord();
    const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });
    expect(otlpLogs([each], { hostname: 'kms-1' }, NOW)).toEqual({
      resourceLogs: [
        {
          resource: { attributes: [attribute('service.name', 'keyhold'), attribute('host.name', 'kms-1')] },
          scopeLogs: [
            {
              scope: { name: 'keyhold.audit' },
              logRecords: [
                {
                  timeUnixNano: '1795689000000000000',
                  observedTimeUnixNano: '1795689001005000000',
                  severityNumber: 9,
                  severityText: 'INFO',
                  eventName: 'kms.ListKeys',
                  body: { stringValue: each.json },
                  attributes: [
                    attribute('log.record.uid', '22222222-2222-4222-8222-222222222222'),
                    attribute('cloud.account.id', '111122223333'),
                    attribute('cloud.region', 'us-east-1'),
                    attribute('rpc.system.name', 'aws-api'),
                    attribute('rpc.method', 'kms/ListKeys'),
                    attribute('aws.request_id', '11111111-1111-4111-8111-111111111111'),
                    attribute('client.address', '192.0.2.1'),
                    attribute('user_agent.original', 'aws-cli'),
                    attribute('user.id', 'arn:aws:iam::111122223333:user/administrator'),
                  ],
                },
              ],
            },
          ],
        },
      ],
    });
  });

  test('has what was refused as a warning, with its error', () => {
    const logs = JSON.stringify(otlpLogs([sinkRecord({ errorCode: 'AccessDenied' })], { hostname: 'a' }, NOW));
    expect(logs).toContain('"severityNumber":13,"severityText":"WARN"');
    expect(logs).toContain('{"key":"error.type","value":{"stringValue":"AccessDenied"}}');
  });
});

describe('a collector', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.closeAllConnections();
  });

  const names = (body: string) =>
    [...body.matchAll(/"rpc\.method","value":\{"stringValue":"kms\/(\w+)"/g)].map(([, name]) => name);
  const records = (...eventNames: readonly string[]) => eventNames.map((eventName) => sinkRecord({ eventName }));

  /** @param answer to the names in a request */
  async function collector(
    answer: (names: (string | undefined)[], socket: Socket) => { status: number; body?: string; headers?: object },
  ) {
    const asked: (string | undefined)[][] = [];
    const refused: { count: number; reason: string; names: string[] }[] = [];
    const server = createServer(async (request, response) => {
      const found = names(await text(request));
      asked.push(found);
      const { status, body = '', headers = {} } = answer(found, request.socket);
      response.writeHead(status, { location: 'http://127.0.0.1:1/', ...headers }).end(body);
    }).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    const transport = otlpTransport({
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/logs`,
      headers: () => ({}),
      sender: { hostname: 'a' },
      clock: { now: () => NOW },
      trust: undefined,
      onRefused: (each, count, reason) =>
        refused.push({ count, reason, names: each.map(({ record }) => record.eventName) }),
    });
    const send = (batch: readonly SinkRecord[]) => transport.send(batch, AbortSignal.timeout(10_000));
    return { asked, refused, send };
  }

  test('that takes all', async () => {
    const { send, asked } = await collector(() => ({ status: 200, body: '{}' }));
    expect(await send(records('A', 'B'))).toEqual({ refused: 0 });
    expect(asked).toEqual([['A', 'B']]);
  });

  test('that takes a part, and says so, is not asked again', async () => {
    const body = '{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"too long"}}';
    const { send, asked, refused } = await collector(() => ({ status: 200, body }));
    expect(await send(records('A', 'B', 'C'))).toEqual({ refused: 2 });
    expect(asked).toHaveLength(1);
    expect(refused).toEqual([{ count: 2, reason: 'too long', names: ['A', 'B', 'C'] }]);
  });

  test.each([429, 500, 503, 401, 404, 302])('that answers %i is asked again later', async (status) => {
    const { send, asked } = await collector(() => ({ status }));
    await expect(send(records('A', 'B'))).rejects.toThrow(`the receiver answers ${status}`);
    expect(asked).toHaveLength(1);
  });

  test('that asks for time is told of as busy', async () => {
    const { send } = await collector(() => ({ status: 503, headers: { 'retry-after': '7' } }));
    await expect(send(records('A'))).rejects.toMatchObject({ name: 'ReceiverBusy', pauseMs: 7000 });
  });

  test('that closes a connection which is about to be used again is asked again at once', async () => {
    let requests = 0;
    const { send, asked } = await collector((_, socket) => {
      requests += 1;
      // As if its idle time had run out while the second request was on its way.
      if (requests === 2) socket.resetAndDestroy();
      return { status: 200 };
    });
    expect(await send(records('A'))).toEqual({ refused: 0 });
    expect(await send(records('B'))).toEqual({ refused: 0 });
    expect(asked).toEqual([['A'], ['B'], ['B']]);
  });

  test('that cannot bear one record gets the others', async () => {
    const { send, asked, refused } = await collector((found) => ({ status: found.includes('F') ? 413 : 200 }));
    expect(await send(records('A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'))).toEqual({ refused: 1 });
    expect(refused).toEqual([{ count: 1, reason: 'the receiver answers 413', names: ['F'] }]);
    expect(asked.filter((found) => !found.includes('F')).flat()).toEqual(['A', 'B', 'C', 'D', 'E', 'G', 'H']);
  });

  test('that cannot bear any loses none, and is not asked for each', async () => {
    const { send, asked, refused } = await collector(() => ({ status: 400 }));
    await expect(send(records('A'))).rejects.toThrow('the receiver answers 400');
    const many = records(...Array.from({ length: 500 }, (_, at) => `E${at}`));
    await expect(send(many)).rejects.toThrow('the receiver answers 400');
    expect(refused).toEqual([]);
    expect(asked.length).toBeLessThan(40);
  });
});

describe('header lines', () => {
  test('are names and values', () => {
    const file = '# a comment\r\nAuthorization: Bearer a b=\r\n\nX-Scope:\ttenant \n';
    expect(parseHeaders(file)).toEqual({ authorization: 'Bearer a b=', 'x-scope': 'tenant' });
    expect(parseHeaders('')).toEqual({});
  });

  test.each(['Bearer a', ': a', 'a b: c', 'a:', 'a: \u0001', 'a: é'])('and not %j', (line) => {
    expect(parseHeaders(line)).toBeUndefined();
  });
});
