import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { verifyAuditDirectory } from '../src/audit/verify.ts';
import { apiRequest, bytesOf, type Lane, openLane } from './support/raw-http.ts';
import { startServer, type TestServer, temporaryDirectory } from './support/server.ts';
import { signerFor } from './support/sign.ts';

/**
 * SIGKILL in the middle of a stream of changes, again and again over the same data: whatever was acknowledged is there after
 * the next start, and the audit trail is whole and holds a record of it.
 */

/** They are crashed at the same time: two cores start two servers as fast as one. */
const DEPLOYMENTS = 2;
const CRASHES = 100;
const WORKERS = 2;
const CONNECTIONS = 6;
const SHORTEST_STREAM_MS = 20;
const LONGEST_STREAM_MS = 300;

let directory = '';

beforeAll(() => {
  directory = temporaryDirectory();
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What the server has acknowledged about a key. */
interface AcknowledgedKey {
  readonly keyId: string;
  readonly aliases: string[];
  /** The value of the tag `count`: the newest one acknowledged, and the newest one sent. */
  count: number;
  sentCount: number;
}

/** What was acknowledged between a start and the crash that followed. */
class Acknowledged {
  readonly keys: AcknowledgedKey[] = [];
  readonly requestIds: string[] = [];
}

type Call = (operation: string, input: object) => Promise<Record<string, unknown> | undefined>;

/** Calls the server over one connection. Undefined: the server was gone before it had answered. */
function caller(server: TestServer, lane: Lane, acknowledged: Acknowledged): Call {
  const sign = signerFor(server.credentials);
  const host = new URL(server.url).host;
  return async (operation, input) => {
    const request = sign(apiRequest(host, operation, JSON.stringify(input)));
    const { status, headers, body } = await lane.exchange(bytesOf(request));
    if (status === 0) return undefined;
    expect({ operation, status, body: status === 200 ? '' : body }).toEqual({ operation, status: 200, body: '' });
    acknowledged.requestIds.push(headers.get('x-amzn-requestid') ?? 'an answer without a request id');
    const whole = String(Buffer.byteLength(body)) === headers.get('content-length');
    return whole ? JSON.parse(body || '{}') : undefined;
  };
}

/** A list in an answer that must have come. */
function members<Member>(answer: Record<string, unknown> | undefined, name: string): Member[] {
  if (answer === undefined) throw new Error('the server was gone though nobody had killed it');
  return answer[name] as Member[];
}

/** Makes one change after the other until the server is gone. */
async function streamChanges(call: Call, name: string, acknowledged: Acknowledged): Promise<void> {
  for (let round = 0; ; round++) {
    const created = await call('CreateKey', { Description: `${name} ${round}` });
    if (created === undefined) return;
    const { KeyId: keyId } = created['KeyMetadata'] as { KeyId: string };
    const key: AcknowledgedKey = { keyId, aliases: [], count: 0, sentCount: 0 };
    acknowledged.keys.push(key);
    for (let step = 1; step <= 3; step++) {
      const alias = `alias/${name}-${round}-${step}`;
      if ((await call('CreateAlias', { AliasName: alias, TargetKeyId: keyId })) === undefined) return;
      key.aliases.push(alias);
      key.sentCount = step;
      const tags = [{ TagKey: 'count', TagValue: String(step) }];
      if ((await call('TagResource', { KeyId: keyId, Tags: tags })) === undefined) return;
      key.count = step;
    }
  }
}

/** Runs the stream on several connections, and kills the server in the middle of it. */
async function streamUntilKilled(server: TestServer, name: string): Promise<Acknowledged> {
  const acknowledged = new Acknowledged();
  const lanes = Array.from({ length: CONNECTIONS }, () => openLane(server.port));
  const streams = lanes.map((lane, index) =>
    streamChanges(caller(server, lane, acknowledged), `${name}-${index}`, acknowledged),
  );
  const streamMs = SHORTEST_STREAM_MS + Math.random() * (LONGEST_STREAM_MS - SHORTEST_STREAM_MS);
  await new Promise((resolve) => setTimeout(resolve, streamMs));
  await server.kill();
  await Promise.all(streams);
  for (const lane of lanes) lane.close();
  return acknowledged;
}

/** Asks for everything that was acknowledged. Gives what the asking itself has been acknowledged. */
async function expectEverything(server: TestServer, { keys }: Acknowledged): Promise<Acknowledged> {
  const asked = new Acknowledged();
  const lane = openLane(server.port);
  const call = caller(server, lane, asked);
  for (const { keyId, aliases, count, sentCount } of keys) {
    const listed = await call('ListAliases', { KeyId: keyId });
    const names = members<{ AliasName: string }>(listed, 'Aliases').map(({ AliasName }) => AliasName);
    expect(names).toEqual(expect.arrayContaining(aliases));
    expect(names.length).toBeLessThanOrEqual(aliases.length + 1);
    const tagged = await call('ListResourceTags', { KeyId: keyId });
    const value = Number(members<{ TagValue: string }>(tagged, 'Tags')[0]?.TagValue ?? 0);
    expect([count, sentCount]).toContain(value);
  }
  // That the material is there shows when it is used: one key of each crash will do.
  const some = keys.at(-1);
  if (some !== undefined) await call('Encrypt', { KeyId: some.aliases[0] ?? some.keyId, Plaintext: 'AAAA' });
  lane.close();
  return asked;
}

/** The chain of every worker is whole, and there is a record for each of these requests. */
async function expectAudited(server: TestServer, requestIds: readonly string[]): Promise<void> {
  const missing = new Set(requestIds);
  const verdicts = await verifyAuditDirectory(join(server.dataDir, 'audit'), ({ requestID }) =>
    missing.delete(requestID ?? ''),
  );
  expect(verdicts.map(({ stream, problem }) => ({ stream, problem }))).toEqual([
    { stream: 'w0', problem: undefined },
    { stream: 'w1', problem: undefined },
  ]);
  expect([...missing]).toEqual([]);
}

/** The ids of all keys. */
async function keysOf(server: TestServer): Promise<Set<string>> {
  const lane = openLane(server.port);
  const call = caller(server, lane, new Acknowledged());
  const found = new Set<string>();
  for (let marker: unknown; ; ) {
    const page = await call('ListKeys', { Limit: 1000, ...(marker === undefined ? {} : { Marker: marker }) });
    for (const { KeyId } of members<{ KeyId: string }>(page, 'Keys')) found.add(KeyId);
    if (page?.['Truncated'] !== true) break;
    marker = page['NextMarker'];
  }
  lane.close();
  return found;
}

const deployments = Array.from({ length: DEPLOYMENTS }, (_, index) => index + 1);
const what = `deployment %d has lost nothing that it acknowledged after ${CRASHES} crashes`;

test.concurrent.each(deployments)(what, { timeout: 1_200_000 }, async (deployment) => {
  const dataDir = join(directory, `deployment-${deployment}`);
  const start = () => startServer({ dataDir, workers: WORKERS });
  const allKeys = new Set<string>();
  const allRequestIds: string[] = [];
  let last = new Acknowledged();
  let server = await start();
  try {
    for (let crash = 0; crash < CRASHES; crash++) {
      await expectAudited(server, last.requestIds);
      const asked = await expectEverything(server, last);
      last = await streamUntilKilled(server, `c${crash}`);
      for (const { keyId } of last.keys) allKeys.add(keyId);
      last.requestIds.push(...asked.requestIds);
      allRequestIds.push(...last.requestIds);
      server = await start();
    }
    await expectEverything(server, last);
    const found = await keysOf(server);
    expect([...allKeys].filter((keyId) => !found.has(keyId))).toEqual([]);
    // What was never answered may have been made or not: at most one key on each connection of each crash.
    expect(found.size - allKeys.size).toBeLessThanOrEqual(CRASHES * CONNECTIONS);
    expect(await server.stop()).toBe(0);
    await expectAudited(server, allRequestIds);
    expect(allKeys.size).toBeGreaterThan(CRASHES);
  } finally {
    await server.kill();
  }
});
