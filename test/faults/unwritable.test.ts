import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CreateKeyCommand, EncryptCommand, type KMSClient } from '@aws-sdk/client-kms';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AuditRecord } from '../../src/audit/record.ts';
import { streamOf } from '../support/audit.ts';
import {
  type Answered,
  canMakeImmutable,
  canMount,
  expectAudited,
  expectFault,
  mountReadOnly,
  setImmutable,
  succeed,
  unmount,
} from '../support/faults.ts';
import { startServer, type TestServer, temporaryDirectory } from '../support/server.ts';

/** Audit files, or their directory, that nobody may write to any more: what `--audit-on-failure` says. */

let directory = '';
let dataDir = '';
let audit = '';
let server: TestServer | undefined;
beforeEach(() => {
  directory = temporaryDirectory();
  dataDir = join(directory, 'data');
  audit = join(dataDir, 'audit');
});
afterEach(async () => {
  await server?.kill();
  server = undefined;
  unmount(audit);
  if (existsSync(audit)) for (const name of readdirSync(audit)) setImmutable(join(audit, name), false);
  rmSync(directory, { recursive: true, force: true });
});

async function start(args: readonly string[] = []): Promise<TestServer> {
  server = await startServer({ dataDir, args: ['--audit-sign-interval', '1', ...args] });
  return server;
}

/** A use of a new key, which changes nothing. */
async function usage(kms: KMSClient): Promise<() => Promise<{ $metadata: { requestId?: string | undefined } }>> {
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  return () => kms.send(new EncryptCommand({ KeyId: KeyMetadata?.KeyId, Plaintext: Buffer.alloc(32) }));
}

async function failuresCounted({ url }: TestServer): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return Number(/^keyhold_audit_failures_total (\d+)$/m.exec(metrics)?.[1]);
}

describe.skipIf(!canMakeImmutable)(
  'an audit file that cannot be written (skipped where chattr +i does not do that)',
  () => {
    const file = () => join(audit, 'w0.jsonl');

    test('refuses all requests, and lets them go on by itself when it can be written again', async () => {
      const { kms, stop, url } = await start();
      const encrypt = await usage(kms());
      const answered: Answered = new Set();
      await succeed(encrypt(), answered);
      expect(setImmutable(file(), true)).toBe(true);
      for (let i = 0; i < 3; i++) await expectFault(encrypt());
      expect((await fetch(`${url}/health`)).status).toBe(200);
      setImmutable(file(), false);
      await succeed(encrypt(), answered);
      expect(await stop()).toBe(0);
      await expectAudited(dataDir, answered);
    });

    test('lets requests go on where that is configured; what is lost is counted, told of, and leaves no gap', async () => {
      const running = await start(['--audit-on-failure', 'continue']);
      const { kms, stop, output, accountId } = running;
      const encrypt = await usage(kms());
      const recorded: Answered = new Set();
      await succeed(encrypt(), recorded);
      const before = readFileSync(file());
      expect(setImmutable(file(), true)).toBe(true);
      const fromMs = Date.now();
      for (let i = 0; i < 7; i++) await encrypt();
      const toMs = Date.now();
      expect(readFileSync(file()).equals(before)).toBe(true);
      expect(output.stderr).toContain('audit records are lost: they cannot be written, and requests go on');
      expect(await failuresCounted(running)).toBe(7);

      setImmutable(file(), false);
      await expect.poll(() => output.stderr, { timeout: 60_000 }).toContain('the trail says what was lost');
      await succeed(encrypt(), recorded);
      expect(await stop()).toBe(0);
      await expectAudited(dataDir, recorded);
      const records = await streamOf(dataDir, 'w0');
      expect(records.map(({ eventName }) => eventName)).toEqual([
        'CreateKey',
        'Encrypt',
        'AuditRecordsLost',
        'Encrypt',
      ]);
      const { serviceEventDetails, eventID, eventTime, ...rest } = records[2] as AuditRecord;
      const { lostFrom, lostTo, ...details } = serviceEventDetails as { lostFrom: string; lostTo: string };
      expect(details).toEqual({ stream: 'w0', lostRecords: 7 });
      expect(Date.parse(lostFrom)).toBeGreaterThanOrEqual(fromMs);
      expect(Date.parse(lostTo)).toBeLessThanOrEqual(toMs);
      expect(Date.parse(eventTime)).toBeGreaterThanOrEqual(Date.parse(lostTo) - 1000);
      expect(eventID).toMatch(/^[0-9a-f-]{36}$/);
      expect(rest).toEqual({
        eventVersion: '1.11',
        userIdentity: { accountId, invokedBy: 'AWS Internal' },
        eventSource: 'keyhold.invalid',
        eventName: 'AuditRecordsLost',
        awsRegion: 'us-east-1',
        sourceIPAddress: 'AWS Internal',
        userAgent: 'AWS Internal',
        requestParameters: null,
        responseElements: null,
        readOnly: false,
        eventType: 'AwsServiceEvent',
        managementEvent: true,
        recipientAccountId: accountId,
        eventCategory: 'Management',
      });
    });
  },
);

describe.skipIf(!canMount)('an audit directory that was made read-only (skipped where nothing can be mounted)', () => {
  test('lets the file that is open grow on, refuses a start, and has files closed and signed again once it can', async () => {
    const first = await start(['--audit-rotate-size', '8KiB']);
    const encrypt = await usage(first.kms());
    const answered: Answered = new Set();
    await succeed(encrypt(), answered);
    mountReadOnly(audit);
    for (let i = 0; i < 30; i++) await succeed(encrypt(), answered);
    const { output } = first;
    await expect.poll(() => output.stderr, { timeout: 60_000 }).toContain('cannot be closed and another begun');
    await expect.poll(() => output.stderr, { timeout: 60_000 }).toContain('streams cannot be signed');
    expect(await first.stop()).toBe(0);
    await expect(start()).rejects.toThrow(
      /the server did not start:\s+keyhold: the audit file cannot be opened: [^\n]+\n$/,
    );

    unmount(audit);
    const second = await start(['--audit-rotate-size', '8KiB']);
    expect(readdirSync(audit)).toContain('w0.000000000001.jsonl');
    expect(await second.stop()).toBe(0);
    await expectAudited(dataDir, answered);
  });

  test('is written to as before by a running server when it can be again', async () => {
    const { kms, stop, output } = await start(['--audit-rotate-size', '8KiB']);
    const encrypt = await usage(kms());
    const answered: Answered = new Set();
    await succeed(encrypt(), answered);
    mountReadOnly(audit);
    for (let i = 0; i < 20; i++) await succeed(encrypt(), answered);
    await expect.poll(() => output.stderr, { timeout: 60_000 }).toContain('cannot be closed and another begun');
    unmount(audit);
    await expect.poll(() => readdirSync(audit), { timeout: 60_000 }).toContain('w0.000000000001.jsonl');
    await succeed(encrypt(), answered);
    expect(await stop()).toBe(0);
    await expectAudited(dataDir, answered);
  });
});
