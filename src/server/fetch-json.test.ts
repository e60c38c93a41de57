import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jsonFetcher } from './fetch-json.ts';

const limits = { timeMs: 2000, bodyBytes: 1000 };
const fetchJson = jsonFetcher(undefined, limits);
const useless = { code: 'InvalidIdentityTokenException', message: expect.stringContaining('verification key') };
const unreachable = { code: 'IDPCommunicationErrorException' };
const untrusted = { code: 'InvalidIdentityTokenException', message: expect.stringContaining('HTTPS certificate') };

const servers: { close(): unknown }[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

async function listen(server: Server | ReturnType<typeof createTcpServer>, scheme = 'http'): Promise<URL> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return new URL(`${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}/document`);
}

const serve = (answer: RequestListener) => listen(createServer(answer));

describe('a document', () => {
  it('is what the server answers', async () => {
    const url = await serve((request, response) => {
      response.end(JSON.stringify({ path: request.url, accept: request.headers.accept, 'a name': 'Zoë' }));
    });
    expect(await fetchJson(url, [])).toEqual({ path: '/document', accept: 'application/json', 'a name': 'Zoë' });
  });

  it('that is larger than the limit is given up, however long it goes on', async () => {
    const url = await serve((_, response) => {
      response.write('{"a":"');
      const more = setInterval(() => response.write('x'.repeat(500)), 5);
      response.on('close', () => clearInterval(more));
    });
    await expect(fetchJson(url, [])).rejects.toMatchObject(useless);
  });

  it('that does not come in time is given up, whether nothing comes or a byte now and then', async () => {
    const silent = await serve(() => undefined);
    const slow = await serve((_, response) => {
      const more = setInterval(() => response.write(' '), 50);
      response.on('close', () => clearInterval(more));
    });
    const deaf = await listen(createTcpServer());
    for (const url of [silent, slow, deaf]) {
      const begin = performance.now();
      await expect(fetchJson(url, [])).rejects.toMatchObject(unreachable);
      expect(performance.now() - begin).toBeLessThan(5 * limits.timeMs);
    }
  });

  it('is had of a server that answers while a hundred others do not', async () => {
    const silent = await Promise.all(Array.from({ length: 100 }, () => serve(() => undefined)));
    const waiting = silent.map((url) => expect(fetchJson(url, [])).rejects.toMatchObject(unreachable));
    const url = await serve((_, response) => response.end('{}'));
    expect(await fetchJson(url, [])).toEqual({});
    await Promise.all(waiting);
  });

  it('is not looked for where a redirect leads', async () => {
    let followed = false;
    const secret = await serve((_, response) => {
      followed = true;
      response.end('{}');
    });
    const url = await serve((_, response) => response.writeHead(302, { location: secret.href }).end());
    await expect(fetchJson(url, [])).rejects.toMatchObject(useless);
    expect(followed).toBe(false);
  });

  it('must be JSON in UTF-8', async () => {
    for (const body of ['', 'no', '{"a":', Buffer.from([0x22, 0xff, 0x22])]) {
      await expect(fetchJson(await serve((_, response) => response.end(body)), [])).rejects.toMatchObject(useless);
    }
  });

  it('is missing for now if the server fails, and for good if it has none', async () => {
    const answering = (status: number) => serve((_, response) => response.writeHead(status).end('{}'));
    for (const status of [429, 500, 503]) {
      await expect(fetchJson(await answering(status), [])).rejects.toMatchObject(unreachable);
    }
    for (const status of [204, 404, 403]) {
      await expect(fetchJson(await answering(status), [])).rejects.toMatchObject(useless);
    }
  });

  it('is not there if nobody listens, or if nobody knows the host', async () => {
    await expect(fetchJson(new URL('http://127.0.0.1:1/'), [])).rejects.toMatchObject(unreachable);
    await expect(fetchJson(new URL('https://nobody.invalid/'), [])).rejects.toMatchObject(unreachable);
  });
});

describe.skipIf(spawnSync('openssl', ['version']).status !== 0)('over TLS', () => {
  let directory: string;
  let authority: Issued;
  let url: URL;
  let chainUrl: URL;

  interface Issued {
    readonly cert: string;
    readonly key: string;
  }

  /** A certificate for 127.0.0.1 or `name`, signed by `issuer` or by itself. */
  function issue(file: string, options: { issuer?: string; name?: string; authority?: boolean }): Issued {
    const path = (end: string) => join(directory, `${file}.${end}`);
    const { issuer, name = 'IP:127.0.0.1' } = options;
    const made = spawnSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-subj', `/CN=${file}`, '-keyout', path('key'), '-out', path('pem')],
      ...(options.authority ? [] : ['-addext', `subjectAltName=${name}`]),
      ...['-addext', `basicConstraints=critical,CA:${options.authority ? 'TRUE' : 'FALSE'}`],
      ...(issuer === undefined
        ? []
        : ['-CA', join(directory, `${issuer}.pem`), '-CAkey', join(directory, `${issuer}.key`)]),
    ]);
    if (made.status !== 0) throw new Error(String(made.stderr));
    return { cert: readFileSync(path('pem'), 'utf8'), key: readFileSync(path('key'), 'utf8') };
  }

  const serveTls = ({ cert, key }: Issued, chain = '') =>
    listen(
      createTlsServer({ cert: cert + chain, key }, (_, response) => response.end('{"over":"TLS"}')),
      'https',
    );

  const thumbprintOf = (pem: string) => new X509Certificate(pem).fingerprint.replaceAll(':', '').toLowerCase();

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'keyhold-test-'));
    authority = issue('authority', { authority: true });
    const leaf = issue('leaf', { issuer: 'authority' });
    url = await serveTls(leaf);
    chainUrl = await serveTls(leaf, authority.cert);
  });

  afterAll(() => rmSync(directory, { recursive: true }));

  it('nobody is believed whose certificate leads to no known authority', async () => {
    await expect(fetchJson(url, [])).rejects.toMatchObject(untrusted);
    await expect(fetchJson(chainUrl, [])).rejects.toMatchObject(untrusted);
  });

  it('an authority of one’s own is believed', async () => {
    const trusting = jsonFetcher(authority.cert, limits);
    expect(await trusting(url, [])).toEqual({ over: 'TLS' });
    expect(await trusting(chainUrl, [])).toEqual({ over: 'TLS' });
  });

  it('the thumbprint of the last certificate that is sent makes it an authority, as in AWS', async () => {
    expect(await fetchJson(chainUrl, [thumbprintOf(authority.cert)])).toEqual({ over: 'TLS' });
    expect(await fetchJson(chainUrl, ['00'.repeat(20), thumbprintOf(authority.cert).toUpperCase()])).toEqual({
      over: 'TLS',
    });
  });

  it('any other thumbprint does not', async () => {
    const leafOnly = await serveTls(issue('alone', {}));
    await expect(fetchJson(chainUrl, [thumbprintOf(issue('other', {}).cert)])).rejects.toMatchObject(untrusted);
    await expect(fetchJson(leafOnly, [thumbprintOf(authority.cert)])).rejects.toMatchObject(untrusted);
  });

  it('a chain that only ends in the pinned certificate, without being signed by it, is not believed', async () => {
    const impostor = await serveTls(issue('impostor', {}), authority.cert);
    await expect(fetchJson(impostor, [thumbprintOf(authority.cert)])).rejects.toMatchObject(untrusted);
  });

  it('a certificate for another host is not believed, pinned or not', async () => {
    const elsewhere = issue('elsewhere', { issuer: 'authority', name: 'DNS:elsewhere.example' });
    const wrongHost = await serveTls(elsewhere, authority.cert);
    await expect(jsonFetcher(authority.cert, limits)(wrongHost, [])).rejects.toMatchObject(untrusted);
    await expect(fetchJson(wrongHost, [thumbprintOf(authority.cert)])).rejects.toMatchObject(untrusted);
  });

  it('what is believed once is not believed later by another that does not trust it', async () => {
    const trusting = jsonFetcher(authority.cert, limits);
    await trusting(url, []);
    await expect(fetchJson(url, [])).rejects.toMatchObject(untrusted);
  });
});
