import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { join } from 'node:path';
import { type ConnectionOptions, connect, createServer, type TLSSocket } from 'node:tls';
import { CreateKeyCommand } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuditRecord } from '../src/audit/record.ts';
import { verifyAuditDirectory } from '../src/audit/verify.ts';
import { type CertificateFiles, makeCertificate, opensslIsHere } from './support/certificates.ts';
import { cleanUp, runToEnd, startServer, type TestServer, temporaryDirectory } from './support/server.ts';
import { captureRequest } from './support/signed-request.ts';
import { treeOf } from './support/tree.ts';

/** TLS as an operator meets it: with a certificate from openssl, refusing old versions, and replaced without a restart. */

const WORKERS = 2;

describe.skipIf(!opensslIsHere)('TLS (skipped where there is no openssl command)', () => {
  let directory = '';
  let first: CertificateFiles;
  let second: CertificateFiles;
  /** What the server is told to use; the tests replace what is in them. */
  let served: { certPath: string; keyPath: string };
  let server: TestServer;

  beforeAll(async () => {
    directory = temporaryDirectory();
    first = makeCertificate(directory, 'first');
    second = makeCertificate(directory, 'second');
    served = { certPath: join(directory, 'served.pem'), keyPath: join(directory, 'served.key.pem') };
    install(first, first);
    server = await startServer({
      workers: WORKERS,
      args: ['--tls-cert', served.certPath, '--tls-key', served.keyPath],
    });
  });

  afterAll(async () => {
    await cleanUp(server);
    rmSync(directory, { recursive: true, force: true });
  });

  function install(cert: CertificateFiles, key: CertificateFiles): void {
    copyFileSync(cert.certPath, served.certPath);
    copyFileSync(key.keyPath, served.keyPath);
  }

  /** Shakes hands; gives the connection, or the error code. */
  function handshake(options: ConnectionOptions = {}, port = server.port): Promise<TLSSocket | string> {
    return new Promise((resolve) => {
      const ca = [first, second].map(({ certPath }) => readFileSync(certPath));
      const socket = connect({ host: '127.0.0.1', port, ca, ...options }, () => resolve(socket));
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
  }

  /** The certificates that new connections are shown: enough of them that every worker gets some. */
  async function certificatesShown(): Promise<Set<string>> {
    const shown = new Set<string>();
    for (let i = 0; i < 12; i++) {
      const socket = await handshake();
      if (typeof socket === 'string') throw new Error(socket);
      shown.add(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    }
    return shown;
  }

  /** Has the server read its files again, and waits until every worker has said what came of it. */
  async function reload(message: string): Promise<void> {
    const count = () => server.output.stderr.split(message).length - 1;
    const before = count();
    server.process.kill('SIGHUP');
    while (count() < before + WORKERS) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  const OLD_TLS: ConnectionOptions = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };

  test('TLS 1.2 and 1.3 work', async () => {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = await handshake({ minVersion: version, maxVersion: version });
      expect(typeof socket === 'string' ? socket : socket.getProtocol()).toBe(version);
      if (typeof socket !== 'string') socket.destroy();
    }
  });

  test('TLS 1.1 is refused', async () => {
    expect(await handshake(OLD_TLS)).toMatch(/ALERT_PROTOCOL_VERSION/);
    // The same client can, with a server that lets it.
    const files = { cert: readFileSync(first.certPath), key: readFileSync(first.keyPath) };
    const lax = createServer({ ...files, minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }).listen(0, '127.0.0.1');
    await new Promise((resolve) => lax.once('listening', resolve));
    const socket = await handshake(OLD_TLS, (lax.address() as { port: number }).port);
    expect(typeof socket === 'string' ? socket : socket.getProtocol()).toBe('TLSv1.1');
    if (typeof socket !== 'string') socket.destroy();
    lax.close();
  });

  test('plain HTTP is not answered', async () => {
    expect(server.url).toBe(`https://127.0.0.1:${server.port}`);
    await expect(fetch(`http://127.0.0.1:${server.port}/health`)).rejects.toThrow('fetch failed');
  });

  test('a signed request is served, and its audit record says how it came', async () => {
    const { headers, body } = await captureRequest(server, (client) => client.send(new CreateKeyCommand({})));
    const { status, requestId } = await post(headers, body);
    expect(status).toBe(200);
    const records: AuditRecord[] = [];
    await verifyAuditDirectory(join(server.dataDir, 'audit'), (record) => records.push(record));
    expect(records.find((record) => record.requestID === requestId)?.tlsDetails).toEqual({
      tlsVersion: 'TLSv1.3',
      cipherSuite: 'TLS_AES_256_GCM_SHA384',
      clientProvidedHostHeader: `127.0.0.1:${server.port}`,
    });
  });

  test('SIGHUP puts a new certificate to use without ending a connection, and keeps the old one if the new is bad', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: readFileSync(first.certPath) });
    const onOneConnection = () => get('/health', agent);
    const connection = (await onOneConnection()).port;
    expect(await certificatesShown()).toEqual(new Set([first.fingerprint256]));

    install(second, second);
    await reload('read the TLS certificate again');
    expect(await certificatesShown()).toEqual(new Set([second.fingerprint256]));
    expect(await onOneConnection()).toEqual({ status: 200, port: connection });
    expect(await handshake(OLD_TLS)).toMatch(/ALERT_PROTOCOL_VERSION/);

    const bad: (() => void)[] = [
      () => install(first, second),
      () => writeFileSync(served.certPath, 'garbage'),
      () => writeFileSync(served.keyPath, ''),
      () => rmSync(served.certPath),
    ];
    for (const spoil of bad) {
      install(second, second);
      spoil();
      await reload('cannot use the TLS certificate; going on with the old one');
      expect(await certificatesShown()).toEqual(new Set([second.fingerprint256]));
    }
    expect(await onOneConnection()).toEqual({ status: 200, port: connection });
    agent.destroy();
    install(first, first);
    await reload('read the TLS certificate again');
    expect(await certificatesShown()).toEqual(new Set([first.fingerprint256]));
  });

  test('a certificate with the key of another is refused at the start', async () => {
    const dataDir = join(directory, 'data');
    const before = treeOf(directory);
    const args = ['--data-dir', dataDir, '--listen', '127.0.0.1:0'];
    const run = await runToEnd([...args, '--tls-cert', first.certPath, '--tls-key', second.keyPath]);
    const reason = `the TLS certificate ${first.certPath} and key ${second.keyPath} cannot be used: key values mismatch`;
    expect(run).toEqual({ status: 2, stdout: '', stderr: `keyhold: ${reason}\n` });
    expect(treeOf(directory)).toEqual(before);
  });

  function get(path: string, agent: Agent): Promise<{ status: number | undefined; port: number | undefined }> {
    return new Promise((resolve, reject) => {
      const outgoing = request({ host: '127.0.0.1', port: server.port, path, agent }, (response) => {
        const { localPort } = response.socket;
        response.resume().once('end', () => resolve({ status: response.statusCode, port: localPort }));
      });
      outgoing.once('error', reject).end();
    });
  }

  function post(headers: Readonly<Record<string, string>>, body: string) {
    return new Promise<{ status: number | undefined; requestId: string | undefined }>((resolve, reject) => {
      const ca = readFileSync(first.certPath);
      const options = { host: '127.0.0.1', port: server.port, method: 'POST', headers, ca, agent: false as const };
      const outgoing = request(options, (response) => {
        const requestId = response.headers['x-amzn-requestid'];
        const answer = {
          status: response.statusCode,
          requestId: requestId === undefined ? requestId : String(requestId),
        };
        response.resume().once('end', () => resolve(answer));
      });
      outgoing.once('error', reject).end(body);
    });
  }

  test('a connection that breaks behind its request does not end a worker', async () => {
    const broken = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n\0GARBAGE\r\n\r\n`;
    for (let attempt = 0; attempt < 20; attempt++) {
      const socket = await handshake();
      if (typeof socket === 'string') throw new Error(socket);
      socket.on('error', () => {});
      socket.end(broken);
      await new Promise((resolve) => socket.once('close', resolve).resume());
    }
    expect(server.output.stderr).not.toContain('a worker died');
    const shown = await certificatesShown();
    expect(shown.size).toBe(1);
  });

  test('connections that idle after their handshake do not use up the memory that handshakes need', async () => {
    // More than would fit 64 KiB of OpenSSL's secure heap, at 32 bytes each.
    const idle: TLSSocket[] = [];
    try {
      for (let made = 0; made < 2200; made += 50) {
        const batch = await Promise.all(Array.from({ length: 50 }, () => handshake({ maxVersion: 'TLSv1.3' })));
        for (const socket of batch) {
          if (typeof socket === 'string') throw new Error(`${socket} after ${idle.length} connections`);
          socket.on('error', () => {});
          idle.push(socket);
        }
      }
      expect(idle.length).toBe(2200);
    } finally {
      for (const socket of idle) socket.destroy();
    }
  });

  test('a handshake that was never begun does not keep a stop waiting', async () => {
    const other = await startServer({ args: ['--tls-cert', first.certPath, '--tls-key', first.keyPath] });
    try {
      const silent = connectPlain(other.port, '127.0.0.1');
      await new Promise((resolve) => silent.once('connect', resolve));
      silent.on('error', () => {});
      expect(await other.stop()).toBe(0);
      silent.destroy();
    } finally {
      await cleanUp(other);
    }
  });
});
