import { CloudWatchClient, PutDashboardCommand } from '@aws-sdk/client-cloudwatch';
import { decode } from 'cborg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cleanUp, startServer, type TestServer } from './support/server.ts';
import { signerFor } from './support/sign.ts';

/** CloudWatch's protocols on a real server, with an operation that it does not have. */

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ workers: 1 });
});
afterAll(() => cleanUp(server));

const dashboard = new PutDashboardCommand({ DashboardName: 'd', DashboardBody: '{}' });

test('the SDK is told that there is no such operation', async () => {
  const { url: endpoint, credentials } = server;
  const client = new CloudWatchClient({ endpoint, credentials, region: 'us-east-1', maxAttempts: 1 });
  await expect(client.send(dashboard)).rejects.toMatchObject({
    name: 'InvalidAction',
    $metadata: { httpStatusCode: 400 },
  });
  client.destroy();
});

const PATH = '/service/GraniteServiceVersion20100801/operation/PutDashboard';

test('what came in the protocol of one service is never taken for another, however it is signed', async () => {
  const host = `127.0.0.1:${server.port}`;
  const headers = [
    ['Host', host],
    ['Smithy-Protocol', 'rpc-v2-cbor'],
    ['Content-Type', 'application/cbor'],
    ['X-Amz-Target', 'TrentService.ListKeys'],
  ] as const;
  const unsigned = { method: 'POST', target: PATH, headers, body: Buffer.from('a0', 'hex') };
  for (const service of ['kms', 'monitoring']) {
    const { headers: signed } = signerFor(server.credentials)(unsigned, { service });
    const answer = await fetch(server.url + PATH, {
      method: 'POST',
      headers: signed.filter(([name]) => name !== 'Host').map(([name, value]): [string, string] => [name, value]),
      body: unsigned.body,
    });
    expect(answer.status).toBe(400);
    expect(decode(new Uint8Array(await answer.arrayBuffer()))).toEqual({
      __type: 'com.amazon.coral.service#SerializationException',
      Message: 'A request of this protocol has no X-Amz-Target header',
    });
  }
});
