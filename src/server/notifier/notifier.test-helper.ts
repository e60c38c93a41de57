import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { NotificationRecord } from '../../services/cloudwatch/notifications.ts';

/** Somebody who is told, on a port of this machine. */
export interface TestReceiver {
  readonly url: string;
  readonly got: { readonly path: string; readonly headers: IncomingHttpHeaders; readonly body: string }[];
  /** With what it answers; undefined: not at all. */
  status: number | undefined;
  close(): Promise<void>;
}

export async function testReceiver(port = 0): Promise<TestReceiver> {
  const got: TestReceiver['got'] = [];
  const server: Server = createServer(async (request, response) => {
    const body = await text(request);
    got.push({ path: request.url ?? '', headers: request.headers, body });
    if (receiver.status !== undefined) response.writeHead(receiver.status, { location: '/elsewhere' }).end('so be it');
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const receiver: TestReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    got,
    status: 200,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return receiver;
}

export const TOPIC = 'arn:aws:sns:us-east-1:111122223333:security';

export function actionRecord(given: Partial<NotificationRecord> = {}): NotificationRecord {
  return {
    id: crypto.randomUUID(),
    accountId: '111122223333',
    region: 'us-east-1',
    action: TOPIC,
    alarmName: 'denied',
    subject: 'ALARM: "denied" in US East (N. Virginia)',
    message: '{"AlarmName":"denied","NewStateValue":"ALARM"}',
    createdAtMs: Date.UTC(2026, 10, 22),
    attempts: 0,
    nextAttemptAtMs: Date.UTC(2026, 10, 22),
    ...given,
  };
}

export function eventRecord(given: Partial<NotificationRecord> = {}): NotificationRecord {
  const { action: _, alarmName: __, ...rest } = actionRecord();
  const { id } = rest;
  return { ...rest, message: JSON.stringify({ id, 'detail-type': 'KMS CMK Rotation', source: 'aws.kms' }), ...given };
}
