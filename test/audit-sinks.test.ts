import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateKeyCommand, DescribeKeyCommand } from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import type { AuditRecord } from '../src/audit/record.ts';
import { listKeys, logsOf, messagesOf, startWithSinks, watched } from './support/audit-sinks.ts';
import { makeCertificate, opensslIsHere } from './support/certificates.ts';
import { expectRefusal, noSuchKeyId } from './support/kms.ts';
import { runToEnd, temporaryDirectory } from './support/server.ts';
import { datagramReceiver, expectAllOf, httpReceiver, syslogReceiver } from './support/sink-receivers.ts';

describe('every record goes to', () => {
  test('syslog over TCP, several workers’ alike', async () => {
    const receiver = watched(await syslogReceiver());
    const server = await startWithSinks([`syslog+tcp://127.0.0.1:${receiver.port}`], { workers: 2 });
    const kms = server.kms();
    await listKeys(kms, 20);
    await expectRefusal(kms.send(new DescribeKeyCommand({ KeyId: noSuchKeyId })), 'NotFoundException');
    await expectAllOf(server, () => messagesOf(receiver));
    expect(messagesOf(receiver)).toHaveLength(21);
    expect(receiver.received.at(-1)).toMatch(/^<108>.* DescribeKey \[meta sequenceId="21"\] /);
  });

  test('syslog over UDP', async () => {
    const receiver = watched(await datagramReceiver());
    const server = await startWithSinks([`syslog+udp://localhost:${receiver.port}`]);
    const kms = server.kms();
    await listKeys(kms, 5);
    await kms.send(new CreateKeyCommand({ Description: 'ключ\u0007' }));
    await expectAllOf(server, () => messagesOf(receiver));
  });

  test.skipIf(!opensslIsHere)('syslog over TLS, whose receiver is one of the given authority’s', async () => {
    const directory = temporaryDirectory();
    const [right, wrong] = [makeCertificate(directory, 'right'), makeCertificate(directory, 'wrong')];
    const receiver = watched(await syslogReceiver({ tls: right }));
    const sink = `syslog+tls://127.0.0.1:${receiver.port}`;
    const server = await startWithSinks([`${sink}?ca=${wrong.certPath}`]);
    await listKeys(server.kms(), 3);
    await expect.poll(() => server.output.stderr, { timeout: 60_000 }).toContain('an audit sink fails');
    expect(server.output.stderr).toMatch(/SELF_SIGNED/);
    await server.stop();
    expect(receiver.received).toEqual([]);
    const again = await startWithSinks([`${sink}?ca=${right.certPath}`], { dataDir: server.dataDir });
    await listKeys(again.kms(), 3);
    await expectAllOf(again, () => messagesOf(receiver));
    expect(messagesOf(receiver)).toHaveLength(6);
  });

  test('an OpenTelemetry collector', async () => {
    const headers = join(temporaryDirectory(), 'headers');
    writeFileSync(headers, '# of the collector\nAuthorization: Bearer s3cret-of-the-collector\n');
    const receiver = watched(await httpReceiver());
    const server = await startWithSinks([`otlp+http://127.0.0.1:${receiver.port}?headers=${headers}`]);
    await listKeys(server.kms(), 5);
    await expectAllOf(server, () => logsOf(receiver));
    expect(receiver.requests[0]).toMatchObject({
      path: '/v1/logs',
      headers: { authorization: 'Bearer s3cret-of-the-collector', 'content-type': 'application/json' },
    });
    writeFileSync(headers, 'authorization: Bearer another\n');
    await listKeys(server.kms(), 1);
    await expectAllOf(server, () => logsOf(receiver));
    expect(receiver.requests.at(-1)?.headers.authorization).toBe('Bearer another');
    expect(server.output.stdout + server.output.stderr).not.toContain('s3cret');
  });

  test.skipIf(!opensslIsHere)('an OpenTelemetry collector over TLS, of the given authority’s alone', async () => {
    const certificate = makeCertificate(temporaryDirectory(), 'collector');
    const receiver = watched(await httpReceiver({ tls: certificate }));
    const unknown = watched(await httpReceiver({ tls: certificate }));
    const server = await startWithSinks([
      `otlp+https://127.0.0.1:${receiver.port}?ca=${certificate.certPath}`,
      `otlp+https://127.0.0.1:${unknown.port}`,
    ]);
    await listKeys(server.kms(), 5);
    await expectAllOf(server, () => logsOf(receiver));
    await expect.poll(() => server.output.stderr, { timeout: 60_000 }).toContain('SELF_SIGNED');
    expect(unknown.received).toEqual([]);
  });

  test('standard output, from which the server’s own lines can be told', async () => {
    const server = await startWithSinks(['stdout']);
    await listKeys(server.kms(), 5);
    const arrived = () =>
      server.output.stdout
        .split('\n')
        .slice(0, -1)
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as AuditRecord);
    await expectAllOf(server, arrived);
    expect(arrived()).toHaveLength(5);
  });

  test('a sink that is new, from its first start on, the seed’s included', async () => {
    const directory = temporaryDirectory();
    const seed = join(directory, 'seed.yaml');
    writeFileSync(seed, 'accounts:\n  - id: "111122223333"\n    name: first\n');
    const receiver = watched(await syslogReceiver());
    const sink = `syslog+tcp://127.0.0.1:${receiver.port}`;
    const server = await startWithSinks([sink], { args: ['--seed', seed] });
    await expectAllOf(server, () => messagesOf(receiver));
    await server.stop();
    // The second one knows nothing of what was before.
    const second = watched(await syslogReceiver());
    const again = await startWithSinks([sink, `syslog+tcp://127.0.0.1:${second.port}`], { dataDir: server.dataDir });
    await listKeys(again.kms(), 2);
    await expectAllOf(again, () => messagesOf(receiver));
    await expect
      .poll(() => messagesOf(second).map(({ eventName }) => eventName), { timeout: 60_000 })
      .toEqual(['ListKeys', 'ListKeys']);
  });
});

describe('positions', () => {
  test('of a sink are below the audit directory, closed to others, and nothing that verification looks at', async () => {
    const receiver = watched(await syslogReceiver());
    const server = await startWithSinks([`syslog+tcp://127.0.0.1:${receiver.port}`]);
    await listKeys(server.kms(), 3);
    await server.stop();
    const directory = join(server.dataDir, 'audit', 'sinks');
    const [name = ''] = readdirSync(directory);
    expect(JSON.parse(readFileSync(join(directory, name), 'utf8'))).toMatchObject({
      sink: `syslog+tcp://127.0.0.1:${receiver.port}`,
      streams: { w0: { sequence: 3 } },
    });
    const { status, stdout } = await runToEnd(['audit', 'verify', '--data-dir', server.dataDir]);
    expect({ status, stdout }).toMatchObject({ status: 0, stdout: expect.stringContaining('Verified') });
  });

  test('that say nothing refuse the start', async () => {
    const sink = 'syslog+tcp://127.0.0.1:9';
    const server = await startWithSinks([sink]);
    await server.stop();
    const directory = join(server.dataDir, 'audit', 'sinks');
    const [name = ''] = readdirSync(directory);
    writeFileSync(join(directory, name), '{"streams":{"w0":{"sequence":-1}}}');
    const args = ['--data-dir', server.dataDir, '--listen', '127.0.0.1:0', '--audit-sink', sink];
    const { status, stderr } = await runToEnd(args);
    const path = join(directory, name);
    const advice = `put it back, or remove it, and ${sink} begins with what is recorded next`;
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: `keyhold: ${path} does not say how far ${sink} has got: ${advice}\n`,
    });
  });
});

describe('the start is refused, before the data directory is touched, for', () => {
  const parent = temporaryDirectory();
  const noFile = join(parent, 'no-such-file');
  const garbage = join(parent, 'garbage');
  writeFileSync(garbage, 'Bearer s3cret\n');

  test.each([
    [`otlp+http://127.0.0.1:1?headers=${noFile}`, `ENOENT: no such file or directory, open '${noFile}'`],
    [`otlp+http://127.0.0.1:1?headers=${garbage}`, `${garbage} wants lines such as authorization: Bearer …`],
    [`syslog+tls://127.0.0.1:1?ca=${noFile}`, `ENOENT: no such file or directory, open '${noFile}'`],
    [
      `otlp+https://127.0.0.1:1?ca=${garbage}`,
      `${garbage} cannot be used as certificates (PEM): there is no certificate in it`,
    ],
  ])('%s', async (sink, message) => {
    const dataDir = join(parent, 'data');
    const args = ['--data-dir', dataDir, '--listen', '127.0.0.1:0', '--audit-sink', sink];
    expect(await runToEnd(args)).toEqual({ status: 2, stdout: '', stderr: `keyhold: --audit-sink: ${message}\n` });
    expect(readdirSync(parent)).not.toContain('data');
  });
});
