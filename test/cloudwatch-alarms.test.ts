import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditRecordsOf } from './support/audit.ts';
import { type AwsClient, awsCli, boto3, ClientRefusal, describeWith, javascriptSdk } from './support/clients.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

/** Alarms from none to none, by each of AWS's clients in the protocol that it speaks. Nothing is observed of their metrics. */

const TOPIC = 'arn:aws:sns:us-east-1:111122223333:watch';

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ workers: 2 });
});
afterAll(() => cleanUp(server));

// biome-ignore lint/suspicious/noExplicitAny: what a client answers with, as it comes
type Answer = any;

for (const kind of [javascriptSdk, awsCli, boto3]) {
  describeWith(kind, `alarms through ${kind.name}`, () => {
    const name = `denials of ${kind.name}/1`;
    let client: AwsClient;
    const call = async (operation: string, input: object = {}): Promise<Answer> =>
      client.call(`cloudwatch.${operation}`, input as never);
    const alarm = async (): Promise<Answer> => (await call('DescribeAlarms', { AlarmNames: [name] })).MetricAlarms[0];
    const refused = async (operation: string, input: object): Promise<ClientRefusal> => {
      const error = await call(operation, input).catch((refusal: unknown) => refusal);
      expect(error).toBeInstanceOf(ClientRefusal);
      return error as ClientRefusal;
    };
    const definition = {
      AlarmName: name,
      AlarmDescription: 'three in a minute',
      Namespace: 'Shop',
      MetricName: kind.name,
      Dimensions: [{ Name: 'Key', Value: 'k' }],
      Statistic: 'Sum',
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 2.5,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      TreatMissingData: 'ignore',
      AlarmActions: [TOPIC],
      OKActions: [TOPIC],
    };

    beforeAll(() => {
      client = kind.connect(server);
    });
    afterAll(() => client.close());

    test('an alarm is made, and shown as it was made', async () => {
      await call('PutMetricAlarm', { ...definition, Tags: [{ Key: 'team', Value: 'orders' }] });
      const made = await alarm();
      expect(made).toMatchObject({
        ...definition,
        AlarmArn: `arn:aws:cloudwatch:us-east-1:${server.accountId}:alarm:${name}`,
        ActionsEnabled: true,
        InsufficientDataActions: [],
        StateValue: 'INSUFFICIENT_DATA',
        StateReason: 'Unchecked: Initial alarm creation',
      });
      const unsaid = ['Unit', 'ExtendedStatistic', 'DatapointsToAlarm', 'StateReasonData', 'Metrics'];
      for (const member of unsaid) expect(made[member]).toBeUndefined();
      const metric = { Namespace: 'Shop', MetricName: kind.name };
      const found = await call('DescribeAlarmsForMetric', { ...metric, Dimensions: definition.Dimensions });
      expect(found.MetricAlarms.map((each: Answer) => each.AlarmName)).toEqual([name]);
      expect((await call('DescribeAlarmsForMetric', metric)).MetricAlarms).toEqual([]);
    });

    test('it has tags', async () => {
      const { AlarmArn: ResourceARN } = await alarm();
      await call('TagResource', { ResourceARN, Tags: [{ Key: 'tier', Value: 'one' }] });
      await call('UntagResource', { ResourceARN, TagKeys: ['team'] });
      expect((await call('ListTagsForResource', { ResourceARN })).Tags).toEqual([{ Key: 'tier', Value: 'one' }]);
    });

    test('its state is set, stays when it is defined anew, and is found by', async () => {
      const StateReasonData = '{"tested":1.0}';
      await call('SetAlarmState', { AlarmName: name, StateValue: 'ALARM', StateReason: 'testing', StateReasonData });
      expect(await alarm()).toMatchObject({ StateValue: 'ALARM', StateReason: 'testing', StateReasonData });
      await call('PutMetricAlarm', { ...definition, Threshold: 4, DatapointsToAlarm: 1 });
      expect(await alarm()).toMatchObject({ StateValue: 'ALARM', Threshold: 4, DatapointsToAlarm: 1 });
      const names = async (filter: object): Promise<string[]> =>
        (await call('DescribeAlarms', { AlarmNamePrefix: `denials of ${kind.name}`, ...filter })).MetricAlarms.map(
          ({ AlarmName }: Answer) => AlarmName,
        );
      expect(await names({ StateValue: 'ALARM' })).toEqual([name]);
      expect(await names({ StateValue: 'OK' })).toEqual([]);
      expect(await names({ ActionPrefix: 'arn:aws:sns:us-east-1' })).toEqual([name]);
      expect(await names({ ActionPrefix: 'arn:aws:lambda' })).toEqual([]);
    });

    test('its actions are switched off and on', async () => {
      await call('DisableAlarmActions', { AlarmNames: [name, 'no such alarm'] });
      expect((await alarm()).ActionsEnabled).toBe(false);
      await call('EnableAlarmActions', { AlarmNames: [name] });
      expect((await alarm()).ActionsEnabled).toBe(true);
    });

    test('what cannot be is refused by the names that AWS has for it', async () => {
      const nobody = await refused('SetAlarmState', { AlarmName: 'no', StateValue: 'OK', StateReason: 'testing' });
      expect(nobody.name).toBe('ResourceNotFound');
      expect((await refused('DeleteAlarms', { AlarmNames: ['no'] })).name).toBe('ResourceNotFound');
      const long = await refused('PutMetricAlarm', { ...definition, EvaluationPeriods: 1441 });
      // CBOR has the exception's own name, and the code of the Query protocol in a header.
      expect(long.name).toMatch(/^Validation(Error|Exception)$/);
      expect(long.message).toContain('Metrics cannot be checked across more than a day');
      const more = await refused('PutMetricAlarm', { ...definition, DatapointsToAlarm: 2 });
      expect(more.message).toBe('DatapointsToAlarm must be less than or equal to EvaluationPeriods');
      const url = await refused('PutMetricAlarm', { ...definition, AlarmActions: ['http://169.254.169.254/'] });
      expect(url.message).toBe('Invalid arn syntax: http://169.254.169.254/');
      const text = { AlarmName: name, StateValue: 'OK', StateReason: 'testing', StateReasonData: 'no JSON' };
      expect((await refused('SetAlarmState', text)).name).toMatch(/^InvalidFormat/);
    });

    test('it is deleted, and its history stays', async () => {
      await call('DeleteAlarms', { AlarmNames: [name, 'no such alarm'] });
      expect(await alarm()).toBeUndefined();
      const { AlarmHistoryItems: items } = await call('DescribeAlarmHistory', { AlarmName: name });
      const told = items
        .filter(({ HistoryItemType }: Answer) => HistoryItemType !== 'Action')
        .map(({ HistorySummary }: Answer) => HistorySummary);
      expect(told).toEqual([
        `Alarm "${name}" deleted`,
        `Alarm "${name}" updated`,
        `Alarm "${name}" updated`,
        `Alarm "${name}" updated`,
        'Alarm updated from INSUFFICIENT_DATA to ALARM',
        `Alarm "${name}" created`,
      ]);
      const [change] = items.filter(({ HistoryItemType }: Answer) => HistoryItemType === 'StateUpdate');
      expect(change.HistoryData).toBe(
        '{"version":"1.0","oldState":{"stateValue":"INSUFFICIENT_DATA","stateReason":"Unchecked: Initial alarm creation"},' +
          '"newState":{"stateValue":"ALARM","stateReason":"testing","stateReasonData":{"tested":1.0}}}',
      );
    });
  });
}

test('requests about alarms leave records as CloudTrail has them', async () => {
  const client = javascriptSdk.connect(server);
  const call = (operation: string, input: object) => client.call(`cloudwatch.${operation}`, input as never);
  const AlarmActions = [TOPIC];
  const definition = { Statistic: 'Average', Period: 60, EvaluationPeriods: 3, Threshold: 50, AlarmActions };
  await call('PutMetricAlarm', {
    ...{ AlarmName: 'recorded', Namespace: 'Shop', MetricName: 'Records', ...definition },
    ComparisonOperator: 'GreaterThanOrEqualToThreshold',
  });
  await call('DeleteAlarms', { AlarmNames: ['recorded'] });
  client.close();
  const about = ({ requestParameters }: { requestParameters: unknown }) =>
    JSON.stringify(requestParameters ?? {}).includes('recorded');
  const records = (await auditRecordsOf(server)).filter((each) => about(each));
  // Each worker has a stream of its own.
  expect(records.sort((a, b) => (a.eventName > b.eventName ? -1 : 1))).toEqual([
    expect.objectContaining({
      eventSource: 'monitoring.amazonaws.com',
      eventName: 'PutMetricAlarm',
      readOnly: false,
      eventCategory: 'Management',
      requestParameters: {
        alarmName: 'recorded',
        alarmActions: [TOPIC],
        metricName: 'Records',
        namespace: 'Shop',
        statistic: 'Average',
        period: 60,
        evaluationPeriods: 3,
        threshold: 50,
        comparisonOperator: 'GreaterThanOrEqualToThreshold',
      },
      responseElements: null,
    }),
    expect.objectContaining({ eventName: 'DeleteAlarms', requestParameters: { alarmNames: ['recorded'] } }),
  ]);
});

test('alarms and their history come in pages', async () => {
  const client = javascriptSdk.connect(server);
  const call = (operation: string, input: object): Promise<Answer> =>
    client.call(`cloudwatch.${operation}`, input as never) as Promise<Answer>;
  for (const AlarmName of ['page c', 'page a', 'page b']) {
    await call('PutMetricAlarm', {
      ...{ AlarmName, Namespace: 'Shop', MetricName: 'Pages', Statistic: 'Average', Period: 60, EvaluationPeriods: 1 },
      ...{ Threshold: 1, ComparisonOperator: 'LessThanThreshold' },
    });
  }
  const listed = async (operation: string, input: object, items: string, member: string) => {
    const found: string[] = [];
    let NextToken: string | undefined;
    do {
      const page = await call(operation, {
        ...input,
        MaxRecords: 1,
        ...(NextToken === undefined ? {} : { NextToken }),
      });
      found.push(...page[items].map((each: Answer) => each[member]));
      ({ NextToken } = page);
    } while (NextToken !== undefined);
    return found;
  };
  expect(await listed('DescribeAlarms', { AlarmNamePrefix: 'page' }, 'MetricAlarms', 'AlarmName')).toEqual([
    'page a',
    'page b',
    'page c',
  ]);
  const history = { HistoryItemType: 'ConfigurationUpdate', ScanBy: 'TimestampAscending' };
  const told = await listed('DescribeAlarmHistory', history, 'AlarmHistoryItems', 'HistorySummary');
  expect(told.filter((summary) => summary.includes('page'))).toEqual([
    'Alarm "page c" created',
    'Alarm "page a" created',
    'Alarm "page b" created',
  ]);
  const badToken = client.call('cloudwatch.DescribeAlarms', { NextToken: 'mine' });
  await expect(badToken).rejects.toMatchObject({ name: 'InvalidNextToken' });
  client.close();
});
