import { describe, expect, test } from 'vitest';
import { memoryMetrics } from '../../../monitoring/memory-metrics.test-helper.ts';
import { KeyholdError } from '../../../runtime/errors.ts';
import { seededRandom } from '../../../runtime/random.test-helper.ts';
import { sealedMemoryStore } from '../../../store/sealed-memory-store.test-helper.ts';
import { parseJsonBody } from '../../../wire/aws-json.ts';
import type { Caller } from '../../caller.ts';
import { perform } from '../../perform.ts';
import { ACCOUNT, administrator, NOW, OTHER_ACCOUNT, policy, REGION, scopeOf, user } from '../../scope.test-helper.ts';
import { cloudWatchService } from '../index.ts';
import { metricQueries } from '../metrics/metric-queries.ts';
import { notificationsTable } from '../notifications.ts';
import { alarmHistoryTable } from './alarm-history.ts';
import { alarmKey, alarmsTable } from './alarm-record.ts';
import { MOST_ALARMS, MOST_ALARMS_OF_ACCOUNT } from './put-metric-alarm.ts';
import { MOST_HISTORY_OF_ALARM } from './write-history.ts';

const TOPIC = `arn:aws:sns:${REGION}:${ACCOUNT}:watch`;

const definition = {
  AlarmName: 'denials',
  Namespace: 'Shop',
  MetricName: 'Denials',
  Statistic: 'Sum',
  Period: 60,
  EvaluationPeriods: 1,
  Threshold: 3,
  ComparisonOperator: 'GreaterThanOrEqualToThreshold',
};

// biome-ignore lint/suspicious/noExplicitAny: what an operation answers with, as a test looks at it
type Answer = any;

function machine() {
  const store = sealedMemoryStore();
  const random = seededRandom('alarms');
  const service = cloudWatchService({ store, random, metrics: metricQueries(memoryMetrics()) });
  let nowMs = NOW;
  async function call(name: string, input: object, caller: Caller = administrator, region = REGION): Promise<Answer> {
    const operation = service.operations.get(name);
    if (operation === undefined) throw new Error(`there is no ${name}`);
    const parsed = operation.input.parse(parseJsonBody(Buffer.from(JSON.stringify(input)))) as object;
    operation.validate?.(parsed);
    let answer: Answer;
    nowMs += 1000;
    const scope = scopeOf(caller, { nowMs, region });
    await perform(service, operation, parsed, scope, [], async (output) => {
      answer = output;
    });
    return answer;
  }
  const refused = async (...request: Parameters<typeof call>): Promise<string> => {
    const error = await call(...request).catch((refusal: unknown) => refusal);
    if (!(error instanceof KeyholdError)) throw new Error('it was not refused', { cause: error });
    return `${error.code}: ${error.message}`;
  };
  return { store, call, refused };
}

const setTo = (StateValue: string, AlarmName = 'denials') => ({ AlarmName, StateValue, StateReason: 'testing' });

describe('PutMetricAlarm refuses', () => {
  test.each([
    [{ MetricName: undefined }, 'MetricName must not be null'],
    [{ Period: undefined }, 'Period must not be null'],
    [{ Threshold: undefined }, 'Threshold must not be null'],
    [{ EvaluationPeriods: undefined }, 'EvaluationPeriods must not be null'],
    [{ ComparisonOperator: undefined }, 'ComparisonOperator must not be null'],
    [{ Statistic: undefined }, 'Exactly one of Statistic or ExtendedStatistic must be specified.'],
    [{ ExtendedStatistic: 'p99' }, 'Exactly one of Statistic or ExtendedStatistic must be specified.'],
    [{ Period: 45 }, 'Period must be 10, 20, 30 or a multiple of 60'],
    [{ Period: 3600, EvaluationPeriods: 169 }, /more than a week/],
    [{ Period: 600, EvaluationPeriods: 145 }, /more than a day/],
    [{ TreatMissingData: 'whatever' }, 'TreatMissingData must be one of [breaching, notBreaching, ignore, missing]'],
    [{ EvaluateLowSampleCountPercentile: 'x' }, /must be one of \[evaluate, ignore\]/],
    [{ ComparisonOperator: 'GreaterThanUpperThreshold' }, /anomaly detection models, which are not supported/],
    [{ Metrics: [{ Id: 'm1', Expression: 'm2 * 2' }] }, /^Metrics is not supported/],
    [{ AlarmActions: ['rm -rf /'] }, 'Invalid arn syntax: rm -rf /'],
    [{ OKActions: ['arn:aws:sns:us-east-1:111122223333:a b\n'] }, /^Invalid arn syntax/],
    [
      { InsufficientDataActions: ['arn:aws:sns:eu-west-1:111122223333:watch'] },
      'Invalid region eu-west-1 specified. Only us-east-1 is supported.',
    ],
    [
      { AlarmActions: ['arn:aws-us-gov:sns:us-gov-west-1:111122223333:watch'] },
      'Invalid partition aws-us-gov specified. Only aws is supported.',
    ],
    [
      {
        Dimensions: [
          { Name: 'a', Value: '1' },
          { Name: 'a', Value: '2' },
        ],
      },
      /same name more than once/,
    ],
    [
      { Dimensions: Array.from({ length: 30 }, (_, index) => ({ Name: `n${index}`, Value: 'v'.repeat(300) })) },
      'Dimensions must not have more than 8192 characters together',
    ],
    [{ AlarmName: 'two\nlines' }, /regular expression pattern/],
    [{ Tags: [{ Key: 'aws:cloudformation:stack', Value: 'x' }] }, /reserved for AWS use/],
  ])('%j', async (change, message) => {
    const { refused, store } = machine();
    const said = await refused('PutMetricAlarm', { ...definition, ...change });
    const [, text = ''] = /^[A-Za-z]+: (.*)$/s.exec(said) ?? [];
    if (message instanceof RegExp) expect(text).toMatch(message);
    else expect(text).toBe(message);
    expect(await store.names(alarmsTable, { prefix: '', limit: 1 })).toEqual([]);
  });

  test.each(['p101', 'Sum', 'p', 'TM(90%:10%)', ''])('%j as an extended statistic', async (ExtendedStatistic) => {
    const { refused } = machine();
    const said = await refused('PutMetricAlarm', { ...definition, Statistic: undefined, ExtendedStatistic });
    expect(said).toBe(
      `ValidationException: The value ${ExtendedStatistic} for parameter ExtendedStatistic is not supported.`,
    );
  });

  test.each(['p99.9', 'tm90', 'IQM', 'TC(10%:90%)', 'PR(1:300)'])('but not %j', async (ExtendedStatistic) => {
    const { call } = machine();
    await call('PutMetricAlarm', { ...definition, Statistic: undefined, ExtendedStatistic });
    expect((await call('DescribeAlarms', {})).MetricAlarms[0].ExtendedStatistic).toBe(ExtendedStatistic);
  });

  test('one more than the quota, but not another definition of one that there is', async () => {
    const { call, refused, store } = machine();
    await call('PutMetricAlarm', definition);
    const [{ key = '', value } = { value: undefined }] = await store.list(alarmsTable, { prefix: '', limit: 1 });
    await store.transact(async (transaction) => {
      for (let index = 1; index < MOST_ALARMS; index++) {
        await transaction.create(alarmsTable, `${key}${index}`, {
          ...(value as NonNullable<typeof value>),
          name: `n${index}`,
        });
      }
    });
    expect(await refused('PutMetricAlarm', { ...definition, AlarmName: 'more' })).toMatch(/^LimitExceededFault/);
    await call('PutMetricAlarm', { ...definition, Threshold: 4 });
    await call('PutMetricAlarm', { ...definition, AlarmName: 'elsewhere' }, administrator, 'eu-west-1');
  });

  test('nor more in Regions that somebody makes up', async () => {
    const { call, refused, store } = machine();
    await call('PutMetricAlarm', definition);
    const [first] = await store.list(alarmsTable, { prefix: '', limit: 1 });
    await store.transact(async (transaction) => {
      for (let index = 1; index < MOST_ALARMS_OF_ACCOUNT; index++) {
        const alarm = {
          ...(first as NonNullable<typeof first>).value,
          region: `made-up-${index % 1000}`,
          name: `n${index}`,
        };
        await transaction.create(alarmsTable, alarmKey(alarm), alarm);
      }
    });
    const more = ['PutMetricAlarm', { ...definition, AlarmName: 'more' }, administrator, 'eu-west-1'] as const;
    expect(await refused(...more)).toBe('LimitExceededFault: The account has as many alarms as it may have: 10000');
  });
});

describe('who may', () => {
  const only = (Action: string | string[], more: object = {}) =>
    user('alice', { identityPolicies: [policy({ Effect: 'Allow', Action, Resource: '*', ...more })] });

  test('delete alarms must be allowed each of them', async () => {
    const { call, refused } = machine();
    for (const AlarmName of ['mine', 'theirs']) await call('PutMetricAlarm', { ...definition, AlarmName });
    const Resource = `arn:aws:cloudwatch:${REGION}:${ACCOUNT}:alarm:mine`;
    const alice = only('cloudwatch:*', { Resource });
    expect(await refused('DeleteAlarms', { AlarmNames: ['mine', 'theirs'] }, alice)).toMatch(
      /^AccessDeniedException.*alarm:theirs/,
    );
    expect(await refused('DeleteAlarms', { AlarmNames: [] }, alice)).toMatch(/^AccessDeniedException/);
    expect(await refused('DescribeAlarms', {}, alice)).toMatch(/^AccessDeniedException.*alarm:\*/);
    await call('DeleteAlarms', { AlarmNames: ['mine'] }, alice);
    expect((await call('DescribeAlarms', {})).MetricAlarms.map(({ AlarmName }: Answer) => AlarmName)).toEqual([
      'theirs',
    ]);
  });

  test('make alarms with certain actions makes none with others', async () => {
    const { call, refused } = machine();
    const Condition = { 'ForAllValues:StringLike': { 'cloudwatch:AlarmActions': ['arn:aws:sns:*'] } };
    const alice = only('cloudwatch:PutMetricAlarm', { Condition });
    await call('PutMetricAlarm', { ...definition, OKActions: [TOPIC] }, alice);
    const other = {
      ...definition,
      OKActions: [TOPIC],
      AlarmActions: ['arn:aws:lambda:us-east-1:111122223333:function:f'],
    };
    expect(await refused('PutMetricAlarm', other, alice)).toMatch(/^AccessDeniedException/);
  });

  test('make alarms gives them tags only who may tag', async () => {
    const { refused } = machine();
    const Tags = [{ Key: 'team', Value: 'orders' }];
    const said = await refused('PutMetricAlarm', { ...definition, Tags }, only('cloudwatch:PutMetricAlarm'));
    expect(said).toMatch(/^AccessDeniedException.*cloudwatch:TagResource/);
  });

  test("another account's alarms are reached by nobody", async () => {
    const { refused } = machine();
    const ResourceARN = `arn:aws:cloudwatch:${REGION}:${OTHER_ACCOUNT}:alarm:denials`;
    expect(await refused('ListTagsForResource', { ResourceARN })).toMatch(/^AccessDeniedException/);
    expect(await refused('ListTagsForResource', { ResourceARN: 'arn:aws:sns:us-east-1:111122223333:a' })).toMatch(
      /^InvalidParameterValueException/,
    );
    const here = { ResourceARN: `arn:aws:cloudwatch:${REGION}:${ACCOUNT}:alarm:denials` };
    expect(await refused('ListTagsForResource', here)).toMatch(/^ResourceNotFoundException/);
  });
});

test('an alarm in another partition has its ARN there, by which alone its tags are found', async () => {
  const { call, refused } = machine();
  const region = 'cn-north-1';
  const Tags = [{ Key: 'team', Value: 'orders' }];
  const AlarmActions = [`arn:aws-cn:sns:${region}:${ACCOUNT}:watch`];
  await call('PutMetricAlarm', { ...definition, AlarmActions, Tags }, administrator, region);
  const { MetricAlarms } = await call('DescribeAlarms', {}, administrator, region);
  const ResourceARN = `arn:aws-cn:cloudwatch:${region}:${ACCOUNT}:alarm:denials`;
  expect(MetricAlarms[0].AlarmArn).toBe(ResourceARN);
  expect(await call('ListTagsForResource', { ResourceARN }, administrator, region)).toEqual({ Tags });
  const elsewhere = ResourceARN.replace('aws-cn', 'aws');
  expect(await refused('ListTagsForResource', { ResourceARN: elsewhere }, administrator, region)).toMatch(
    /^InvalidParameterValueException/,
  );
});

test('a state that is set tells those whom the alarm names for it, once each, and the events', async () => {
  const { call, store } = machine();
  await call('PutMetricAlarm', { ...definition, AlarmActions: [TOPIC, TOPIC, `${TOPIC}2`] });
  await call('SetAlarmState', setTo('ALARM'));
  await call('SetAlarmState', setTo('ALARM'));
  const outbox = async () => {
    const entries = await store.list(notificationsTable, { prefix: '', limit: 100 });
    return entries.map(({ value }) => value.action ?? 'event').sort();
  };
  expect(await outbox()).toEqual([TOPIC, `${TOPIC}2`, 'event'].sort());
  await call('SetAlarmState', setTo('OK'));
  expect(await outbox()).toEqual([TOPIC, `${TOPIC}2`, 'event', 'event'].sort());
  const { MetricAlarms } = await call('DescribeAlarms', {});
  expect(MetricAlarms[0]).toMatchObject({ StateValue: 'OK', StateReason: 'testing' });
});

test('setting states again and again does not fill the store with what there is to tell', async () => {
  const { call, refused, store } = machine();
  const AlarmActions = Array.from({ length: 5 }, (_, index) => `${TOPIC}${index}`);
  await call('PutMetricAlarm', { ...definition, AlarmActions });
  let changes = 0;
  const next = () => setTo(changes++ % 2 === 0 ? 'ALARM' : 'OK');
  let said = '';
  while (said === '' && changes < 1000) said = await call('SetAlarmState', next()).then(() => '', String);
  expect(said).toContain('Rate exceeded');
  expect((await store.names(notificationsTable, { prefix: '', limit: 2000 })).length).toBeLessThan(1010);
  const [told] = await store.list(notificationsTable, { prefix: '', limit: 1 });
  expect(await refused('SetAlarmState', next())).toBe('ThrottlingException: Rate exceeded');
  for (const { key, version } of await store.list(notificationsTable, { prefix: '', limit: 100 })) {
    await store.transact((transaction) => transaction.remove(notificationsTable, key, version));
  }
  expect(told?.value.accountId).toBe(ACCOUNT);
  await call('SetAlarmState', next());
});

test('a refused SetAlarmState changes nothing', async () => {
  const { refused, store } = machine();
  expect(await refused('SetAlarmState', setTo('ALARM'))).toBe('ResourceNotFound: ');
  expect(await refused('SetAlarmState', { ...setTo('ALARM'), StateReasonData: '{' })).toMatch(/^InvalidFormatFault/);
  expect(await refused('SetAlarmState', setTo('FINE'))).toContain('[INSUFFICIENT_DATA, ALARM, OK]');
  expect(await store.names(alarmHistoryTable, { prefix: '', limit: 1 })).toEqual([]);
});

describe('the history of an alarm', () => {
  test('is its own, whatever slashes its name has', async () => {
    const { call } = machine();
    for (const AlarmName of ['a', 'a/b', 'a%2Fb']) await call('PutMetricAlarm', { ...definition, AlarmName });
    for (const AlarmName of ['a', 'a/b', 'a%2Fb']) {
      const { AlarmHistoryItems } = await call('DescribeAlarmHistory', { AlarmName });
      expect(AlarmHistoryItems.map((each: Answer) => each.HistorySummary)).toEqual([`Alarm "${AlarmName}" created`]);
    }
    expect((await call('DescribeAlarmHistory', {})).AlarmHistoryItems).toHaveLength(3);
    expect((await call('DescribeAlarmHistory', {}, administrator, 'eu-west-1')).AlarmHistoryItems).toEqual([]);
  });

  test('holds so many items, the newest', async () => {
    const { call, store } = machine();
    await call('PutMetricAlarm', definition);
    for (let index = 0; index < MOST_HISTORY_OF_ALARM + 3; index++) {
      await call('SetAlarmState', setTo(index % 2 === 0 ? 'ALARM' : 'OK'));
    }
    expect(await store.names(alarmHistoryTable, { prefix: '', limit: 1000 })).toHaveLength(MOST_HISTORY_OF_ALARM);
    const { AlarmHistoryItems, NextToken } = await call('DescribeAlarmHistory', { MaxRecords: 100 });
    expect(AlarmHistoryItems[0].HistorySummary).toBe('Alarm updated from OK to ALARM');
    const next = await call('DescribeAlarmHistory', { MaxRecords: 100, NextToken });
    expect(next.AlarmHistoryItems[0].Timestamp.getTime()).toBeLessThan(AlarmHistoryItems[99].Timestamp.getTime());
  });

  test('is found by its time', async () => {
    const { call } = machine();
    await call('PutMetricAlarm', definition);
    for (const state of ['ALARM', 'OK', 'ALARM']) await call('SetAlarmState', setTo(state));
    const { AlarmHistoryItems: all } = await call('DescribeAlarmHistory', { AlarmName: 'denials' });
    const [, second, third] = all.map(({ Timestamp }: Answer) => Timestamp.getTime() / 1000);
    const found = await call('DescribeAlarmHistory', {
      StartDate: third,
      EndDate: second,
      ScanBy: 'TimestampAscending',
    });
    expect(found.AlarmHistoryItems).toEqual([all[2], all[1]]);
  });
});
