import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { chainLine, genesis, linkOf } from '../../../audit/hash-chain.ts';
import type { AuditRecord } from '../../../audit/record.ts';
import { systemRandom } from '../../../runtime/random.ts';
import { type TrailRecord, trailKey, trailStatusesTable, trailsTable } from '../../../services/cloudtrail/records.ts';
import { announcing, sharedEpoch } from '../../../store/change-feed.ts';
import { openMemoryStore } from '../../../store/memory/memory-store.ts';
import { sealedMemoryStore } from '../../../store/sealed-memory-store.test-helper.ts';
import type { Store } from '../../../store/sealed-store.ts';
import { bucketDirectory } from './bucket-directory.ts';
import { deliverTrails, type TrailDelivery } from './deliver-trails.ts';
import { trailDeliveriesTable } from './delivery-record.ts';
import { MOST_REGIONS } from './followed-trail.ts';
import { STARTED_MS, trailRecord } from './trail.test-helper.ts';

let base: string;
let raw: ReturnType<typeof openMemoryStore>;
let store: Store;
let nowMs: number;
let running: TrailDelivery | undefined;
/** Whether it has looked for trails once. */
let isLooking: boolean;
const epoch = sharedEpoch(new SharedArrayBuffer(4));
let links: Map<string, ReturnType<typeof genesis>>;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'keyhold-trails-'));
  mkdirSync(join(base, 'audit'));
  raw = openMemoryStore();
  store = announcing(sealedMemoryStore(raw), epoch);
  nowMs = STARTED_MS + 60_000;
  links = new Map();
  isLooking = false;
});
afterEach(async () => {
  await running?.stop();
  running = undefined;
  rmSync(base, { recursive: true });
});

function start(on = store): void {
  running = deliverTrails({
    store: on,
    buckets: bucketDirectory(join(base, 'trails')),
    keys: {
      signerFor: () => Promise.reject(new Error('no digest is due')),
    },
    random: systemRandom(),
    clock: { now: () => nowMs },
    directory: join(base, 'audit'),
    written: () => Number.POSITIVE_INFINITY,
    consumed: () => {},
    readUpTo: () => new Map(),
    epoch,
    intervalMs: 1000,
    digestIntervalMs: 86_400_000,
    metrics: {
      delivered: () => {},
      failed: () => {},
      failing: () => {
        isLooking = true;
      },
    },
    log: pino({ level: 'silent' }),
  });
}

/** Delivers what there is, and gives it. */
async function deliverAll(on = store): Promise<string[]> {
  start(on);
  await running?.stop();
  running = undefined;
  return delivered();
}

const add = (trail: TrailRecord): Promise<void> =>
  store.transact((transaction) =>
    transaction.create(trailsTable, trailKey(trail.accountId, trail.homeRegion, trail.name), trail),
  );

function record(eventID: string, different: Partial<AuditRecord> = {}): void {
  const { awsRegion = 'eu-central-1', stream = 'w0' } = different as { awsRegion?: string; stream?: string };
  const event = {
    userIdentity: {},
    eventTime: `${new Date(nowMs).toISOString().slice(0, 19)}Z`,
    eventSource: 'kms.amazonaws.com',
    eventName: 'Encrypt',
    awsRegion,
    eventID,
    readOnly: true,
    recipientAccountId: '111122223333',
    eventCategory: 'Management',
    ...different,
  };
  const link = links.get(stream) ?? genesis(stream);
  const line = chainLine(stream, link, JSON.stringify(event));
  links.set(stream, linkOf(link, line));
  appendFileSync(join(base, 'audit', `${stream}.jsonl`), `${line}\n`);
}

function delivered(bucket = 'our-bucket'): string[] {
  const root = join(base, 'trails', bucket);
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.startsWith('AWSLogs/') && path.endsWith('.json.gz'))
    .flatMap((path) => JSON.parse(gunzipSync(readFileSync(join(root, path))).toString('utf8')).Records)
    .map(({ eventID }: AuditRecord) => eventID);
}

/** Lets time pass meanwhile. */
async function untilLater(condition: () => boolean): Promise<void> {
  const look = (): boolean => {
    nowMs += 1000;
    return condition();
  };
  await vi.waitUntil(look, { timeout: 60_000 });
}

const statusOf = async (name: string) =>
  (await store.get(trailStatusesTable, trailKey('111122223333', 'eu-central-1', name)))?.value;

test('each record is in one log file, of whichever stream it is, and each is of its own account', async () => {
  await add(trailRecord());
  record('a');
  record('b', { stream: 'w1' } as object);
  record('of-another', { recipientAccountId: '444455556666' });
  expect((await deliverAll()).sort()).toEqual(['a', 'b']);
  record('c');
  expect((await deliverAll()).sort()).toEqual(['a', 'b', 'c']);
  expect((await deliverAll()).sort()).toEqual(['a', 'b', 'c']);
});

test('records of more Regions than there may be open files are delivered, each once', async () => {
  await add(trailRecord());
  const ids = Array.from({ length: 100 }, (_, at) => `event-${String(at).padStart(3, '0')}`);
  for (const [at, id] of ids.entries()) record(id, { awsRegion: `xx-test-${at % 40}` });
  expect((await deliverAll()).sort()).toEqual(ids);
  expect(readdirSync(join(base, 'trails', 'our-bucket', '.incomplete'))).toEqual([]);
});

test.each([true, false])(
  'a store that fails while it is told of a log file, and then for good, loses nothing and repeats nothing (committed: %s)',
  async (isCommitted) => {
    await add(trailRecord());
    record('a');
    let isDown = false;
    const failing: Store = {
      ...store,
      transact: (work, options) =>
        store
          .transact(async (transaction) => {
            if (isDown) throw new Error('the store is down');
            const replace: typeof transaction.replace = async (table, key, value, version) => {
              isDown ||= JSON.stringify(value).includes('.json.gz');
              return transaction.replace(table, key, value, version);
            };
            const result = await work({ ...transaction, replace });
            if (isDown && !isCommitted) throw new Error('not committed');
            return result;
          }, options)
          .then((result) => {
            if (isDown) throw new Error('the answer is lost');
            return result;
          }),
    };
    start(failing);
    await untilLater(() => isDown);
    record('b');
    // As after a crash: it could note nothing more.
    await running?.stop();
    running = undefined;
    expect((await deliverAll()).sort()).toEqual(['a', 'b']);
  },
);

test('a file that a crash kept from its place gets there at the next start, and one that no transaction names is removed', async () => {
  await add(trailRecord());
  record('a');
  const first = await deliverAll();
  const [path = ''] = readdirSync(join(base, 'trails', 'our-bucket'), { recursive: true, encoding: 'utf8' }).filter(
    (each) => each.endsWith('.gz'),
  );
  const file = path.slice(path.lastIndexOf('/') + 1);
  const incomplete = join(base, 'trails', 'our-bucket', '.incomplete');
  const content = readFileSync(join(base, 'trails', 'our-bucket', path));
  rmSync(join(base, 'trails', 'our-bucket', path));
  appendFileSync(join(incomplete, file), content);
  appendFileSync(join(incomplete, file.replace(/_[^_]+$/, '_AAAABBBBCCCCDDDD.json.gz')), 'half of it');
  expect(await deliverAll()).toEqual(first);
  expect(readdirSync(incomplete)).toEqual([]);
});

test('a trail that was started and stopped between two looks is delivered all the same, and done with', async () => {
  const key = trailKey('111122223333', 'eu-central-1', 'everything');
  start();
  await vi.waitUntil(() => isLooking, { timeout: 60_000 });
  record('a');
  await add(trailRecord({ isLogging: false, stoppedLoggingAtMs: nowMs + 500, logFileValidation: false }));
  await untilLater(() => delivered().includes('a'));
  await vi.waitUntil(async () => (await store.get(trailDeliveriesTable, key)) === undefined, { timeout: 60_000 });
  record('b');
  await running?.stop();
  running = undefined;
  expect(await deliverAll()).toEqual(['a']);
});

test('a record of a Region that can be no directory is delivered with those of the home Region', async () => {
  await add(trailRecord());
  record('a', { awsRegion: '../../outside' });
  record('b');
  expect((await deliverAll()).sort()).toEqual(['a', 'b']);
  expect(readdirSync(join(base, 'trails', 'our-bucket', 'AWSLogs', '111122223333', 'CloudTrail'))).toEqual([
    'eu-central-1',
  ]);
});

test('a trail whose record was edited hides no other', async () => {
  await add(trailRecord());
  await raw.transact((transaction) =>
    transaction.create(trailsTable.name, '111122223333/eu-central-1/another', Buffer.from('edited')),
  );
  record('a');
  expect(await deliverAll()).toEqual(['a']);
});

test.each([
  { bucketName: '../outside' },
  { bucketName: '.incomplete' },
  { keyPrefix: '../../outside' },
  { keyPrefix: 'a//b' },
])('a trail that %j got into the store is delivered nowhere', async (odd) => {
  await add(trailRecord({ name: 'odd', ...odd }));
  await add(trailRecord({ name: 'plain', bucketName: 'plain-bucket' }));
  record('a');
  await deliverAll();
  expect(delivered('plain-bucket')).toEqual(['a']);
  expect(readdirSync(base).sort()).toEqual(['audit', 'trails']);
  expect(readdirSync(join(base, 'trails'))).toEqual(['plain-bucket']);
  expect(await statusOf('odd')).toMatchObject({ latestDeliveryError: 'InvalidBucketName' });
});

test('an audit trail that was begun anew is delivered from its beginning', async () => {
  await add(trailRecord());
  record('a');
  record('b');
  await deliverAll();
  rmSync(join(base, 'audit', 'w0.jsonl'));
  links = new Map();
  record('c');
  expect((await deliverAll()).sort()).toEqual(['a', 'b', 'c']);
});

test('requests for Regions that somebody makes up are delivered, and do not make a chain of digests each', async () => {
  await add(trailRecord({ isMultiRegion: true, logFileValidation: true }));
  const events = Array.from({ length: 3 * MOST_REGIONS }, (_, index) => `e${index}`);
  for (const [index, event] of events.entries()) record(event, { awsRegion: `made-up-${index}` });
  expect((await deliverAll()).sort()).toEqual(events.sort());
  const [delivery] = await store.list(trailDeliveriesTable, { prefix: '', limit: 1 });
  expect(Object.keys(delivery?.value.regions ?? {})).toHaveLength(MOST_REGIONS);
});

test('a line that somebody wrote into the audit directory stops no trail', async () => {
  await add(trailRecord({ isMultiRegion: true }));
  record('before');
  for (const forged of [null, 5, { recipientAccountId: '111122223333' }]) {
    const link = links.get('w0') ?? genesis('w0');
    const line = chainLine('w0', link, JSON.stringify(forged));
    links.set('w0', linkOf(link, line));
    appendFileSync(join(base, 'audit', 'w0.jsonl'), `${line}\n`);
  }
  record('after');
  expect((await deliverAll()).sort()).toEqual(['after', 'before']);
});
