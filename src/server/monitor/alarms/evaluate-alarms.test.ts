import fc from 'fast-check';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { memoryMetrics } from '../../../monitoring/memory-metrics.test-helper.ts';
import type { MetricDatum, MetricStore } from '../../../monitoring/metric.ts';
import { KeyholdError } from '../../../runtime/errors.ts';
import { seededRandom } from '../../../runtime/random.test-helper.ts';
import { type AlarmHistoryRecord, alarmHistoryTable } from '../../../services/cloudwatch/alarms/alarm-history.ts';
import { type AlarmRecord, alarmKey, alarmsTable, metricOf } from '../../../services/cloudwatch/alarms/alarm-record.ts';
import { changeState } from '../../../services/cloudwatch/alarms/change-state.ts';
import { type NotificationRecord, notificationsTable } from '../../../services/cloudwatch/notifications.ts';
import { announcing, sharedEpoch } from '../../../store/change-feed.ts';
import { openMemoryStore } from '../../../store/memory/memory-store.ts';
import { sealedMemoryStore } from '../../../store/sealed-memory-store.test-helper.ts';
import type { Store } from '../../../store/sealed-store.ts';
import { alarmEvaluator } from './evaluate-alarms.ts';

const START = Date.UTC(2026, 10, 26, 17, 0, 30);
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const TOPIC = 'arn:aws:sns:us-east-1:111122223333:watch';

const denials: AlarmRecord = {
  accountId: '111122223333',
  region: 'us-east-1',
  name: 'denials',
  actionsEnabled: true,
  okActions: [],
  alarmActions: [TOPIC],
  insufficientDataActions: [],
  namespace: 'Shop',
  metricName: 'Denials',
  dimensions: [{ name: 'Key', value: 'k' }],
  statistic: 'Sum',
  periodSeconds: 60,
  evaluationPeriods: 1,
  datapointsToAlarm: 1,
  threshold: 3,
  comparison: 'GreaterThanOrEqualToThreshold',
  missingData: 'notBreaching',
  tags: [],
  configurationUpdatedAtMs: START,
  state: { value: 'OK', reason: 'so it begins', updatedAtMs: START, transitionedAtMs: START },
};

/** A store, metrics and a clock, and an evaluator over them that can be replaced by a new one, as by a restart. */
function machine(turnMs = Number.POSITIVE_INFINITY) {
  const epoch = sharedEpoch(new SharedArrayBuffer(4));
  const random = seededRandom('alarms');
  const store = announcing(sealedMemoryStore(openMemoryStore()), epoch);
  const metrics = memoryMetrics();
  const log = pino({ level: 'silent' });
  let nowMs = START;
  let failures = 0;
  let questions = 0;
  const counted: Pick<MetricStore, 'periods'> = {
    periods(query) {
      questions++;
      return metrics.periods(query);
    },
  };
  const failing: Store = {
    ...store,
    transact: (work, options) => {
      if (failures === 0) return store.transact(work, options);
      failures--;
      return Promise.reject(new KeyholdError('StoreUnavailable', 'for a test'));
    },
  };
  const evaluatorOf = (over: Store) =>
    alarmEvaluator({ store: over, epoch, metrics: counted, clock: { now: () => nowMs }, random, log, turnMs });
  let evaluator = evaluatorOf(failing);
  const alarm = async (which = denials) => (await store.get(alarmsTable, alarmKey(which)))?.value as AlarmRecord;
  const put = (alarm: AlarmRecord) =>
    store.transact(async (transaction) => {
      const stored = await transaction.get(alarmsTable, alarmKey(alarm));
      if (stored === undefined) await transaction.create(alarmsTable, alarmKey(alarm), alarm);
      else await transaction.replace(alarmsTable, alarmKey(alarm), alarm, stored.version);
    });
  return {
    store,
    put,
    now: () => nowMs,
    /** How often the metrics were asked. */
    asked: () => questions,
    tick: () => evaluator.tick(),
    anotherEvaluator: () => evaluatorOf(store),
    restart() {
      evaluator = evaluatorOf(failing);
    },
    failNext(count: number) {
      failures = count;
    },
    /** Observes `value` at the present second, or at another one. */
    observe(value: number, alarm = denials, timeMs = nowMs) {
      const second = timeMs - (timeMs % SECOND);
      const data: MetricDatum[] = [{ metric: metricOf(alarm), timeMs: second, unit: 'Count', observed: [[value, 1]] }];
      metrics.record(data);
      evaluator.recorded(data);
    },
    /** Lets time pass, with a tick each second. */
    async pass(seconds: number) {
      for (let second = 0; second < seconds; second++) {
        nowMs += SECOND;
        await evaluator.tick();
      }
    },
    setTime(ms: number) {
      nowMs = ms;
    },
    alarm,
    state: async (which = denials) => (await alarm(which)).state.value,
    async history(): Promise<AlarmHistoryRecord[]> {
      const entries = await store.list(alarmHistoryTable, { prefix: '', limit: 1000 });
      return entries.map(({ value }) => value).filter(({ type }) => type === 'StateUpdate');
    },
    async outbox(): Promise<NotificationRecord[]> {
      const entries = await store.list(notificationsTable, { prefix: '', limit: 1000 });
      return entries.map(({ value }) => value);
    },
  };
}

describe('an alarm that one datapoint raises', () => {
  test('is raised within a second of the third, does its action once, and says so', async () => {
    const { put, tick, observe, pass, state, history, outbox, alarm } = machine();
    await put(denials);
    await tick();
    observe(1);
    observe(1);
    await pass(1);
    expect(await state()).toBe('OK');
    observe(1);
    await pass(1);
    expect(await state()).toBe('ALARM');
    await pass(5);
    const { reason, reasonData } = (await alarm()).state;
    expect(reason).toBe(
      'Threshold Crossed: 1 out of the last 1 datapoints [3.0 (26/11/26 16:59:33)] was greater than or equal to the ' +
        'threshold (3.0) (minimum 1 datapoint for OK -> ALARM transition).',
    );
    expect(JSON.parse(reasonData ?? '')).toMatchObject({ recentDatapoints: [3], threshold: 3, period: 60 });
    expect((await history()).map(({ summary }) => summary)).toEqual(['Alarm updated from OK to ALARM']);
    const sent = await outbox();
    expect(sent.map(({ action }) => action).sort()).toEqual([TOPIC, undefined]);
    const message = JSON.parse(sent.find(({ action }) => action === TOPIC)?.message ?? '');
    expect(message).toMatchObject({
      AlarmName: 'denials',
      NewStateValue: 'ALARM',
      OldStateValue: 'OK',
      NewStateReason: reason,
      Region: 'US East (N. Virginia)',
      Trigger: { Statistic: 'SUM', Dimensions: [{ name: 'Key', value: 'k' }], Unit: null },
    });
    const event = JSON.parse(sent.find(({ action }) => action === undefined)?.message ?? '');
    expect(event).toMatchObject({
      'detail-type': 'CloudWatch Alarm State Change',
      source: 'aws.cloudwatch',
      resources: ['arn:aws:cloudwatch:us-east-1:111122223333:alarm:denials'],
      detail: { state: { value: 'ALARM', reason }, previousState: { value: 'OK' } },
    });
  });

  test('is raised by three that lie on both sides of a minute, and is OK after a whole minute without', async () => {
    const { put, tick, observe, pass, state, setTime } = machine();
    await put(denials);
    await tick();
    setTime(START + 28 * SECOND);
    observe(1);
    observe(1);
    await pass(3);
    observe(1);
    await pass(1);
    expect(await state()).toBe('ALARM');
    // 17:01:02 now: the minute that this one is in does not count, and the next is over at 17:03.
    await pass(118);
    expect(await state()).toBe('ALARM');
    await pass(3);
    expect(await state()).toBe('OK');
  });

  test('is not raised again by what raised it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 90 }), { maxLength: 12 }), async (gaps) => {
        const { put, tick, observe, pass, history } = machine();
        await put(denials);
        await tick();
        const observed: number[] = [];
        for (const gap of gaps) {
          await pass(gap);
          observe(1);
          observed.push(1);
        }
        await pass(400);
        const raised = (await history()).filter(({ summary }) => summary.endsWith('to ALARM'));
        // Three observations for each time, so none counts for two.
        expect(raised.length * 3).toBeLessThanOrEqual(observed.length);
        const times = raised.map(({ timeMs }) => timeMs);
        for (const [index, timeMs] of times.entries()) {
          if (index > 0) expect(timeMs - (times[index - 1] as number)).toBeGreaterThanOrEqual(MINUTE);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('is not held by what was seen before the clock was set back', async () => {
    const { put, tick, observe, pass, state, setTime } = machine();
    await put(denials);
    await tick();
    observe(3);
    await pass(1);
    expect(await state()).toBe('ALARM');
    setTime(START - 60 * MINUTE);
    await pass(61);
    expect(await state()).toBe('OK');
  });

  test('is not raised early where more datapoints are wanted, or more of it might be less', async () => {
    const { put, tick, observe, pass, state } = machine();
    const others: AlarmRecord[] = [
      { ...denials, name: 'two of them', evaluationPeriods: 2, datapointsToAlarm: 2 },
      { ...denials, name: 'average', statistic: 'Average' },
      { ...denials, name: 'fewer', comparison: 'LessThanThreshold' },
    ];
    for (const alarm of others) await put(alarm);
    await tick();
    observe(9);
    await pass(20);
    expect(await Promise.all(others.map((alarm) => state(alarm)))).toEqual(['OK', 'OK', 'OK']);
  });
});

test('others are evaluated when their minute is over, with what came late', async () => {
  const { put, tick, observe, pass, state, now } = machine();
  const average: AlarmRecord = { ...denials, statistic: 'Average' };
  await put(average);
  await tick();
  observe(9);
  await pass(30);
  expect(new Date(now()).toISOString()).toContain('17:01:00');
  observe(3, denials, START + 29 * SECOND);
  await pass(1);
  expect(await state()).toBe('OK');
  await pass(1);
  expect(await state()).toBe('ALARM');
  // The datapoint stays in the evaluation range, of three periods, for two minutes more.
  await pass(179);
  expect(await state()).toBe('ALARM');
  await pass(1);
  expect(await state()).toBe('OK');
});

test('a new alarm is evaluated at once, and one that was changed again', async () => {
  const { put, tick, pass, alarm, state, observe } = machine();
  observe(4, denials, START - MINUTE);
  const unchecked = { ...denials.state, value: 'INSUFFICIENT_DATA' } as const;
  await put({ ...denials, statistic: 'Average', state: unchecked });
  await tick();
  expect(await state()).toBe('ALARM');
  const changed = { ...denials, statistic: 'Average', threshold: 5, configurationUpdatedAtMs: START + 1 };
  await put({ ...changed, state: (await alarm()).state });
  await pass(1);
  expect(await state()).toBe('OK');
});

test('what SetAlarmState sets stays until the next evaluation', async () => {
  const { put, tick, pass, state, store, now, alarm } = machine();
  await put(denials);
  await tick();
  const random = seededRandom('by hand');
  await store.transact(async (transaction) => {
    const stored = await transaction.get(alarmsTable, alarmKey(denials));
    if (stored !== undefined)
      await changeState(transaction, stored, { value: 'ALARM', reason: 'testing' }, now(), random);
  });
  await pass(31);
  expect(await state()).toBe('ALARM');
  await pass(1);
  expect((await alarm()).state).toMatchObject({
    value: 'OK',
    reason:
      'Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [NonBreaching].',
  });
});

test('a state changes once, whatever fails and whoever else evaluates', async () => {
  const { put, tick, observe, pass, state, history, outbox, failNext, restart, anotherEvaluator } = machine();
  await put(denials);
  await tick();
  observe(3);
  failNext(1);
  await expect(tick()).rejects.toThrow('for a test');
  expect(await state()).toBe('OK');
  restart();
  await Promise.all([tick(), anotherEvaluator().tick(), anotherEvaluator().tick()]);
  await pass(2);
  expect(await state()).toBe('ALARM');
  expect(await history()).toHaveLength(1);
  expect(await outbox()).toHaveLength(2);
});

test('an alarm without enabled actions, or whose state is set to what it is, tells nobody but the events', async () => {
  const { put, tick, observe, pass, outbox } = machine();
  await put({ ...denials, actionsEnabled: false });
  await tick();
  observe(3);
  await pass(300);
  expect((await outbox()).map(({ action }) => action)).toEqual([undefined, undefined]);
});

test('an alarm that nothing is observed for is asked about no more, until something is, now, late or ahead of time', async () => {
  const { put, tick, observe, pass, state, setTime, asked } = machine();
  const average: AlarmRecord = { ...denials, statistic: 'Average' };
  await put(average);
  await tick();
  const before = asked();
  await pass(600);
  expect(asked()).toBe(before);
  observe(5);
  await pass(65);
  expect(await state()).toBe('ALARM');
  await pass(240);
  expect(await state()).toBe('OK');
  const ahead = START + 60 * MINUTE;
  observe(5, denials, ahead);
  await pass(300);
  setTime(ahead + MINUTE);
  await pass(5);
  expect(await state()).toBe('ALARM');
  await pass(400);
  expect(await state()).toBe('OK');
  setTime(ahead + 10 * MINUTE);
  await pass(65);
  observe(5, denials, ahead + 9 * MINUTE);
  await pass(65);
  expect(await state()).toBe('ALARM');
});

test('an alarm that someone tampered with keeps no other from being evaluated', async () => {
  const raw = openMemoryStore();
  const epoch = sharedEpoch(new SharedArrayBuffer(4));
  const store = announcing(sealedMemoryStore(raw), epoch);
  const metrics = memoryMetrics();
  const log = pino({ level: 'silent' });
  const options = { store, epoch, metrics, clock: { now: () => START }, random: seededRandom('tampered'), log };
  const evaluator = alarmEvaluator(options);
  const other = { ...denials, name: 'a' };
  await store.transact(async (transaction) => {
    for (const alarm of [other, denials]) await transaction.create(alarmsTable, alarmKey(alarm), alarm);
  });
  await raw.transact(async (transaction) => {
    const stored = await transaction.get(alarmsTable.name, alarmKey(other));
    await transaction.replace(alarmsTable.name, alarmKey(other), stored?.body ?? new Uint8Array(), 1);
  });
  metrics.record([{ metric: metricOf(denials), timeMs: START, unit: 'Count', observed: [[5, 1]] }]);
  await evaluator.tick();
  expect((await store.get(alarmsTable, alarmKey(denials)))?.value.state.value).toBe('ALARM');
});

test('an account whose alarms take long does not delay those of others, and has its own evaluated in turn', async () => {
  const { put, tick, observe, asked, state, setTime } = machine(0);
  const slow = Array.from({ length: 30 }, (_, index) => ({ ...denials, accountId: '000011112222', name: `a${index}` }));
  for (const each of [...slow, denials]) await put({ ...each, datapointsToAlarm: 2, evaluationPeriods: 2 });
  for (const alarm of [slow[29] as AlarmRecord, denials]) {
    observe(3, alarm, START - MINUTE);
    observe(3, alarm, START - 2 * MINUTE);
  }
  setTime(START + 1000);
  const before = asked();
  expect(await tick()).toBe(false);
  expect(asked() - before).toBeLessThan(10);
  expect(await state()).toBe('ALARM');
  expect(await state(slow[29])).toBe('OK');
  for (let ticks = 0; !(await tick()); ticks++) expect(ticks).toBeLessThan(40);
  expect(await state(slow[29])).toBe('ALARM');
});
