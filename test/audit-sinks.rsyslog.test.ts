import { CreateKeyCommand, DescribeKeyCommand } from '@aws-sdk/client-kms';
import { afterEach, expect, test } from 'vitest';
import type { AuditRecord } from '../src/audit/record.ts';
import { freePort, listKeys } from './support/audit-sinks.ts';
import { describeWith } from './support/clients.ts';
import { expectRefusal, noSuchKeyId } from './support/kms.ts';
import { type Rsyslog, rsyslog, startRsyslog } from './support/rsyslog.ts';
import { cleanUp, startServer, type TestServer, temporaryDirectory } from './support/server.ts';
import { expectAllOf } from './support/sink-receivers.ts';

describeWith(rsyslog, 'rsyslogd', () => {
  let server: TestServer | undefined;
  let receiver: Rsyslog | undefined;

  afterEach(async () => {
    await cleanUp(server);
    await receiver?.stop();
  });

  const recordsOf = (of: Rsyslog) => of.messages().map(({ text }) => JSON.parse(text) as AuditRecord);

  test('understands every message, over TCP and over UDP', async () => {
    for (const over of ['tcp', 'udp']) {
      const port = await freePort();
      const listening = await startRsyslog(temporaryDirectory(), port);
      receiver = listening;
      server = await startServer({ args: ['--audit-sink', `syslog+${over}://127.0.0.1:${port}`] });
      const kms = server.kms();
      await kms.send(new CreateKeyCommand({ Description: 'ключ\t<13>1 \u0007 🔑', Policy: undefined }));
      await expectRefusal(kms.send(new DescribeKeyCommand({ KeyId: noSuchKeyId })), 'NotFoundException');
      await expectAllOf(server, () => recordsOf(listening));
      expect(listening.messages()).toMatchObject([
        {
          facility: '13',
          severity: 'notice',
          appName: 'keyhold',
          messageId: 'CreateKey',
          structuredData: '[meta sequenceId="1"]',
        },
        { facility: '13', severity: 'warning', messageId: 'DescribeKey', structuredData: '[meta sequenceId="2"]' },
      ]);
      await cleanUp(server);
      await listening.stop();
    }
  });

  test('has every record after it was stopped and started, under load', async () => {
    const [directory, port] = [temporaryDirectory(), await freePort()];
    let listening = await startRsyslog(directory, port);
    receiver = listening;
    server = await startServer({ args: ['--audit-sink', `syslog+tcp://127.0.0.1:${port}`] });
    const kms = server.kms();
    for (let outage = 0; outage < 2; outage++) {
      const asking = Promise.all([listKeys(kms, 100), listKeys(kms, 100)]);
      await expect.poll(() => listening.messages().length, { timeout: 60_000 }).toBeGreaterThan(200 * outage);
      await listening.stop();
      await asking;
      listening = await startRsyslog(directory, port);
      receiver = listening;
      await expectAllOf(server, () => recordsOf(listening));
    }
    expect(new Set(recordsOf(listening).map(({ eventID }) => eventID)).size).toBe(400);
  });
});
