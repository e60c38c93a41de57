import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  CloudWatchClient,
  type CloudWatchClientConfig,
  GetMetricDataCommand,
  type GetMetricDataCommandInput,
  GetMetricStatisticsCommand,
  type GetMetricStatisticsCommandInput,
  ListMetricsCommand,
  type MetricDatum,
  PutMetricDataCommand,
  paginateGetMetricData,
  paginateListMetrics,
} from '@aws-sdk/client-cloudwatch';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { awsCliFor } from './support/aws-cli.ts';
import { awsCli, boto3, describeWith, run } from './support/clients.ts';
import { userWith } from './support/iam.ts';
import { advanceClock, DAY_SECONDS } from './support/sandbox-clock.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';
import { signerFor } from './support/sign.ts';

/** CloudWatch's metrics with AWS's own clients, on two workers: whichever is asked, the monitor answers. */

let server: TestServer;
let cloudWatch: CloudWatchClient;

beforeAll(async () => {
  server = await startServer({ workers: 2 });
  cloudWatch = clientOf(server);
});

afterAll(async () => {
  cloudWatch.destroy();
  await cleanUp(server);
});

function clientOf(of: TestServer, config: CloudWatchClientConfig = {}): CloudWatchClient {
  const { url: endpoint, credentials } = of;
  return new CloudWatchClient({ endpoint, credentials, region: 'us-east-1', maxAttempts: 1, ...config });
}

const put = (Namespace: string, ...MetricData: MetricDatum[]) =>
  cloudWatch.send(new PutMetricDataCommand({ Namespace, MetricData }));

/** A minute that is over, cut to its beginning. */
function pastMinute(minutesAgo = 2): Date {
  const minute = 60_000;
  return new Date(Math.floor(Date.now() / minute - minutesAgo) * minute);
}

const later = (date: Date, seconds: number) => new Date(date.getTime() + seconds * 1000);

function statistics(Namespace: string, more: Partial<GetMetricStatisticsCommandInput> = {}, client = cloudWatch) {
  return client.send(
    new GetMetricStatisticsCommand({
      Namespace,
      MetricName: 'latency',
      StartTime: pastMinute(60),
      EndTime: pastMinute(-1),
      Period: 60,
      Statistics: ['SampleCount', 'Sum', 'Average', 'Minimum', 'Maximum'],
      ...more,
    }),
  );
}

function data(input: Pick<GetMetricDataCommandInput, 'MetricDataQueries'> & Partial<GetMetricDataCommandInput>) {
  return cloudWatch.send(new GetMetricDataCommand({ StartTime: pastMinute(60), EndTime: pastMinute(-1), ...input }));
}

const stat = (Namespace: string, Stat: string, Period = 60, MetricName = 'latency') => ({
  Metric: { Namespace, MetricName },
  Period,
  Stat,
});

describe('what was put', () => {
  test('is told by statistics, whatever form it had', async () => {
    const Timestamp = pastMinute();
    await put('Forms', { MetricName: 'latency', Timestamp, Value: 3, Unit: 'Seconds' });
    await put('Forms', {
      MetricName: 'latency',
      Timestamp: later(Timestamp, 59),
      Values: [1, 10],
      Counts: [2, 4],
      Unit: 'Seconds',
    });
    await put('Forms', {
      MetricName: 'latency',
      Timestamp,
      StatisticValues: { SampleCount: 3, Sum: 6, Minimum: 0.5, Maximum: 4 },
      Unit: 'Seconds',
    });
    const { Label, Datapoints } = await statistics('Forms');
    expect(Label).toBe('latency');
    expect(Datapoints).toEqual([
      { Timestamp, SampleCount: 10, Sum: 51, Average: 5.1, Minimum: 0.5, Maximum: 10, Unit: 'Seconds' },
    ]);
  });

  test('without a time is of now, and of the unit None', async () => {
    const from = pastMinute(0);
    await put('Now', { MetricName: 'latency', Value: 1 });
    const { Datapoints = [] } = await statistics('Now', { EndTime: later(new Date(), 60) });
    expect(Datapoints).toHaveLength(1);
    expect(Datapoints[0]).toMatchObject({ Sum: 1, Unit: 'None' });
    expect(Datapoints[0]?.Timestamp?.getTime()).toBeGreaterThanOrEqual(from.getTime());
  });

  test('is told by percentiles and their like', async () => {
    await put('Percentiles', {
      MetricName: 'latency',
      Timestamp: pastMinute(),
      Values: Array.from({ length: 100 }, (_, index) => index + 1),
    });
    const ExtendedStatistics = ['p50', 'p99.9', 'tm90', 'TC(10%:90%)', 'PR(:25)', 'IQM'];
    const { Datapoints } = await statistics('Percentiles', { Statistics: undefined, ExtendedStatistics });
    expect(Datapoints?.[0]?.ExtendedStatistics).toEqual({
      p50: 50,
      'p99.9': 100,
      tm90: 45.5,
      'TC(10%:90%)': 80,
      'PR(:25)': 25,
      IQM: 50.5,
    });
  });

  test('has sub-minute times where it asks for them, and only there', async () => {
    const minute = pastMinute();
    await put('Resolution', { MetricName: 'latency', Timestamp: later(minute, 17), Value: 1, StorageResolution: 1 });
    await put('Resolution', { MetricName: 'usual', Timestamp: later(minute, 17), Value: 1 });
    const range = { StartTime: later(minute, 13), EndTime: later(minute, 60), Period: 5 };
    expect((await statistics('Resolution', range)).Datapoints?.map(({ Timestamp }) => Timestamp)).toEqual([
      later(minute, 15),
    ]);
    expect((await statistics('Resolution', { ...range, MetricName: 'usual' })).Datapoints).toEqual([]);
  });

  test('of several units is told apart', async () => {
    const Timestamp = pastMinute();
    await put(
      'Units',
      { MetricName: 'latency', Timestamp, Value: 60_000, Unit: 'Milliseconds' },
      { MetricName: 'latency', Timestamp, Value: 60, Unit: 'Seconds' },
      { MetricName: 'latency', Timestamp, Value: 5, Unit: 'Count' },
    );
    const { Datapoints = [] } = await statistics('Units', { Statistics: ['Sum'] });
    expect(new Map(Datapoints.map(({ Unit, Sum }) => [Unit, Sum]))).toEqual(
      new Map([
        ['Milliseconds', 60_000],
        ['Seconds', 60],
        ['Count', 5],
      ]),
    );
    expect((await statistics('Units', { Unit: 'Seconds', Statistics: ['Sum'] })).Datapoints).toMatchObject([
      { Sum: 60 },
    ]);
    expect((await statistics('Units', { Unit: 'Bytes' })).Datapoints).toEqual([]);
    const { MetricDataResults } = await data({ MetricDataQueries: [{ Id: 'm1', MetricStat: stat('Units', 'Sum') }] });
    expect(MetricDataResults).toMatchObject([
      {
        Values: [5],
        Messages: [{ Code: 'MultipleUnits', Value: "Multiple units returned: '[Count, Milliseconds, Seconds]'" }],
      },
    ]);
  });

  test('in a request that the client compresses is all there', async () => {
    const MetricData = Array.from({ length: 1000 }, (_, index) => ({
      MetricName: `compressed-${index}`,
      Value: index,
    }));
    await put('Compressed', ...MetricData);
    const { Metrics } = await cloudWatch.send(
      new ListMetricsCommand({ Namespace: 'Compressed', MetricName: 'compressed-999' }),
    );
    expect(Metrics).toHaveLength(1);
  });

  test('with entities counts without them, unless the caller is strict', async () => {
    const EntityMetricData = [
      {
        Entity: { KeyAttributes: { Type: 'Service', Name: 'orders' } },
        MetricData: [{ MetricName: 'latency', Timestamp: pastMinute(), Value: 7 }],
      },
    ];
    const command = (StrictEntityValidation: boolean) =>
      new PutMetricDataCommand({ Namespace: 'Entities', EntityMetricData, StrictEntityValidation });
    await expect(cloudWatch.send(command(true))).rejects.toMatchObject({ name: 'InvalidParameterValueException' });
    await cloudWatch.send(command(false));
    expect((await statistics('Entities')).Datapoints).toMatchObject([{ Sum: 7 }]);
  });
});

test('whatever workers are asked, all is counted once and all of them tell the same', async () => {
  const Timestamp = pastMinute();
  // Each client has a connection of its own, which either worker may get.
  const clients = Array.from({ length: 30 }, () => clientOf(server));
  const command = new PutMetricDataCommand({
    Namespace: 'Workers',
    MetricData: [{ MetricName: 'latency', Timestamp, Value: 1 }],
  });
  await Promise.all(clients.map((client) => client.send(command)));
  const answers = await Promise.all(clients.map((client) => statistics('Workers', {}, client)));
  expect(new Set(answers.map(({ Datapoints }) => Datapoints?.[0]?.Sum))).toEqual(new Set([30]));
  for (const client of clients) client.destroy();
});

describe('what AWS refuses', () => {
  const datum = { MetricName: 'latency', Value: 1 };
  const path = 'MetricData.member.1';
  const refusals: [what: string, metricDatum: MetricDatum, name: string, message: string | RegExp][] = [
    [
      'no value',
      { MetricName: 'latency' },
      'MissingRequiredParameterException',
      `At least one of the parameters ${path}.Value or ${path}.StatisticValues must be specified.`,
    ],
    [
      'NaN',
      { ...datum, Value: Number.NaN },
      'InvalidParameterValueException',
      `The value NaN for parameter ${path}.Value is invalid.`,
    ],
    [
      'Infinity',
      { ...datum, Value: Number.POSITIVE_INFINITY },
      'InvalidParameterValueException',
      `The value ∞ for parameter ${path}.Value is invalid.`,
    ],
    [
      'too great a value',
      { ...datum, Value: 2 ** 361 },
      'InvalidParameterValueException',
      `The value 4,697,085,165,547,666,500${',000'.repeat(30)} for parameter ${path}.Value is invalid.`,
    ],
    [
      'too small a value',
      { ...datum, Value: -(2 ** -361) },
      'InvalidParameterValueException',
      `The value -0 for parameter ${path}.Value is invalid.`,
    ],
    [
      'both a value and values',
      { ...datum, Values: [1] },
      'InvalidParameterCombinationException',
      `The parameters ${path}.Value and ${path}.Values are mutually exclusive and you have specified both.`,
    ],
    [
      'too few counts',
      { MetricName: 'latency', Values: [1, 2], Counts: [1] },
      'InvalidParameterValueException',
      `The parameters ${path}.Values and ${path}.Counts must be of the same size.`,
    ],
    [
      'too many values',
      { MetricName: 'latency', Values: Array.from({ length: 151 }, (_, index) => index) },
      'InvalidParameterValueException',
      `The collection ${path}.Values must not have a size greater than 150.`,
    ],
    [
      'an old time',
      { ...datum, Timestamp: new Date(Date.now() - 15 * 86_400_000) },
      'InvalidParameterValueException',
      `The parameter ${path}.Timestamp must specify a time within the past two weeks.`,
    ],
    [
      'a time to come',
      { ...datum, Timestamp: new Date(Date.now() + 3 * 3_600_000) },
      'InvalidParameterValueException',
      `The parameter ${path}.Timestamp must specify a time within the past two weeks.`,
    ],
    [
      'an unknown unit',
      { ...datum, Unit: 'Parsecs' as never },
      'InvalidParameterValueException',
      /^The parameter MetricData.member.1.Unit must be a value in the set \[ Seconds, .*None \]\.$/,
    ],
    [
      '31 dimensions',
      { ...datum, Dimensions: Array.from({ length: 31 }, (_, index) => ({ Name: `d${index}`, Value: 'x' })) },
      'InvalidParameterValueException',
      `The collection ${path}.Dimensions must not have a size greater than 30.`,
    ],
    [
      'no name',
      { ...datum, MetricName: '' },
      'MissingRequiredParameterException',
      `The parameter ${path}.MetricName is required.\n`,
    ],
    ['another resolution', { ...datum, StorageResolution: 30 }, 'InvalidParameterValueException', /StorageResolution/],
    [
      'a dimension twice',
      {
        ...datum,
        Dimensions: [
          { Name: 'a', Value: '1' },
          { Name: 'a', Value: '2' },
        ],
      },
      'InvalidParameterValueException',
      /Dimensions.member.2.Name/,
    ],
    [
      'a summary of nothing',
      { MetricName: 'latency', StatisticValues: { SampleCount: 0, Sum: 0, Minimum: 0, Maximum: 0 } },
      'InvalidParameterValueException',
      /SampleCount must not equal 0/,
    ],
  ];
  test.each(refusals)('of data: %s', async (_, metricDatum, name, message) => {
    const refused = await put('Refused', metricDatum).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      name,
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    });
    expect(refused).toMatchObject({ $metadata: { httpStatusCode: 400 } });
  });

  test.each(['AWS/KMS', 'Keyhold/Audit'])("the namespace %s, which is the server's own", async (namespace) => {
    await expect(put(namespace, datum)).rejects.toMatchObject({
      name: 'InvalidParameterValueException',
      message: `The value ${namespace.split('/')[0]}/ for parameter Namespace is invalid.`,
    });
  });

  test('more than a thousand data, or none', async () => {
    await expect(put('Refused', ...Array.from({ length: 1001 }, () => datum))).rejects.toMatchObject({
      message: 'The collection MetricData must not have a size greater than 1000.',
    });
    await expect(put('Refused')).rejects.toMatchObject({ message: 'The parameter MetricData is required.' });
  });

  const questions: [what: string, more: Partial<GetMetricStatisticsCommandInput>, name: string, message: string][] = [
    [
      'time that runs backwards',
      { StartTime: pastMinute(0), EndTime: pastMinute(5) },
      'InvalidParameterValueException',
      'The parameter StartTime must be less than the parameter EndTime.',
    ],
    [
      'too many datapoints',
      { StartTime: new Date(0), EndTime: new Date(86_400_000), Period: 1 },
      'InvalidParameterCombinationException',
      'You have requested up to 86400 datapoints, which exceeds the limit of 1440. You may reduce the datapoints requested by increasing Period, or decreasing the time range.',
    ],
    [
      'no statistics',
      { Statistics: undefined },
      'InvalidParameterCombinationException',
      'Must specify either Statistics or ExtendedStatistics',
    ],
    [
      'an odd period',
      { Period: 90 },
      'InvalidParameterValueException',
      'The parameter Period must be a value in the set [ 1, 5, 10, 20, 30 ] or any multiple of 60.',
    ],
    [
      'no percentile',
      { Statistics: undefined, ExtendedStatistics: ['p101'] },
      'InvalidParameterValueException',
      'The value p101 for parameter ExtendedStatistics.member.1 is invalid.',
    ],
  ];
  test.each(questions)('of GetMetricStatistics: %s', async (_, more, name, message) => {
    await expect(statistics('Refused', more)).rejects.toMatchObject({ name, message });
  });

  const MetricStat = stat('Refused', 'Sum');
  const queries: [what: string, query: NonNullable<GetMetricDataCommandInput['MetricDataQueries']>, message: string][] =
    [
      [
        'a bad id',
        [{ Id: 'Upper', MetricStat }],
        'The value Upper for parameter MetricDataQueries.member.1.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.',
      ],
      [
        'an id twice',
        [
          { Id: 'm1', MetricStat },
          { Id: 'm1', MetricStat },
        ],
        'The values for parameter id in MetricDataQueries are not unique.',
      ],
      ['nothing to query', [{ Id: 'm1' }], 'The parameter MetricDataQueries.member.1.MetricStat is required.\n'],
      [
        "a period beside the metric's",
        [{ Id: 'm1', MetricStat, Period: 60 }],
        'The parameters MetricDataQueries.member.1.Period and MetricDataQueries.member.1.MetricStat are mutually exclusive and you have specified both.',
      ],
      ['an expression that is none', [{ Id: 'e1', Expression: 'm1 +' }], "Error in expression 'e1': it ends too early"],
      [
        'an expression about itself',
        [
          { Id: 'e1', Expression: 'e2 + 1' },
          { Id: 'e2', Expression: 'e1 + 1' },
        ],
        "Error in expression 'e2': e1 is about itself",
      ],
      [
        'Metrics Insights',
        [{ Id: 'e1', Expression: 'SELECT AVG(x) FROM y' }],
        "Error in expression 'e1': Metrics Insights queries are not supported",
      ],
    ];
  test.each(queries)('of GetMetricData: %s', async (_, MetricDataQueries, message) => {
    await expect(data({ MetricDataQueries })).rejects.toMatchObject({ name: 'ValidationException', message });
  });
});

describe('GetMetricData', () => {
  const Namespace = 'Data';
  const last = pastMinute();
  const minute = (index: number) => later(last, -60 * (9 - index));

  beforeAll(async () => {
    const values = Array.from({ length: 10 }, (_, index) => ({
      MetricName: 'latency',
      Timestamp: minute(index),
      Value: index + 1,
    }));
    const errors = [0, 3, 9].map((index) => ({ MetricName: 'errors', Timestamp: minute(index), Value: 1 }));
    await put(Namespace, ...values, ...errors);
  });

  test('gives the newest first, and the oldest first when asked to', async () => {
    const MetricDataQueries = [{ Id: 'm1', MetricStat: stat(Namespace, 'Sum') }];
    const newest = await data({ MetricDataQueries });
    expect(newest.Messages).toEqual([]);
    expect(newest.MetricDataResults).toEqual([
      {
        Id: 'm1',
        Label: 'latency',
        Timestamps: Array.from({ length: 10 }, (_, index) => minute(9 - index)),
        Values: [10, 9, 8, 7, 6, 5, 4, 3, 2, 1],
        StatusCode: 'Complete',
      },
    ]);
    const oldest = await data({
      MetricDataQueries,
      ScanBy: 'TimestampAscending',
      StartTime: minute(1),
      EndTime: minute(4),
    });
    expect(oldest.MetricDataResults?.[0]?.Values).toEqual([2, 3, 4]);
  });

  test('labels results by what tells the queries apart', async () => {
    const labels = async (...stats: ReturnType<typeof stat>[]) => {
      const { MetricDataResults = [] } = await data({
        MetricDataQueries: stats.map((MetricStat, index) => ({ Id: `m${index}`, MetricStat })),
      });
      return MetricDataResults.map(({ Label }) => Label);
    };
    expect(await labels(stat(Namespace, 'Sum'), stat(Namespace, 'Minimum', 120))).toEqual([
      'latency Sum 60',
      'latency Minimum 120',
    ]);
    expect(await labels(stat(Namespace, 'Sum'), stat(Namespace, 'p99'))).toEqual(['latency Sum', 'latency p99']);
    expect(await labels(stat(Namespace, 'Sum'), stat(Namespace, 'Sum', 60, 'errors'))).toEqual(['latency', 'errors']);
  });

  test.each(['TimestampDescending', 'TimestampAscending'] as const)('goes on from page to page, %s', async (ScanBy) => {
    const input = {
      MetricDataQueries: [
        { Id: 'm1', MetricStat: stat(Namespace, 'Sum') },
        { Id: 'hidden', MetricStat: stat(Namespace, 'Maximum'), ReturnData: false },
        { Id: 'm2', MetricStat: stat(Namespace, 'Sum', 60, 'errors') },
      ],
      StartTime: pastMinute(60),
      EndTime: pastMinute(-1),
      ScanBy,
      MaxDatapoints: 4,
    };
    const values = new Map<string, number[]>();
    const codes: string[] = [];
    for await (const { MetricDataResults = [] } of paginateGetMetricData({ client: cloudWatch }, input)) {
      for (const { Id = '', Values = [], StatusCode = '' } of MetricDataResults) {
        values.set(Id, [...(values.get(Id) ?? []), ...Values]);
        if (Id === 'm1') codes.push(StatusCode);
      }
    }
    const all = Array.from({ length: 10 }, (_, index) => index + 1);
    expect(values.get('m1')).toEqual(ScanBy === 'TimestampAscending' ? all : all.toReversed());
    expect(values.get('m2')).toEqual([1, 1, 1]);
    expect(values.has('hidden')).toBe(false);
    expect(codes).toEqual(['PartialData', 'PartialData', 'Complete', 'Complete']);
  });

  test('computes', async () => {
    const expressions = {
      rate: '100 * errors / latency',
      filled: 'FILL(errors, 0)',
      both: 'SUM(METRICS())',
      above: 'IF(latency > 8, latency, 0)',
      chained: 'above - 1',
      growth: 'RATE(latency) * 60',
    };
    const { MetricDataResults = [] } = await data({
      MetricDataQueries: [
        ...Object.entries(expressions).map(([Id, Expression]) => ({ Id, Expression })),
        { Id: 'latency', MetricStat: stat(Namespace, 'Sum'), ReturnData: false },
        { Id: 'errors', MetricStat: stat(Namespace, 'Sum', 60, 'errors'), ReturnData: false },
      ],
      StartTime: minute(0),
      EndTime: later(minute(9), 60),
      ScanBy: 'TimestampAscending',
    });
    expect(Object.fromEntries(MetricDataResults.map(({ Id, Values }) => [Id, Values]))).toEqual({
      rate: [100, 25, 10],
      filled: [1, 0, 0, 1, 0, 0, 0, 0, 0, 1],
      both: [2, 2, 3, 5, 5, 6, 7, 8, 9, 11],
      above: [0, 0, 0, 0, 0, 0, 0, 0, 9, 10],
      chained: [-1, -1, -1, -1, -1, -1, -1, -1, 8, 9],
      growth: [1, 1, 1, 1, 1, 1, 1, 1, 1],
    });
  });

  test('of another account is forbidden', async () => {
    const { MetricDataResults } = await data({
      MetricDataQueries: [{ Id: 'm1', MetricStat: stat(Namespace, 'Sum'), AccountId: '999999999999' }],
    });
    expect(MetricDataResults).toMatchObject([{ Values: [], StatusCode: 'Forbidden' }]);
  });
});

describe('ListMetrics', () => {
  const Namespace = 'Listed';
  const host = (Value: string) => ({ Name: 'Host', Value });
  const region = { Name: 'Zone', Value: 'z1' };

  beforeAll(async () => {
    await put(
      Namespace,
      { MetricName: 'a', Value: 1 },
      { MetricName: 'a', Value: 1, Dimensions: [region, host('h1')] },
      { MetricName: 'a', Value: 1, Dimensions: [host('h1'), region] },
      { MetricName: 'b', Value: 1, Dimensions: [host('h2')] },
      { MetricName: 'old', Value: 1, Timestamp: new Date(Date.now() - 4 * 3_600_000) },
    );
  });

  const list = async (input: object = {}) =>
    (await cloudWatch.send(new ListMetricsCommand({ Namespace, ...input }))).Metrics ?? [];

  test('lists each once, whatever the order of its dimensions', async () => {
    expect(await list()).toEqual([
      { Namespace, MetricName: 'a', Dimensions: [] },
      { Namespace, MetricName: 'a', Dimensions: [host('h1'), region] },
      { Namespace, MetricName: 'b', Dimensions: [host('h2')] },
      { Namespace, MetricName: 'old', Dimensions: [] },
    ]);
  });

  test('lists those that are asked for', async () => {
    expect(await list({ MetricName: 'b' })).toHaveLength(1);
    expect(await list({ Dimensions: [{ Name: 'Host' }] })).toHaveLength(2);
    expect(await list({ Dimensions: [host('h1')] })).toHaveLength(1);
    expect(await list({ Dimensions: [{ Name: 'Host' }, { Name: 'Zone' }] })).toHaveLength(1);
    expect(await list({ Dimensions: [host('h3')] })).toEqual([]);
    expect((await list({ RecentlyActive: 'PT3H' })).map(({ MetricName }) => MetricName)).toEqual(['a', 'a', 'b']);
  });

  test('lists by pages of 500, and takes no token but its own', async () => {
    await put('Many', ...Array.from({ length: 1000 }, (_, index) => ({ MetricName: `m${index}`, Value: 1 })));
    await put('Many', { MetricName: 'm1000', Value: 1 });
    const sizes: number[] = [];
    const names = new Set<string>();
    for await (const { Metrics = [] } of paginateListMetrics({ client: cloudWatch }, { Namespace: 'Many' })) {
      sizes.push(Metrics.length);
      for (const { MetricName = '' } of Metrics) names.add(MetricName);
    }
    expect(sizes).toEqual([500, 500, 1]);
    expect(names.size).toBe(1001);
    await expect(list({ NextToken: 'mine' })).rejects.toMatchObject({
      message: 'Request parameter NextToken is invalid',
    });
  });

  test('is of one Region', async () => {
    const elsewhere = clientOf(server, { region: 'eu-west-1' });
    expect((await elsewhere.send(new ListMetricsCommand({ Namespace }))).Metrics).toEqual([]);
    expect((await statistics(Namespace, { MetricName: 'a' }, elsewhere)).Datapoints).toEqual([]);
    elsewhere.destroy();
  });
});

test('a policy may allow one namespace', async () => {
  const user = await userWith(server, 'metrics-writer', {
    Effect: 'Allow',
    Action: 'cloudwatch:PutMetricData',
    Resource: '*',
    Condition: { StringEquals: { 'cloudwatch:namespace': 'Mine' } },
  });
  const writer = clientOf(server, { credentials: await user.config.credentials() });
  const command = (Namespace: string) =>
    new PutMetricDataCommand({ Namespace, MetricData: [{ MetricName: 'a', Value: 1 }] });
  await writer.send(command('Mine'));
  await expect(writer.send(command('Yours'))).rejects.toMatchObject({ name: 'AccessDenied' });
  await expect(writer.send(new ListMetricsCommand({}))).rejects.toMatchObject({ name: 'AccessDenied' });
  writer.destroy();
  user.destroy();
});

test('a form in the Query protocol is answered in XML', async () => {
  const form = async (fields: Record<string, string>) => {
    const body = Buffer.from(new URLSearchParams({ Version: '2010-08-01', ...fields }).toString());
    const type = ['Content-Type', 'application/x-www-form-urlencoded'] as const;
    const unsigned = {
      method: 'POST',
      target: '/',
      headers: [['Host', new URL(server.url).host] as const, type],
      body,
    };
    const { headers } = signerFor(server.credentials)(unsigned, { service: 'monitoring' });
    const sent = headers.filter(([name]) => name !== 'Host').map(([name, value]): [string, string] => [name, value]);
    return (await fetch(server.url, { method: 'POST', headers: sent, body })).text();
  };
  const stamp = pastMinute().toISOString();
  const answer = await form({
    Action: 'PutMetricData',
    Namespace: 'Form',
    'MetricData.member.1.MetricName': 'latency',
    'MetricData.member.1.Value': '1.5',
    'MetricData.member.1.Timestamp': stamp,
  });
  expect(answer).toMatch(/^<PutMetricDataResponse /);
  const body = await form({
    Action: 'GetMetricStatistics',
    Namespace: 'Form',
    MetricName: 'latency',
    StartTime: stamp,
    EndTime: new Date().toISOString(),
    Period: '60',
    'ExtendedStatistics.member.1': 'p90',
  });
  expect(body).toContain('<ExtendedStatistics><entry><key>p90</key><value>1.5</value></entry></ExtendedStatistics>');
});

describeWith(awsCli, 'the AWS CLI', () => {
  test('puts, lists and gets', async () => {
    const { answer, refusal } = awsCliFor(server);
    const start = pastMinute().toISOString();
    await answer(
      'cloudwatch',
      'put-metric-data',
      '--namespace',
      'Cli',
      '--metric-name',
      'latency',
      '--value',
      '2.5',
      '--unit',
      'Seconds',
      '--timestamp',
      start,
      '--dimensions',
      'Host=h1',
    );
    expect(await answer('cloudwatch', 'list-metrics', '--namespace', 'Cli')).toEqual({
      Metrics: [{ Namespace: 'Cli', MetricName: 'latency', Dimensions: [{ Name: 'Host', Value: 'h1' }] }],
    });
    const got = await answer(
      'cloudwatch',
      'get-metric-statistics',
      '--namespace',
      'Cli',
      '--metric-name',
      'latency',
      '--dimensions',
      'Name=Host,Value=h1',
      '--start-time',
      start,
      '--end-time',
      new Date().toISOString(),
      '--period',
      '60',
      '--statistics',
      'Sum',
    );
    expect(got).toMatchObject({ Label: 'latency', Datapoints: [{ Sum: 2.5, Unit: 'Seconds' }] });
    expect(
      await refusal('cloudwatch', 'put-metric-data', '--namespace', 'AWS/KMS', '--metric-name', 'a', '--value', '1'),
    ).toContain(
      'An error occurred (InvalidParameterValue) when calling the PutMetricData operation: The value AWS/ for parameter Namespace is invalid.',
    );
  });
});

const PYTHON = `
import boto3, datetime, sys
client = boto3.client('cloudwatch', endpoint_url=sys.argv[1])
now = datetime.datetime.now(datetime.timezone.utc)
client.put_metric_data(Namespace='Boto', MetricData=[
    {'MetricName': 'latency', 'Timestamp': now, 'Values': [1.0, 10.0], 'Counts': [2, 4], 'Unit': 'Count'}])
data = client.get_metric_data(
    MetricDataQueries=[{'Id': 'm1', 'MetricStat': {
        'Metric': {'Namespace': 'Boto', 'MetricName': 'latency'}, 'Period': 60, 'Stat': 'Sum'}}],
    StartTime=now - datetime.timedelta(minutes=5), EndTime=now + datetime.timedelta(minutes=5))
print([float(value) for value in data['MetricDataResults'][0]['Values']], data['MetricDataResults'][0]['StatusCode'])
try:
    client.put_metric_data(Namespace='Boto', MetricData=[{'MetricName': 'latency', 'Value': 1e110}])
except client.exceptions.InvalidParameterValueException as error:
    print(error.response['Error']['Code'], error.response['Error']['Message'])
`;

describeWith(boto3, 'boto3', () => {
  test('puts and gets', async () => {
    const { stdout, stderr } = await run('python3', ['-c', PYTHON, server.url], server.awsEnvironment);
    expect(stderr).toBe('');
    // Boto3 before CBOR would write NaN as Python does, which is no number to anybody else.
    expect(stdout.trim().split('\n')).toEqual([
      '[42.0] Complete',
      `InvalidParameterValue The value 100${',000'.repeat(36)} for parameter MetricData.member.1.Value is invalid.`,
    ]);
  });
});

/** What the file has, as another process sees it, of the metric `latency` in the namespace `Kept`. */
function writtenSum(dataDir: string): unknown {
  const database = new DatabaseSync(join(dataDir, 'metrics.db'), { readOnly: true });
  const row = database
    .prepare(
      `SELECT sum(sum) AS total FROM observed JOIN metrics ON metrics.id = observed.metric
       WHERE namespace = 'Kept' AND resolution = 60`,
    )
    .get();
  database.close();
  return row?.['total'];
}

describe('a server that ends', () => {
  test('has its metrics when it starts again, also those of the last second; and after a kill, those of the seconds before', async () => {
    const { dataDir } = server;
    const Timestamp = pastMinute();
    await put('Kept', { MetricName: 'latency', Timestamp, Value: 1 });
    await server.stop();
    server = await startServer({ dataDir, workers: 2 });
    cloudWatch.destroy();
    cloudWatch = clientOf(server);
    expect((await statistics('Kept')).Datapoints).toMatchObject([{ Sum: 1 }]);
    await put('Kept', { MetricName: 'latency', Timestamp, Value: 2 });
    await vi.waitUntil(() => writtenSum(dataDir) === 3, { timeout: 60_000, interval: 100 });
    await server.kill();
    server = await startServer({ dataDir, workers: 2 });
    cloudWatch.destroy();
    cloudWatch = clientOf(server);
    expect((await statistics('Kept')).Datapoints).toMatchObject([{ Sum: 3 }]);
  });
});

test('what gets old is told more coarsely, and at last no more', async () => {
  const sandbox = await startServer({ args: ['--sandbox'] });
  const client = clientOf(sandbox, { credentials: { accessKeyId: '111122223333', secretAccessKey: 'any' } });
  const hour = new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000);
  const MetricData = [0, 60, 600].map((seconds) => ({
    MetricName: 'latency',
    Timestamp: later(hour, seconds - 3600),
    Value: 1,
  }));
  await client.send(new PutMetricDataCommand({ Namespace: 'Old', MetricData }));
  const range = { StartTime: later(hour, -3600), EndTime: hour, Statistics: ['Sum' as const] };
  const sums = async (Period: number) =>
    (await statistics('Old', { ...range, Period }, client)).Datapoints?.map(({ Sum }) => Sum);
  expect(await sums(60)).toEqual([1, 1, 1]);
  await advanceClock(sandbox, 20 * DAY_SECONDS);
  expect(await sums(60)).toEqual([]);
  expect(await sums(300)).toEqual([2, 1]);
  expect((await client.send(new ListMetricsCommand({}))).Metrics).toEqual([]);
  await advanceClock(sandbox, 50 * DAY_SECONDS);
  expect(await sums(300)).toEqual([]);
  expect(await sums(3600)).toEqual([3]);
  await advanceClock(sandbox, 400 * DAY_SECONDS);
  expect(await sums(3600)).toEqual([]);
  client.destroy();
  await cleanUp(sandbox);
});
