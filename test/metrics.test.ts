import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { type Agent, type IncomingMessage, request } from 'node:http';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import {
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  type KMSClient,
  ListKeysCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { kmsOperations } from '../src/services/kms/index.ts';
import { describeWith } from './support/clients.ts';
import { expectRefusal, newKey, noSuchKeyId, plaintext, policyOf, statement } from './support/kms.ts';
import { pinnedClient } from './support/pinned-client.ts';
import {
  checkQueries,
  type Figures,
  figuresOf,
  namesIn,
  promtool,
  runPromtool,
  testAlerts,
} from './support/prometheus.ts';
import { rawRequest } from './support/raw-request.ts';
import { cleanUp, projectRoot, runToEnd, startServer, type TestServer, temporaryDirectory } from './support/server.ts';

let server: TestServer;
let kms: KMSClient;
let metricsUrl: string;

beforeAll(async () => {
  server = await startServer({ workers: 2, args: ['--metrics-listen', '127.0.0.1:0', '--log-level', 'fatal'] });
  kms = server.kms();
  metricsUrl = /Metrics, for whoever can connect: (\S+)/.exec(server.output.stdout)?.[1] ?? '';
});

afterAll(() => cleanUp(server));

async function textOf(of = server, agent?: Agent): Promise<string> {
  const { status, body } = await rawRequest(of, {
    method: 'GET',
    path: '/metrics',
    signing: false,
    ...(agent === undefined ? {} : { agent }),
  });
  expect(status).toBe(200);
  return body;
}

const figures = async (): Promise<Figures> => figuresOf(await textOf());

/** By how much series have risen while something was done; of those that begin meanwhile, from zero. */
async function risen(act: () => Promise<unknown>): Promise<(series: string) => number> {
  const before = await figures();
  await act();
  const after = await figures();
  return (series) => (after.get(series) ?? 0) - (before.get(series) ?? 0);
}

describe('/metrics', () => {
  test('is answered on the main port', async () => {
    const { headers, body } = await rawRequest(server, { method: 'GET', path: '/metrics', signing: false });
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(body).toMatch(/^keyhold_workers 2$/m);
    expect(body).toMatch(/^keyhold_workers_listening 2$/m);
    expect(body).toMatch(/^process_resident_memory_bytes \d+$/m);
  });

  test('is OpenMetrics for who asks for it', async () => {
    const { headers, body } = await rawRequest(server, {
      method: 'GET',
      path: '/metrics',
      signing: false,
      headers: { accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5' },
    });
    expect(headers['content-type']).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(body).toMatch(/^# EOF\n$/m);
  });

  test.each(['X-Forwarded-For', 'Forwarded', 'X-Real-IP', 'Via'])(
    'is not there for those who ask through a proxy on this machine that sends %s, once or twice',
    async (header) => {
      for (const values of ['192.0.2.1', ['127.0.0.1', '192.0.2.1']]) {
        const asked = request({ port: server.port, path: '/metrics', headers: { [header]: values } }).end();
        const [answer] = (await once(asked, 'response')) as [IncomingMessage];
        const shown = { status: answer.statusCode, body: JSON.parse(await text(answer)) };
        expect(shown).toEqual({ status: 404, body: { error: 'there is nothing here' } });
      }
    },
  );

  const outside = Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === 'IPv4' && !address.internal)?.address;

  test.skipIf(outside === undefined)('is not there for other machines, but at --metrics-listen', async () => {
    // As if from elsewhere: the kernel gives the connection the address that it goes to.
    const open = await startServer({
      args: ['--listen', '0.0.0.0:0', '--insecure-http', '--metrics-listen', '0.0.0.0:0'],
    });
    try {
      const here = await rawRequest(open, { method: 'GET', path: '/metrics', signing: false });
      const there = await fetch(`http://${outside}:${open.port}/metrics`);
      const port = /Metrics, for whoever can connect: http:\/\/0\.0\.0\.0:(\d+)\//.exec(open.output.stdout)?.[1];
      const apart = await fetch(`http://${outside}:${port}/metrics`);
      expect([here.status, there.status, apart.status]).toEqual([200, 404, 200]);
      expect(await there.text()).not.toContain('keyhold_');
      expect(await apart.text()).toMatch(/^keyhold_workers 1$/m);
    } finally {
      await cleanUp(open);
    }
  });

  test('is all that --metrics-listen serves', async () => {
    const get = async (path: string, method = 'GET') => (await fetch(new URL(path, metricsUrl), { method })).status;
    expect(await get('/metrics')).toBe(200);
    expect(await get('/metrics', 'HEAD')).toBe(200);
    expect(await get('/metrics', 'POST')).toBe(404);
    expect(await get('/')).toBe(404);
    expect(await get('/health')).toBe(404);
  });

  test('a --metrics-listen that is in use is refused before the data directory is touched', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const dataDir = join(temporaryDirectory(), 'data');
    const args = ['--data-dir', dataDir, '--listen', '127.0.0.1:0', '--metrics-listen', `127.0.0.1:${port}`];
    const { status, stderr } = await runToEnd(args);
    other.close();
    const message = `127.0.0.1:${port} is in use: give another address, such as --metrics-listen 127.0.0.1:9000`;
    expect({ status, stderr }).toEqual({ status: 2, stderr: `keyhold: ${message}\n` });
    expect(() => readFileSync(join(dataDir, 'lock'))).toThrow('ENOENT');
  });
});

test('a worker that dies is counted, and no counter falls', async () => {
  const directory = temporaryDirectory();
  const [order, preload] = [join(directory, 'die'), join(directory, 'die.mjs')];
  // Every thread of the server loads it first, and that of worker 1 throws as soon as it is told to.
  writeFileSync(
    preload,
    `import { existsSync, rmSync } from 'node:fs';
     import { workerData } from 'node:worker_threads';
     if (workerData?.slot === 1) setInterval(() => {
       if (!existsSync(${JSON.stringify(order)})) return;
       rmSync(${JSON.stringify(order)});
       throw new Error('told to die');
     }, 20).unref();`,
  );
  const mortal = await startServer({
    workers: 2,
    args: ['--metrics-listen', '127.0.0.1:0', '--log-level', 'silent'],
    env: { NODE_OPTIONS: `--import ${pathToFileURL(preload)}` },
  });
  try {
    const url = /Metrics, for whoever can connect: (\S+)/.exec(mortal.output.stdout)?.[1] ?? '';
    const shown = async () => figuresOf(await (await fetch(url)).text());
    const workers = async () => {
      const seen = await shown();
      return ['keyhold_workers', 'keyhold_workers_listening', 'keyhold_worker_restarts_total'].map((name) =>
        seen.get(name),
      );
    };
    const dying = await pinnedClient(mortal, 1);
    const listKeys = 'keyhold_requests_total{service="kms",operation="ListKeys",result="success",error=""}';
    await dying.kms.send(new ListKeysCommand({}));
    dying.agent.destroy();
    expect((await shown()).get(listKeys)).toBe(1);
    expect(await workers()).toEqual([2, 2, 0]);
    writeFileSync(order, '');
    await expect.poll(workers, { timeout: 60_000, interval: 50 }).toEqual([2, 1, 0]);
    await expect.poll(workers, { timeout: 60_000, interval: 50 }).toEqual([2, 2, 1]);
    const restarted = await pinnedClient(mortal, 1);
    await restarted.kms.send(new ListKeysCommand({}));
    restarted.agent.destroy();
    expect((await shown()).get(listKeys)).toBe(2);
  } finally {
    await cleanUp(mortal);
  }
});

describe('requests', () => {
  const encrypts = (result: string, error = '') =>
    `keyhold_requests_total{service="kms",operation="Encrypt",result="${result}",error="${error}"}`;
  const ofAccount = (result: string) =>
    `keyhold_account_requests_total{account="${server.accountId}",service="kms",result="${result}"}`;

  test('are counted wherever they were answered, and shown by every worker and by the main thread', async () => {
    const key = await newKey(kms);
    const clients = [await pinnedClient(server, 0), await pinnedClient(server, 1)];
    const before = (await figures()).get(encrypts('success')) ?? 0;
    for (const client of clients) {
      for (let count = 0; count < 10; count++) {
        await client.kms.send(new EncryptCommand({ KeyId: key.id, Plaintext: plaintext }));
      }
    }
    const texts = await Promise.all(clients.map(({ agent }) => textOf(server, agent)));
    texts.push(await (await fetch(metricsUrl)).text());
    for (const { agent } of clients) agent.destroy();
    expect(texts.map((text) => figuresOf(text).get(encrypts('success')))).toEqual(Array(3).fill(before + 20));
  });

  test('are counted by account, and their time by the kind of operation', async () => {
    const key = await newKey(kms);
    const by = await risen(() => kms.send(new EncryptCommand({ KeyId: key.id, Plaintext: plaintext })));
    expect(by(encrypts('success'))).toBe(1);
    expect(by(ofAccount('success'))).toBe(1);
    expect(by('keyhold_request_duration_seconds_count{service="kms",class="cryptographic"}')).toBe(1);
    expect(by('keyhold_request_duration_seconds_bucket{service="kms",class="cryptographic",le="+Inf"}')).toBe(1);
    expect(by('keyhold_audit_records_total')).toBe(1);
  });

  test('that are refused are counted by the error that the client is told', async () => {
    const by = await risen(() =>
      expectRefusal(kms.send(new EncryptCommand({ KeyId: noSuchKeyId, Plaintext: plaintext })), 'NotFoundException'),
    );
    expect(by(encrypts('client_error', 'NotFoundException'))).toBe(1);
    expect(by(ofAccount('client_error'))).toBe(1);
  });

  test('whose signature is wrong are of no account', async () => {
    const credentials = { ...server.credentials, secretAccessKey: 'wrong' };
    const by = await risen(() =>
      expectRefusal(server.kms({ credentials }).send(new ListKeysCommand({})), 'InvalidSignatureException'),
    );
    expect(by('keyhold_authentication_failures_total{error="InvalidSignatureException"}')).toBe(1);
    expect(by('keyhold_account_requests_total{account="none",service="kms",result="denied"}')).toBe(1);
  });

  test('nothing that a client writes becomes a label', async () => {
    const marks = ['MadeUp', 'Encrypt2', 'constructor', '__proto__', 'a"b'];
    const by = await risen(async () => {
      for (const operation of marks) await rawRequest(server, { operation });
      await rawRequest(server, { path: '/madeup', method: 'GET', signing: false });
      await rawRequest(server, { headers: { 'x-amz-target': 'MadeUp.Encrypt' }, signing: false });
    });
    const unknown = (service: string) =>
      `keyhold_requests_total{service="${service}",operation="unknown",result="client_error",error="UnknownOperationException"}`;
    expect(by(unknown('kms'))).toBe(marks.length);
    expect(by(unknown('unknown'))).toBe(2);
    const operations = [...(await textOf()).matchAll(/service="kms",operation="([^"]*)"/g)].map(([, name]) => name);
    expect(operations.filter((name) => name !== 'unknown' && !kmsOperations.has(name ?? ''))).toEqual([]);
  });

  test('above a quota are counted as throttled', async () => {
    const limited = await startServer({ args: ['--request-quotas', 'aws'] });
    try {
      const client = limited.kms();
      const asked = await Promise.allSettled(Array.from({ length: 30 }, () => client.send(new CreateKeyCommand({}))));
      const refused = asked.filter(({ status }) => status === 'rejected').length;
      expect(refused).toBeGreaterThan(0);
      const shown = figuresOf(await textOf(limited));
      expect(
        shown.get(
          'keyhold_requests_total{service="kms",operation="CreateKey",result="throttled",error="ThrottlingException"}',
        ),
      ).toBe(refused);
    } finally {
      await cleanUp(limited);
    }
  });
});

describe('in the sandbox', () => {
  let sandbox: TestServer;
  const as = (accountId: string) => sandbox.kms({ credentials: { accessKeyId: accountId, secretAccessKey: 'any' } });

  beforeAll(async () => {
    sandbox = await startServer({ args: ['--sandbox'] });
  });
  afterAll(() => cleanUp(sandbox));

  const sandboxFigures = async () => figuresOf(await textOf(sandbox));

  test('denials are counted by their reason, and whether a grant could have helped', async () => {
    const key = await newKey(as('111122223333'));
    const stranger = as('444455556666');
    await expectRefusal(
      stranger.send(new EncryptCommand({ KeyId: key.arn, Plaintext: plaintext })),
      'AccessDeniedException',
    );
    const closed = await newKey(as('111122223333'), {
      Policy: policyOf(
        statement('Allow', 'arn:aws:iam::111122223333:root', 'kms:*'),
        statement('Deny', '*', 'kms:Encrypt'),
      ),
    });
    const owner = as('111122223333');
    await expectRefusal(
      owner.send(new EncryptCommand({ KeyId: closed.id, Plaintext: plaintext })),
      'AccessDeniedException',
    );
    const shown = await sandboxFigures();
    const denials = [...shown].filter(
      ([series, value]) => series.startsWith('keyhold_authorization_denials_total') && value > 0,
    );
    expect(denials).toEqual([
      ['keyhold_authorization_denials_total{reason="explicit-deny-in-resource-based-policy",grants="not-asked"}', 1],
      ['keyhold_authorization_denials_total{reason="no-resource-based-policy-allows",grants="none-allows"}', 1],
    ]);
    expect(shown.get('keyhold_account_requests_total{account="444455556666",service="kms",result="denied"}')).toBe(1);
  });

  test('keys are counted by what they are, and deletions foretold', async () => {
    const kmsOfAccount = as('111122223333');
    const rsa = await newKey(kmsOfAccount, { KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' });
    await kmsOfAccount.send(new ScheduleKeyDeletionCommand({ KeyId: rsa.id, PendingWindowInDays: 7 }));
    await expect.poll(sandboxFigures, { timeout: 60_000, interval: 500 }).toSatisfy((shown: Figures) => {
      const seconds = shown.get('keyhold_next_key_deletion_seconds') ?? 0;
      return (
        shown.get('keyhold_keys{state="PendingDeletion",spec="RSA_2048",manager="CUSTOMER"}') === 1 &&
        seconds > 6.9 * 86_400 &&
        seconds <= 7 * 86_400
      );
    });
  });

  test('looks into a cache are counted', async () => {
    const client = as('111122223333');
    const key = await newKey(client);
    const lookups = async (result: string) =>
      (await sandboxFigures()).get(`keyhold_cache_lookups_total{cache="keys",result="${result}"}`) ?? 0;
    const before = { hit: await lookups('hit'), miss: await lookups('miss') };
    for (let count = 0; count < 3; count++) await client.send(new DescribeKeyCommand({ KeyId: key.id }));
    expect({ hit: await lookups('hit'), miss: await lookups('miss') }).toEqual({
      hit: before.hit + 2,
      miss: before.miss + 1,
    });
  });
});

/** The names of metrics in a query, as our own naming tells them. */
function namesInQueries(queries: readonly string[]): string[] {
  const names = queries.flatMap((query) => query.match(/\b(?:keyhold|process)_[a-z_]+\b/g) ?? []);
  return [...new Set(names)].sort();
}

const rules = parse(readFileSync(join(projectRoot, 'deploy/prometheus/keyhold-rules.yml'), 'utf8')) as {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[];
};
const alerts = rules.groups.flatMap((group) => group.rules);

interface Panel {
  readonly targets?: readonly { readonly expr: string }[];
  readonly gridPos: { readonly x: number; readonly w: number };
}
const dashboard = JSON.parse(readFileSync(join(projectRoot, 'deploy/grafana/keyhold.json'), 'utf8')) as {
  readonly panels: readonly Panel[];
};
const panelQueries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

test('every metric that the dashboard and the rules name is one of /metrics', async () => {
  const names = namesInQueries([...alerts.map(({ expr }) => expr), ...panelQueries]);
  expect(names.length).toBeGreaterThan(20);
  const known = namesIn(await textOf());
  expect(names.filter((name) => !known.has(name))).toEqual([]);
});

test('every metric is on the dashboard', async () => {
  const shown = namesInQueries(panelQueries);
  const missing = [...namesIn(await textOf())].filter((name) => !shown.includes(name) && !/_(?:sum|count)$/.test(name));
  expect(missing).toEqual([]);
});

test('the page on monitoring has a line for every alert and every metric', async () => {
  const page = readFileSync(join(projectRoot, 'docs/monitoring.md'), 'utf8');
  const families = [...(await textOf()).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name ?? '');
  const missing = [...alerts.map(({ alert }) => alert), ...families].filter(
    (name) => !page.includes(`| \`${name}\` |`),
  );
  expect(missing).toEqual([]);
});

describeWith(promtool, 'promtool', () => {
  const well = { status: 0 };

  test('has nothing to say against /metrics', async () => {
    await kms.send(new ListKeysCommand({}));
    expect(runPromtool(['check', 'metrics'], await textOf())).toEqual({ ...well, said: '' });
  });

  test('takes the rules, and raises each alert on figures that must raise it and on no others', () => {
    expect(runPromtool(['check', 'rules', 'deploy/prometheus/keyhold-rules.yml'])).toMatchObject(well);
    expect(runPromtool(['test', 'rules', 'deploy/prometheus/keyhold-rules.test.yml'])).toMatchObject(well);
    const tested = readFileSync(join(projectRoot, 'deploy/prometheus/keyhold-rules.test.yml'), 'utf8');
    const untested = alerts.filter(({ alert }) => !tested.includes(`        alertname: ${alert}\n`));
    expect(untested).toEqual([]);
  });

  test('can parse the queries of the dashboard', () => {
    const queries = panelQueries.map((query) =>
      query.replace(/\$__(?:rate_interval|range)/g, '5m').replaceAll('$instance', '.*'),
    );
    expect(checkQueries(queries).said).toContain(`SUCCESS: ${queries.length} rules found`);
    expect(checkQueries([...queries, 'sum(']).status).not.toBe(0);
  });

  const quiet = Object.fromEntries(alerts.map(({ alert }) => [alert, []]));

  test('raises no alert over a server that is well', async () => {
    const shown = await figures();
    const verdict = testAlerts(shown, shown, { ...quiet });
    expect(verdict.said).toContain('SUCCESS');
  });

  test('raises the alert on denials, and no other, over a server that turned thirty requests away', async () => {
    const sandbox = await startServer({ args: ['--sandbox'] });
    try {
      const as = (accessKeyId: string) => sandbox.kms({ credentials: { accessKeyId, secretAccessKey: 'any' } });
      const key = await newKey(as('111122223333'));
      const blob = await as('111122223333').send(new EncryptCommand({ KeyId: key.id, Plaintext: plaintext }));
      const before = figuresOf(await textOf(sandbox));
      for (let count = 0; count < 30; count++) {
        const { CiphertextBlob } = blob;
        await expectRefusal(
          as('444455556666').send(new DecryptCommand({ CiphertextBlob, KeyId: key.arn })),
          'AccessDeniedException',
        );
      }
      const after = figuresOf(await textOf(sandbox));
      const alert = {
        exp_labels: { severity: 'page', instance: 'k' },
        exp_annotations: { summary: '30 requests in five minutes were not authorized at k' },
      };
      expect(testAlerts(before, after, { ...quiet, KeyholdDenials: [alert] }).said).toContain('SUCCESS');
      // The test would say so if there were none.
      expect(testAlerts(before, after, quiet).status).not.toBe(0);
    } finally {
      await cleanUp(sandbox);
    }
  });

  const prlimitIsHere = spawnSync('prlimit', ['--version']).status === 0;

  test.skipIf(!prlimitIsHere)(
    'raises those on the audit trail and on faults over a server whose trail cannot grow',
    async () => {
      const full = await startServer({ args: ['--log-level', 'silent'] });
      try {
        await full.kms().send(new ListKeysCommand({}));
        const before = figuresOf(await textOf(full));
        const { size } = statSync(join(full.dataDir, 'audit', 'w0.jsonl'));
        expect(spawnSync('prlimit', ['--pid', String(full.process.pid), `--fsize=${size}:`]).status).toBe(0);
        await expect(full.kms().send(new ListKeysCommand({}))).rejects.toMatchObject({ name: 'KMSInternalException' });
        const after = figuresOf(await textOf(full));
        expect(after.get('keyhold_audit_queue_records')).toBe(0);
        const labels = { severity: 'page', instance: 'k' };
        const expected = {
          ...quiet,
          KeyholdAuditFailing: [
            {
              exp_labels: { ...labels, job: 'keyhold' },
              exp_annotations: { summary: 'k cannot write its audit trail' },
            },
          ],
          KeyholdServerErrors: [
            {
              exp_labels: { ...labels, service: 'kms' },
              exp_annotations: { summary: 'k answered requests to kms with faults of its own' },
            },
          ],
        };
        expect(testAlerts(before, after, expected).said).toContain('SUCCESS');
      } finally {
        await cleanUp(full);
      }
    },
  );
});
