import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { KeyRecord } from '../../../keys/key.ts';
import { dueName, expiriesTable, keyName, keysTable } from '../../../keys/tables.ts';
import type { MetricDatum } from '../../../monitoring/metric.ts';
import { openMemoryStore } from '../../../store/memory/memory-store.ts';
import { sealedMemoryStore } from '../../../store/sealed-memory-store.test-helper.ts';
import { publishExpirations, startMaterialExpirations } from './material-expirations.ts';

const NOW_MS = Date.UTC(2026, 10, 26, 10, 30, 15, 500);
const log = pino({ level: 'silent' });
const clock = { now: () => NOW_MS };

function externalKey(keyId: string, expiresAtMs: number): KeyRecord {
  return {
    accountId: '111122223333',
    region: 'eu-central-1',
    keyId,
    createdAtMs: NOW_MS - 1000,
    description: '',
    keySpec: 'SYMMETRIC_DEFAULT',
    keyUsage: 'ENCRYPT_DECRYPT',
    origin: 'EXTERNAL',
    keyManager: 'CUSTOMER',
    lifecycle: { status: 'Enabled' },
    tags: [],
    imported: { complete: true, expiresAtMs },
  };
}

/** Each key with the moments at which its materials expire. */
async function storeOf(keys: readonly [keyId: string, ...expiries: number[]][], backend = openMemoryStore()) {
  const store = sealedMemoryStore(backend);
  await store.transact(async (transaction) => {
    for (const [keyId, ...expiries] of keys) {
      const record = externalKey(keyId, Math.min(...expiries));
      const { accountId, region } = record;
      await transaction.create(keysTable, keyName(record), record);
      for (const atMs of expiries) {
        await transaction.create(expiriesTable, dueName(atMs, record), { accountId, region, keyId });
      }
    }
  });
  return store;
}

async function published(keys: readonly [string, ...number[]][], mostNotes?: number): Promise<MetricDatum[]> {
  const data: MetricDatum[] = [];
  const store = await storeOf(keys);
  const metrics = { record: (some: readonly MetricDatum[]) => void data.push(...some) };
  await publishExpirations({ store, metrics, clock, log, ...(mostNotes === undefined ? {} : { mostNotes }) });
  return data;
}

const secondsOf = (data: readonly MetricDatum[]) =>
  data.map(({ metric, observed }) => [metric.dimensions[0]?.value, (observed as [number, number][])[0]?.[0]]);

test('is told of each key once, by the material that expires first', async () => {
  const data = await published([
    ['later', NOW_MS + 3_600_000],
    ['soon', NOW_MS + 1500, NOW_MS + 90_000],
    ['expired', NOW_MS],
  ]);
  expect(secondsOf(data)).toEqual([
    ['soon', 1],
    ['later', 3600],
  ]);
  expect(data[0]).toEqual({
    metric: {
      accountId: '111122223333',
      region: 'eu-central-1',
      namespace: 'AWS/KMS',
      name: 'SecondsUntilKeyMaterialExpiration',
      dimensions: [{ name: 'KeyId', value: 'soon' }],
    },
    timeMs: Date.UTC(2026, 10, 26, 10, 30),
    unit: 'Seconds',
    observed: [[1, 1]],
  });
});

test('is told of as many as there is time for, those first that expire next', async () => {
  const keys = Array.from({ length: 250 }, (_, at): [string, number] => [`k${at}`, NOW_MS + (1000 - at) * 1000]);
  expect(await published(keys)).toHaveLength(250);
  const some = await published(keys, 120);
  expect(some).toHaveLength(120);
  expect(secondsOf(some)[0]).toEqual(['k249', 751]);
});

test('a key that someone edited, or a note that leads nowhere, hides no other', async () => {
  const backend = openMemoryStore();
  const store = await storeOf([['good', NOW_MS + 2000]], backend);
  await backend.transact(async (transaction) => {
    await transaction.create(expiriesTable.name, dueName(NOW_MS + 1000, externalKey('edited', 0)), Buffer.from('x'));
  });
  const data: MetricDatum[] = [];
  await publishExpirations({ store, metrics: { record: (some) => void data.push(...some) }, clock, log });
  expect(secondsOf(data)).toEqual([['good', 2]]);
});

test('is told again and again, until it is stopped', async () => {
  const store = await storeOf([['key', NOW_MS + 60_000]]);
  let count = 0;
  const metrics = { record: () => void count++ };
  const running = startMaterialExpirations({ store, metrics, clock, log, intervalMs: 1 });
  await expect.poll(() => count, { timeout: 60_000 }).toBeGreaterThan(2);
  await running.stop();
});
