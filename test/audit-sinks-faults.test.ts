import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CreateKeyCommand, KMSClient, ListKeysCommand } from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { auditRecordsOf } from './support/audit.ts';
import {
  figures,
  freePort,
  listKeys,
  logsOf,
  messagesOf,
  occurrences,
  startWithSinks,
  watched,
} from './support/audit-sinks.ts';
import { serverCommand, startServer, temporaryDirectory } from './support/server.ts';
import { expectAllOf, httpReceiver, missingOf, recordOfMessage, syslogReceiver } from './support/sink-receivers.ts';

describe('nothing is lost', () => {
  test('while a receiver is away, and it is told once that it is, and once that it is back', async () => {
    const received: string[] = [];
    let receiver = await syslogReceiver({}, received);
    const { port } = receiver;
    const server = await startWithSinks([`syslog+tcp://127.0.0.1:${port}`]);
    const kms = server.kms();
    for (let outage = 0; outage < 2; outage++) {
      await listKeys(kms, 20);
      await receiver.close();
      await listKeys(kms, 20);
      await expect.poll(() => occurrences(server, 'an audit sink fails'), { timeout: 60_000 }).toBe(outage + 1);
      receiver = await syslogReceiver({ port }, received);
      await expectAllOf(server, () => received.map(recordOfMessage));
      await expect
        .poll(() => occurrences(server, 'the audit sink takes records again'), { timeout: 60_000 })
        .toBe(outage + 1);
    }
    watched(receiver);
    expect(occurrences(server, 'an audit sink fails')).toBe(2);
  });

  test('where a collector turns batches away for a while', async () => {
    let status = 503;
    const receiver = watched(await httpReceiver({ answer: () => ({ status, body: '' }) }));
    const server = await startWithSinks([`otlp+http://127.0.0.1:${receiver.port}`]);
    await listKeys(server.kms(), 10);
    const failures = `keyhold_audit_sink_failures_total{sink="1",kind="otlp"}`;
    for (const next of [401, 400, 200]) {
      const before = (await figures(server)).get(failures) ?? 0;
      await expect.poll(async () => (await figures(server)).get(failures), { timeout: 60_000 }).toBeGreaterThan(before);
      status = next;
    }
    await expectAllOf(server, () => logsOf(receiver));
    const shown = await figures(server);
    expect(shown.get('keyhold_audit_sink_lost_records_total{sink="1",kind="otlp"}')).toBe(0);
    expect(shown.get('keyhold_audit_sink_records_total{sink="1",kind="otlp"}')).toBe(10);
  });

  test('when the server is killed, again and again, while a receiver is there and while it is away', async () => {
    const received: string[] = [];
    const dataDir = join(temporaryDirectory(), 'data');
    let port = 0;
    for (let life = 0; life < 4; life++) {
      const isAway = life % 2 === 1;
      const receiver = isAway ? undefined : await syslogReceiver({ port }, received);
      port = receiver?.port ?? port;
      const server = await startServer({ dataDir, args: ['--audit-sink', `syslog+tcp://127.0.0.1:${port}`] });
      await listKeys(server.kms(), 30);
      await server.kill();
      await receiver?.close();
    }
    const receiver = watched(await syslogReceiver({ port }, received));
    const server = await startWithSinks([`syslog+tcp://127.0.0.1:${receiver.port}`], { dataDir });
    await expectAllOf(server, () => received.map(recordOfMessage));
    expect(await auditRecordsOf(server)).toHaveLength(120);
  });

  test('when the monitor dies, which sends them, and is started again', async () => {
    const directory = temporaryDirectory();
    const [order, preload] = [join(directory, 'die'), join(directory, 'die.mjs')];
    // Every thread of the server loads it first, and the monitor's throws as soon as it is told to.
    writeFileSync(
      preload,
      `import { existsSync, rmSync } from 'node:fs';
       import { workerData } from 'node:worker_threads';
       if (workerData?.config !== undefined && workerData.slot === undefined) setInterval(() => {
         if (!existsSync(${JSON.stringify(order)})) return;
         rmSync(${JSON.stringify(order)});
         throw new Error('told to die');
       }, 5).unref();`,
    );
    const receiver = watched(await syslogReceiver());
    const server = await startWithSinks([`syslog+tcp://127.0.0.1:${receiver.port}`], {
      env: { NODE_OPTIONS: `--import ${pathToFileURL(preload)}` },
    });
    const kms = server.kms();
    for (let death = 1; death <= 2; death++) {
      await listKeys(kms, 20);
      writeFileSync(order, '');
      await listKeys(kms, 100);
      await expect.poll(() => occurrences(server, 'starting the monitor again'), { timeout: 60_000 }).toBe(death);
      await expectAllOf(server, () => messagesOf(receiver));
    }
    expect(await auditRecordsOf(server)).toHaveLength(240);
    expect(await server.stop()).toBe(0);
  });

  test('at a stop, and what has arrived by then is not sent again after it', async () => {
    const receiver = watched(await syslogReceiver());
    const sink = `syslog+tcp://127.0.0.1:${receiver.port}`;
    const server = await startWithSinks([sink]);
    await listKeys(server.kms(), 300);
    expect(await server.stop()).toBe(0);
    expect(await missingOf(server, messagesOf(receiver))).toEqual([]);
    const again = await startWithSinks([sink], { dataDir: server.dataDir });
    await listKeys(again.kms(), 1);
    await again.stop();
    expect(messagesOf(receiver)).toHaveLength(301);
  });

  test('but a record that a collector takes none of, though it takes others, is given up and counted', async () => {
    const poison = 'a description that the collector cannot bear';
    const answer = (body: string) => ({ status: body.includes(poison) ? 400 : 200, body: '' });
    const receiver = watched(await httpReceiver({ answer }));
    const server = await startWithSinks([`otlp+http://127.0.0.1:${receiver.port}`]);
    const kms = server.kms();
    await kms.send(new CreateKeyCommand({ Description: poison }));
    await listKeys(kms, 20);
    const made = (await auditRecordsOf(server)).filter(({ eventName }) => eventName === 'ListKeys');
    await expect.poll(() => logsOf(receiver), { timeout: 60_000 }).toEqual(made);
    const lost = `keyhold_audit_sink_lost_records_total{sink="1",kind="otlp"}`;
    await expect.poll(async () => (await figures(server)).get(lost), { timeout: 60_000 }).toBe(1);
    expect(server.output.stderr).toContain('an audit sink refuses records for good');
  });
});

describe('a sink that hangs', () => {
  test('holds up neither requests, nor another sink, nor the stop for longer than it may', async () => {
    // Each takes connections, and then nothing; what the systems of both ends take is soon full.
    const hung = watched(await syslogReceiver({ reads: false }));
    const silent = watched(await httpReceiver({ answer: () => undefined }));
    const well = watched(await syslogReceiver());
    const server = await startWithSinks([
      `syslog+tcp://127.0.0.1:${hung.port}`,
      `otlp+http://127.0.0.1:${silent.port}`,
      `syslog+tcp://127.0.0.1:${well.port}`,
    ]);
    const kms = server.kms();
    const startMs = performance.now();
    await listKeys(kms, 200);
    expect(performance.now() - startMs).toBeLessThan(10_000);
    await expectAllOf(server, () => messagesOf(well));
    const shown = await figures(server);
    expect(shown.get('keyhold_audit_sink_queue_records{sink="3",kind="syslog"}') ?? 0).toBe(0);
    expect(shown.get('keyhold_audit_sink_records_total{sink="2",kind="otlp"}')).toBe(0);
    const stopMs = performance.now();
    expect(await server.stop()).toBe(0);
    expect(performance.now() - stopMs).toBeLessThan(12_000);
    expect(server.output.stderr).toContain('an audit sink has not got all records yet');
  });

  test.each(['pipe', 'socket'])(
    'is standard output, if it is a %s that nobody reads',
    async (kind) => {
      const directory = temporaryDirectory();
      const fifo = join(directory, 'fifo');
      expect(spawnSync('mkfifo', [fifo]).status).toBe(0);
      // Opened to read as well, so that there is a reader, who reads nothing.
      const pipe = openSync(fifo, 'r+');
      const [command = '', ...rest] = serverCommand();
      const port = await freePort();
      const args = [...rest, '--listen', `127.0.0.1:${port}`, '--data-dir', join(directory, 'data'), '--workers', '1'];
      const child = spawn(command, [...args, '--audit-sink', 'stdout', '--sandbox'], {
        // What Node.js calls a pipe here is a socket.
        stdio: ['ignore', kind === 'pipe' ? pipe : 'pipe', 'pipe'],
      });
      try {
        let stderr = '';
        child.stderr?.on('data', (chunk) => {
          stderr += chunk;
        });
        const url = `http://127.0.0.1:${port}`;
        const health = async () => (await fetch(`${url}/health`)).status;
        await expect.poll(() => health().catch(() => 0), { timeout: 60_000 }).toBe(200);
        const kms = new KMSClient({
          endpoint: url,
          region: 'us-east-1',
          credentials: { accessKeyId: '111122223333', secretAccessKey: 'any' },
          // Long records, so that few fill what the system keeps for the reader.
          customUserAgent: 'long/'.padEnd(4000, 'l'),
        });
        await listKeys(kms, 300);
        await expect.poll(() => stderr, { timeout: 60_000 }).toContain('an audit sink fails');
        await listKeys(kms, 10);
        const stopMs = performance.now();
        child.kill('SIGTERM');
        expect(await once(child, 'exit')).toEqual([0, null]);
        expect(performance.now() - stopMs).toBeLessThan(12_000);
      } finally {
        child.kill('SIGKILL');
        closeSync(pipe);
      }
    },
    60_000,
  );
});

describe('--audit-on-failure', () => {
  test('refuse: no request is answered while a sink is behind, and all are once it is not', async () => {
    let receiver = await syslogReceiver();
    const { port } = receiver;
    const server = await startWithSinks([`syslog+tcp://127.0.0.1:${port}`], { args: ['--audit-on-failure', 'refuse'] });
    const kms = server.kms();
    await listKeys(kms, 5);
    const { received } = receiver;
    await receiver.close();
    const ask = () =>
      kms.send(new ListKeysCommand({})).then(
        () => 'answered',
        ({ name }) => name as string,
      );
    expect(await ask()).toBe('answered');
    await expect.poll(ask, { timeout: 60_000, interval: 200 }).toBe('KMSInternalException');
    const recorded = (await auditRecordsOf(server)).length;
    expect(await ask()).toBe('KMSInternalException');
    expect((await auditRecordsOf(server)).length).toBe(recorded);
    const shown = await figures(server);
    expect(shown.get('keyhold_audit_sink_lag_seconds{sink="1",kind="syslog"}')).toBeGreaterThan(10);
    receiver = watched(await syslogReceiver({ port }, received));
    await expect.poll(ask, { timeout: 60_000, interval: 200 }).toBe('answered');
    await expectAllOf(server, () => received.map(recordOfMessage));
  });

  test('continue, which is usual for sinks: requests are answered', async () => {
    const server = await startWithSinks([`syslog+tcp://127.0.0.1:${await freePort()}`]);
    const kms = server.kms();
    await listKeys(kms, 1);
    const lag = 'keyhold_audit_sink_lag_seconds{sink="1",kind="syslog"}';
    await expect.poll(async () => (await figures(server)).get(lag), { timeout: 60_000 }).toBeGreaterThan(10.5);
    await listKeys(kms, 1);
  });
});
