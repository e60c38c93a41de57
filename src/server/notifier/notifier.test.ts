import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemRandom } from '../../runtime/random.ts';
import { alarmHistoryTable } from '../../services/cloudwatch/alarms/alarm-history.ts';
import {
  type NotificationRecord,
  notificationKey,
  notificationsTable,
} from '../../services/cloudwatch/notifications.ts';
import { announcing, sharedEpoch } from '../../store/change-feed.ts';
import type { RawRecord } from '../../store/contract.ts';
import { openMemoryStore } from '../../store/memory/memory-store.ts';
import { sealedMemoryStore } from '../../store/sealed-memory-store.test-helper.ts';
import type { Store } from '../../store/sealed-store.ts';
import { actionRecord, eventRecord, type TestReceiver, TOPIC, testReceiver } from './notifier.test-helper.ts';
import { type Notifier, type NotifierOptions, startNotifier } from './notifier.ts';
import type { NotifyTargets, Receiver } from './notify-file.ts';
import { LONGEST_RETRY_MS, retryDelayMs } from './retry.ts';

const START_MS = Date.UTC(2026, 10, 22);
const HOUR_MS = 60 * 60 * 1000;
const epoch = sharedEpoch(new SharedArrayBuffer(4));
const faults: { failNextCommit?: Error } = {};

let nowMs: number;
let store: Store;
let receiver: TestReceiver;
let counted: string[];
let waiting: number;
const running: Notifier[] = [];

beforeEach(async () => {
  nowMs = START_MS;
  store = announcing(sealedMemoryStore(openMemoryStore({ faults })), epoch);
  receiver = await testReceiver();
  counted = [];
});
afterEach(async () => {
  for (const each of running.splice(0)) await each.stop();
  await receiver.close();
});

const webhook = (url: string, timeoutSeconds = 10): Receiver => ({
  kind: 'webhook',
  url,
  timeoutSeconds,
  keys: [new Uint8Array(24)],
});

function start(
  targets: Partial<NotifyTargets> = { actions: new Map([[TOPIC, webhook(receiver.url)]]) },
  more: Partial<NotifierOptions> = {},
): Notifier {
  const notifier = startNotifier({
    store,
    epoch,
    targets: { actions: new Map(), events: [], ...targets },
    clock: { now: () => nowMs },
    random: systemRandom(),
    log: pino({ level: 'silent' }),
    figures: {
      count: (kind, outcome) => counted.push(`${kind} ${outcome}`),
      waiting: (count) => {
        waiting = count;
      },
    },
    ...more,
  });
  running.push(notifier);
  return notifier;
}

async function put(...records: NotificationRecord[]): Promise<void> {
  await store.transact(async (transaction) => {
    for (const record of records) await transaction.create(notificationsTable, record.id, record);
  });
}

const outbox = async () => (await store.list(notificationsTable, { prefix: '', limit: 100 })).map(({ value }) => value);
const history = async () => (await store.list(alarmHistoryTable, { prefix: '', limit: 100 })).map(({ value }) => value);
const eventually = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 60_000, interval: 10 });
const gone = () => eventually(async () => expect(await outbox()).toEqual([]));

test('what is there at the start and what comes later is delivered once, told in the history of its alarm, and counted', async () => {
  const [first, second] = [actionRecord(), actionRecord()];
  await put(first);
  start();
  await eventually(() => expect(receiver.got).toHaveLength(1));
  await put(second);
  await gone();
  expect(receiver.got.map(({ headers }) => headers['webhook-id'])).toEqual([first.id, second.id]);
  expect(counted).toEqual(['webhook delivered', 'webhook delivered']);
  await eventually(() => expect(waiting).toBe(0));
  expect(
    (await history()).map(({ alarmName, type, summary, data }) => [alarmName, type, summary, JSON.parse(data)]),
  ).toEqual(
    Array(2).fill([
      'denied',
      'Action',
      `Successfully executed action ${TOPIC}`,
      {
        actionState: 'Succeeded',
        stateUpdateTimestamp: START_MS,
        notificationResource: TOPIC,
        publishedMessage: first.message,
      },
    ]),
  );
});

test('a failure is told once, tried again later and later, and then told as a success', async () => {
  receiver.status = 500;
  await put(actionRecord());
  start();
  for (const attempts of [1, 2, 3]) {
    await eventually(async () => expect((await outbox())[0]?.attempts).toBe(attempts));
    const [record] = await outbox();
    const delay = (record?.nextAttemptAtMs ?? 0) - nowMs;
    const longest = 1000 * 2 ** (attempts - 1);
    expect(delay).toBeGreaterThanOrEqual(longest / 2);
    expect(delay).toBeLessThanOrEqual(longest);
    nowMs += delay;
  }
  await eventually(async () => expect((await outbox())[0]?.attempts).toBe(4));
  receiver.status = 200;
  nowMs += LONGEST_RETRY_MS;
  await gone();
  expect(new Set(receiver.got.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  expect((await history()).map(({ summary }) => summary)).toEqual([
    `Failed to execute action ${TOPIC}. Received error: "The receiver answers 500"`,
    `Successfully executed action ${TOPIC}`,
  ]);
});

test('after a day it is given up', async () => {
  receiver.status = 500;
  await put(actionRecord());
  start();
  await eventually(() => expect(counted).toEqual(['webhook failed']));
  nowMs += 24 * HOUR_MS;
  await gone();
  expect(counted).toEqual(['webhook failed', 'webhook failed', 'webhook given_up']);
  const summary = `Failed to execute action ${TOPIC}. Received error: "The receiver answers 500"`;
  expect((await history()).map((each) => each.summary)).toEqual([summary, summary]);
});

test('an ARN that is in no file is told of in the history, once', async () => {
  await put(actionRecord({ action: 'arn:aws:sns:us-east-1:111122223333:other' }));
  start();
  await gone();
  expect(counted).toEqual(['none unknown']);
  expect((await history()).map(({ summary }) => summary)).toEqual([
    'Failed to execute action arn:aws:sns:us-east-1:111122223333:other. ' +
      'Received error: "No action of this ARN is configured"',
  ]);
});

test('alarms of one account do not run what is configured for another', async () => {
  const shared = 'arn:aws:sns:us-east-1::pager';
  await put(actionRecord({ accountId: '444455556666' }), actionRecord({ accountId: '444455556666', action: shared }));
  start({ actions: new Map([TOPIC, shared].map((arn) => [arn, webhook(receiver.url)])) });
  await gone();
  expect(receiver.got.map(({ body }) => JSON.parse(body).data.action)).toEqual([shared]);
  expect((await history()).map(({ summary }) => summary).sort()).toEqual([
    `Failed to execute action ${TOPIC}. Received error: "No action of this ARN is configured"`,
    `Successfully executed action ${shared}`,
  ]);
});

test('an account that floods a receiver takes neither its turn nor its place from another', async () => {
  receiver.status = undefined;
  const flood = () => eventRecord({ accountId: '444455556666' });
  await put(...Array.from({ length: 50 }, flood));
  start({ events: [{ name: 'all', receiver: webhook(receiver.url, 1) }] }, { mostWaiting: 50 });
  await eventually(() => expect(waiting).toBe(50));
  const other = eventRecord();
  await put(other, flood());
  await eventually(() => expect(counted.filter((each) => each.endsWith('given_up'))).toHaveLength(2));
  expect(await store.get(notificationsTable, `${other.id}/all`)).toBeDefined();
  receiver.status = 200;
  await eventually(() => expect(receiver.got.map(({ headers }) => headers['webhook-id'])).toContain(other.id));
  expect(receiver.got.length).toBeLessThan(20);
});

test('an account that leaves thousands to tell does not keep those of others from being looked at', async () => {
  const flood = Array.from({ length: 3000 }, () =>
    actionRecord({
      accountId: '000011112222',
      alarmName: 'noise',
      action: 'arn:aws:sns:us-east-1:000011112222:nobody',
    }),
  );
  await store.transact(async (transaction) => {
    for (const each of [...flood, actionRecord()]) {
      await transaction.create(notificationsTable, notificationKey(each), each);
    }
  });
  start();
  await eventually(() => expect(counted).toContain('webhook delivered'));
  expect(counted.length).toBeLessThan(3000);
});

test('a receiver that hangs delays nobody else, and gets no more than four at once', async () => {
  const hanging = await testReceiver();
  hanging.status = undefined;
  const other = 'arn:aws:sns:us-east-1:111122223333:hangs';
  await put(...Array.from({ length: 20 }, () => actionRecord({ action: other })));
  start({
    actions: new Map([
      [other, webhook(hanging.url, 60)],
      [TOPIC, webhook(receiver.url)],
    ]),
  });
  await eventually(() => expect(hanging.got).toHaveLength(4));
  await put(...Array.from({ length: 20 }, () => actionRecord()));
  await eventually(() => expect(receiver.got).toHaveLength(20));
  expect(hanging.got).toHaveLength(4);
  await hanging.close();
});

describe('a restart', () => {
  test('loses nothing, and does not count as an attempt what the stop ended', async () => {
    receiver.status = undefined;
    const record = actionRecord();
    await put(record);
    const first = start();
    await eventually(() => expect(receiver.got).toHaveLength(1));
    await first.stop();
    expect(await outbox()).toEqual([record]);
    receiver.status = 200;
    start();
    await gone();
    expect(receiver.got).toHaveLength(2);
  }, 20_000);

  test('does not begin the waiting anew', async () => {
    await put(actionRecord({ attempts: 5, nextAttemptAtMs: START_MS + 10_000 }));
    start();
    await eventually(() => expect(waiting).toBe(1));
    expect(receiver.got).toEqual([]);
    nowMs += 10_000;
    await gone();
  });

  test('after which the clock was set back does not wait for it', async () => {
    await put(actionRecord({ nextAttemptAtMs: START_MS + 48 * HOUR_MS }));
    start();
    await gone();
  });
});

describe('an event', () => {
  const rotation = (given: Partial<NotificationRecord> = {}) => eventRecord(given);

  test('goes to all who want it, under one id, and who fails gets it again alone', async () => {
    const failing = await testReceiver();
    failing.status = 500;
    start({
      events: [
        { name: 'all', receiver: webhook(receiver.url) },
        { name: 'failing', receiver: webhook(failing.url), detailTypes: ['KMS CMK Rotation'] },
        { name: 'other type', receiver: webhook(receiver.url), detailTypes: ['KMS CMK Deletion'] },
        { name: 'other account', receiver: webhook(receiver.url), accounts: ['444455556666'] },
      ],
    });
    const record = rotation();
    await put(record);
    await eventually(async () => expect(await outbox()).toMatchObject([{ target: 'failing', attempts: 1 }]));
    failing.status = 200;
    nowMs += 1000;
    await gone();
    expect(receiver.got.map(({ body }) => body)).toEqual([record.message]);
    expect(failing.got.map(({ headers }) => headers['webhook-id'])).toEqual([record.id, record.id]);
    expect(await history()).toEqual([]);
    await failing.close();
  });

  test('that comes again while it waits, as of a copied line, stops no other', async () => {
    receiver.status = 500;
    start({ events: [{ name: 'all', receiver: webhook(receiver.url) }] });
    const record = rotation();
    await put(record);
    await eventually(async () => expect(await outbox()).toMatchObject([{ target: 'all', attempts: 1 }]));
    receiver.status = 200;
    const other = rotation();
    await put(record);
    await put(other);
    await eventually(() => expect(receiver.got.map(({ headers }) => headers['webhook-id'])).toContain(other.id));
    nowMs += 1000;
    await gone();
  });

  test('that nobody wants leaves the outbox, and so does one for somebody who is no longer in the file', async () => {
    await put(rotation());
    start();
    await gone();
    expect(counted).toEqual([]);
    const left = rotation({ target: 'somebody' });
    await store.transact((transaction) => transaction.create(notificationsTable, `${left.id}/somebody`, left));
    await gone();
    expect(counted).toEqual(['none unknown']);
  });
});

test('a record that somebody edited in the database is not delivered, and stops no other', async () => {
  const raw = openMemoryStore();
  store = announcing(sealedMemoryStore(raw), epoch);
  const [edited, whole] = [actionRecord(), actionRecord()];
  await put(edited, whole);
  await raw.transact(async (transaction) => {
    const { version, body } = (await transaction.get('notifications', edited.id)) as RawRecord;
    await transaction.replace('notifications', edited.id, body, version);
  });
  start();
  await eventually(() => expect(counted).toEqual(['webhook delivered']));
  expect(receiver.got.map(({ headers }) => headers['webhook-id'])).toEqual([whole.id]);
  expect(await store.names(notificationsTable, { prefix: '', limit: 10 })).toEqual([edited.id]);
});

test('what is no JSON goes to those who want all events, and stops no other', async () => {
  start({
    events: [
      { name: 'some', receiver: webhook(receiver.url), detailTypes: ['KMS CMK Rotation'] },
      { name: 'all', receiver: webhook(receiver.url) },
    ],
  });
  await put(eventRecord({ message: 'no JSON' }), eventRecord());
  await gone();
  expect(receiver.got).toHaveLength(3);
});

test('what was delivered is not delivered again because the store was full for a moment', async () => {
  await put(actionRecord());
  faults.failNextCommit = new Error('no room');
  start();
  await gone();
  expect(receiver.got).toHaveLength(1);
});

test('the pauses double to a quarter of an hour', () => {
  const longest = { uuid: () => '', bytes: () => Buffer.from('ffff', 'hex') };
  const shortest = { uuid: () => '', bytes: () => Buffer.from('0000', 'hex') };
  expect([1, 2, 3, 4, 10, 11, 1000].map((attempts) => retryDelayMs(attempts, longest))).toEqual([
    1000, 2000, 4000, 8000, 512_000, 900_000, 900_000,
  ]);
  expect(retryDelayMs(1, shortest)).toBe(500);
});
