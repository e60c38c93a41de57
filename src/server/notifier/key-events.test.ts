import { mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openFileTrail } from '../../audit/file-trail.ts';
import { notificationsTable } from '../../services/cloudwatch/notifications.ts';
import { sealedMemoryStore } from '../../store/sealed-memory-store.test-helper.ts';
import type { Store } from '../../store/sealed-store.ts';
import { startRecordFeed } from '../monitor/follow-records.ts';
import { keyEvents } from './key-events.ts';

const log = pino({ level: 'silent' });
const NOW = Date.UTC(2026, 10, 22, 12);
const KEY = 'arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';

let directory: string;
let store: Store;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyhold-events-'));
  store = sealedMemoryStore();
});
afterEach(() => rmSync(directory, { recursive: true }));

let events = 0;
const record = (eventName: string, given: object = {}) => ({
  eventName,
  eventSource: 'kms.amazonaws.com',
  eventType: 'AwsServiceEvent',
  userIdentity: { accountId: '111122223333', invokedBy: 'AWS Internal' },
  eventTime: '2026-11-22T11:59:58Z',
  eventID: `00000000-0000-4000-8000-${String(++events).padStart(12, '0')}`,
  awsRegion: 'us-west-2',
  recipientAccountId: '111122223333',
  resources: [{ accountId: '111122223333', type: 'AWS::KMS::Key', ARN: KEY }],
  ...given,
});

async function write(stream: string, ...records: object[]): Promise<void> {
  const trail = openFileTrail({ directory, stream });
  for (const each of records) await trail.append(JSON.stringify(each));
  await trail.close();
}

/** Follows the trail to its end, as one run of a server. */
async function follow(): Promise<void> {
  const consumers = [await keyEvents(store, directory, { now: () => NOW }, log)];
  await startRecordFeed({ directory, consumers, written: () => Number.POSITIVE_INFINITY, log }).stop();
}

const outbox = async () =>
  (await store.list(notificationsTable, { prefix: '', limit: 100 })).map(({ value }) => JSON.parse(value.message));

test('rotation, deletion and expiry become events of the shape that AWS publishes, and nothing else does', async () => {
  await follow();
  const keyId = '1234abcd-12ab-34cd-56ef-1234567890ab';
  const [previous, current] = ['1'.repeat(64), '2'.repeat(64)];
  const materials = { previousKeyMaterialId: previous, currentKeyMaterialId: current };
  const rotated = record('RotateKey', {
    serviceEventDetails: { rotationType: 'ON_DEMAND', keyOrigin: 'AWS_KMS', ...materials, keyId },
  });
  await write(
    'w0',
    rotated,
    record('DeleteKey', { serviceEventDetails: { keyId } }),
    record('DeleteExpiredKeyMaterial', { serviceEventDetails: { keyMaterialId: current, keyId } }),
    record('Encrypt', { eventType: 'AwsApiCall' }),
    record('RotateKey', { errorCode: 'KMSInternalException' }),
    record('RotateKey', { eventSource: 'example.amazonaws.com' }),
    record('DeleteKey', { resources: undefined }),
    record('DeleteKey', { eventTime: '2026-11-21T11:59:59Z' }),
  );
  await follow();
  const made = await outbox();
  expect(made.map((event) => event['detail-type'])).toEqual([
    'KMS CMK Rotation',
    'KMS CMK Deletion',
    'KMS Imported Key Material Expiration',
  ]);
  expect(made[0]).toEqual({
    version: '0',
    id: rotated.eventID,
    'detail-type': 'KMS CMK Rotation',
    source: 'aws.kms',
    account: '111122223333',
    time: '2026-11-22T11:59:58Z',
    region: 'us-west-2',
    resources: [KEY],
    detail: {
      'key-id': keyId,
      'key-origin': 'AWS_KMS',
      'rotation-type': 'ON_DEMAND',
      'previous-key-material-id': previous,
      'current-key-material-id': current,
    },
  });
  expect(made[1].detail).toEqual({ 'key-id': keyId });
  expect(made[2].detail).toEqual({ 'key-id': keyId, 'key-material-id': current });
});

test('they begin with the first start, and go on where they were, stream by stream', async () => {
  await write('w0', record('RotateKey'), record('RotateKey'));
  await follow();
  expect(await outbox()).toEqual([]);
  const [first, second] = [record('RotateKey'), record('DeleteKey')];
  await write('w0', first);
  await write('w1', second);
  await follow();
  await follow();
  expect((await outbox()).map(({ id }) => id)).toEqual([first.eventID, second.eventID]);
});

test('lines that a power cut took from the stream do not hide those that get their numbers', async () => {
  await follow();
  await write('w0', record('RotateKey'));
  const path = join(directory, 'w0.jsonl');
  const { size } = statSync(path);
  await write('w0', record('Encrypt'), record('Encrypt'), record('Encrypt'));
  await follow();
  truncateSync(path, size);
  const consumer = await keyEvents(store, directory, { now: () => NOW }, log);
  const deleted = record('DeleteKey');
  await write('w0', deleted);
  await startRecordFeed({ directory, consumers: [consumer], written: () => Number.POSITIVE_INFINITY, log }).stop();
  expect((await outbox()).map(({ id }) => id)).toContain(deleted.eventID);
});

test('a record that was flushed to nobody because the store failed is flushed again, once', async () => {
  await follow();
  await write('w0', record('RotateKey'));
  const transact = vi.spyOn(store, 'transact');
  const consumer = await keyEvents(store, directory, { now: () => NOW }, log);
  transact.mockRejectedValueOnce(new Error('no room'));
  await startRecordFeed({ directory, consumers: [consumer], written: () => Number.POSITIVE_INFINITY, log }).stop();
  expect(transact).toHaveBeenCalledTimes(3);
  expect(await outbox()).toHaveLength(1);
  await follow();
  expect(await outbox()).toHaveLength(1);
});

test('a line that somebody copied does not stand in the way of what comes after it', async () => {
  await follow();
  const copied = record('RotateKey');
  await write('w0', copied);
  await follow();
  await write('w0', copied, record('DeleteKey'));
  await follow();
  expect(await outbox()).toHaveLength(2);
});

test('a line that somebody wrote into the audit directory stops no other event', async () => {
  await follow();
  const forged = [
    { eventID: 'a\0b' },
    { eventID: '\ud800' },
    { eventID: '' },
    { recipientAccountId: 'a\0b' },
    { eventTime: 5 },
  ];
  await write('w0', ...forged.map((each) => record('DeleteKey', each)), record('RotateKey'));
  await follow();
  expect((await outbox()).map((each) => each['detail-type'])).toEqual(['KMS CMK Rotation']);
});
