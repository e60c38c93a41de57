import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { promisify } from 'node:util';
import { deflateSync, gzipSync } from 'node:zlib';
import {
  CloudWatchClient,
  GetMetricStatisticsCommand,
  type GetMetricStatisticsInput,
  type GetMetricStatisticsOutput,
  PutMetricDataCommand,
  type PutMetricDataInput,
} from '@aws-sdk/client-cloudwatch';
import { decode } from 'cborg';
import fc from 'fast-check';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { KeyholdError } from '../runtime/errors.ts';
import { systemRandom } from '../runtime/random.ts';
import { cloudWatchProtocols } from '../services/cloudwatch/protocols.ts';
import { rootCaller } from '../services/iam/callers.ts';
import type { Target } from '../services/operation.ts';
import type { AnyOperation, Service } from '../services/perform.ts';
import { sealedMemoryStore } from '../store/sealed-memory-store.test-helper.ts';
import { writeCbor } from '../wire/cbor.ts';
import { blob, double, integer, list, required, string, structure, timestamp } from '../wire/shapes.ts';
import { dispatcher } from './dispatch.ts';
import { headerValue } from './header-value.ts';
import { type Listener, listen } from './listener.ts';

/** A service with two of CloudWatch's operations, which keep what they were asked and answer what the test says. */

const ACCOUNT = '111122223333';
const account: Target<object, string, unknown> = {
  permission: 'cloudwatch:Any',
  needsNoPermission: true,
  resolve: () => ACCOUNT,
  facts: () => ({ arn: '*', accountId: ACCOUNT }),
  condition: () => undefined,
  summary: { namedBy: 'account', crossAccount: false, states: [], conditionKeys: [] },
};

let asked: unknown;
let encodings: string[];
let answer: (() => object | undefined) | undefined;
const dimensions = list(structure({ Name: required(string()), Value: required(string()) }) as never);

const declare = (name: string, input: object) =>
  ({
    name,
    input: structure(input as never),
    targets: { account },
    audit: { readOnly: true, request: [] },
    effect: 'read',
    handle: ({ input: read }: { input: object }) => {
      asked = read;
      return answer?.();
    },
  }) as unknown as AnyOperation;

const operations = [
  declare('PutMetricData', {
    Namespace: required(string({ min: 1 })),
    MetricData: list(
      structure({
        MetricName: required(string()),
        Dimensions: dimensions,
        Timestamp: timestamp(),
        Value: double(),
        Values: list(double()),
        StatisticValues: structure({ SampleCount: double(), Sum: double() } as never),
        StorageResolution: integer(),
      } as never),
    ),
    Picture: blob(),
  }),
  declare('GetMetricStatistics', { Namespace: string(), StartTime: timestamp(), Period: integer() }),
];

const service: Service = {
  name: 'cloudwatch',
  signingName: 'monitoring',
  spoken: cloudWatchProtocols,
  eventSource: 'monitoring.amazonaws.com',
  operations: new Map(operations.map((each) => [each.name, each])),
  store: sealedMemoryStore(),
  ports: () => undefined,
};

let listener: Listener;
let url: string;
let client: CloudWatchClient;

beforeAll(async () => {
  const port = await freePort();
  const dispatch = dispatcher({
    services: [service],
    authenticate: async () => ({ caller: rootCaller(ACCOUNT, 'test'), region: 'us-east-1' }),
    audit: { append: async () => {}, close: async () => {} },
    clock: { now: Date.now },
    random: systemRandom(),
    log: pino({ level: 'silent' }),
  });
  listener = await listen({
    host: '127.0.0.1',
    port,
    reusePort: false,
    sideDoor: () => undefined,
    onFault: (error) => {
      throw error;
    },
    dispatch: (request) => {
      encodings.push(headerValue(request.rawHeaders, 'content-encoding'));
      return dispatch(request);
    },
  });
  url = `http://127.0.0.1:${port}`;
  client = new CloudWatchClient({
    endpoint: url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
});
afterAll(async () => {
  client.destroy();
  await listener.close();
});
beforeEach(() => {
  encodings = [];
  asked = undefined;
  answer = undefined;
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const at = new Date(1_795_341_600_250);
const metricData: PutMetricDataInput = {
  Namespace: 'Example/Queue',
  MetricData: [
    {
      MetricName: 'Latency',
      Dimensions: [{ Name: 'Queue', Value: 'in' }],
      Timestamp: at,
      StatisticValues: { SampleCount: 3, Sum: 0.1 } as never,
      StorageResolution: 60,
    },
    { MetricName: 'Depth', Value: -2, Values: [1, 1e300] },
  ],
};
const statistics: GetMetricStatisticsOutput = {
  Label: 'é<&',
  Datapoints: [
    { Timestamp: at, Average: 0.1, SampleCount: 3, ExtendedStatistics: undefined },
    { Timestamp: new Date(0), Maximum: 1e21 },
  ],
};
const range = { Namespace: 'Example/Queue', StartTime: at, Period: 60 } as unknown as GetMetricStatisticsInput;

describe('the JavaScript SDK, which speaks Smithy RPC v2 CBOR,', () => {
  test('asks and is answered', async () => {
    const put = await client.send(new PutMetricDataCommand(metricData));
    expect(put.$metadata).toMatchObject({ httpStatusCode: 200, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(asked).toEqual(metricData);
    answer = () => statistics;
    const got = await client.send(new GetMetricStatisticsCommand(range));
    expect(asked).toEqual(range);
    expect(got).toMatchObject({ Label: 'é<&', Datapoints: [{ Timestamp: at, Average: 0.1, SampleCount: 3 }, {}] });
    expect(got.Datapoints?.[1]).toEqual({ Timestamp: new Date(0), Maximum: 1e21 });
  });

  test('compresses what is large', async () => {
    const [, depth] = metricData.MetricData ?? [];
    const many = Array.from({ length: 1000 }, () => ({ ...depth, Values: [1, 2, 3] }));
    await client.send(new PutMetricDataCommand({ Namespace: 'n', MetricData: many as never }));
    expect(encodings).toEqual(['gzip']);
    expect(asked).toEqual({ Namespace: 'n', MetricData: many });
  });

  test.each([
    ['ResourceNotFound', 404, 'ResourceNotFound', 'ResourceNotFound'],
    ['InvalidParameterValueException', 400, 'InvalidParameterValueException', 'InvalidParameterValue'],
    ['LimitExceededFault', 400, 'LimitExceededFault', 'LimitExceeded'],
    ['ConcurrentModificationException', 429, 'ConcurrentModificationException', 'ConcurrentModificationException'],
    ['AccessDeniedException', 403, 'AccessDenied', 'AccessDenied'],
  ] as const)('knows %s', async (code, status, name, queryCode) => {
    answer = () => {
      throw new KeyholdError(code, 'not so');
    };
    await expect(client.send(new GetMetricStatisticsCommand(range))).rejects.toMatchObject({
      name,
      message: 'not so',
      Code: queryCode,
      Type: 'Sender',
      $fault: 'client',
      $metadata: { httpStatusCode: status },
    });
  });

  test('is told of what is not there, what is not allowed and what is our fault', async () => {
    await expect(client.send(new PutMetricDataCommand({ Namespace: '' }))).rejects.toMatchObject({
      Code: 'ValidationError',
      message: expect.stringContaining("Value '' at 'namespace' failed to satisfy constraint"),
    });
    answer = () => {
      throw new Error('secret');
    };
    await expect(client.send(new GetMetricStatisticsCommand(range))).rejects.toMatchObject({
      name: 'InternalServiceFault',
      Type: 'Receiver',
      message: expect.not.stringContaining('secret'),
      $metadata: { httpStatusCode: 500 },
    });
  });
});

/** Botocore's serializers and parsers of each protocol; it would itself take the first. */
const BOTO3 = `
import boto3, botocore.model, datetime, json, sys
from botocore.config import Config
from botocore.exceptions import ClientError
protocol = sys.argv[2]
botocore.model.ServiceModel.resolved_protocol = property(lambda self: protocol)
client = boto3.client('cloudwatch', endpoint_url=sys.argv[1], region_name='us-east-1', aws_access_key_id='test',
    aws_secret_access_key='test', config=Config(retries={'total_max_attempts': 1}, parameter_validation=False))
at = datetime.datetime.fromtimestamp(1795341600, datetime.timezone.utc)
def error(call):
    try:
        call()
    except ClientError as refused:
        return [type(refused).__name__, refused.response['Error']['Code'], refused.response['ResponseMetadata']['HTTPStatusCode'],
            refused.response['Error'].get('Type')]
put = client.put_metric_data(Namespace='Example/Queue', MetricData=[
    {'MetricName': 'Latency', 'Dimensions': [{'Name': 'Queue', 'Value': 'in'}], 'Timestamp': at,
     'StatisticValues': {'SampleCount': 3.0, 'Sum': 0.1}, 'StorageResolution': 60},
    {'MetricName': 'Depth', 'Value': -2.0, 'Values': [1.0, 1e300, float('inf')]}])
client.put_metric_data(Namespace='large', MetricData=[{'MetricName': 'Depth', 'Value': 1.0}] * 1000)
got = client.get_metric_statistics(Namespace='found', MetricName='m', StartTime=at, EndTime=at, Period=60)
print(json.dumps({
    'put': put['ResponseMetadata']['HTTPStatusCode'],
    'label': got['Label'],
    'points': [[p['Timestamp'].timestamp(), p.get('Average'), p.get('Maximum')] for p in got['Datapoints']],
    'invalid': error(lambda: client.put_metric_data(Namespace='', MetricData=[])),
    'missing': error(lambda: client.get_metric_statistics(Namespace='missing')),
    'unknown': error(lambda: client.put_dashboard(DashboardName='d', DashboardBody='{}')),
}))
`;
/** One that can speak more than one protocol. */
const hasBoto3 =
  spawnSync('python3', ['-c', 'import boto3, botocore.model; botocore.model.ServiceModel.resolved_protocol']).status ===
  0;
const python = promisify(execFile);

describe.skipIf(!hasBoto3 && process.env['KEYHOLD_REQUIRE_CLIENTS'] !== '1')('boto3', () => {
  test.each(['smithy-rpc-v2-cbor', 'json', 'query'])('asks and is answered in %s', async (protocol) => {
    const puts: unknown[] = [];
    answer = () => {
      const { Namespace, MetricData } = asked as PutMetricDataInput;
      if (MetricData !== undefined) {
        puts.push(asked);
        return undefined;
      }
      if (Namespace === 'missing') throw new KeyholdError('ResourceNotFound', 'not there');
      return statistics;
    };
    const { stdout } = await python('python3', ['-c', BOTO3, url, protocol]);
    expect(JSON.parse(stdout)).toEqual({
      put: 200,
      label: 'é<&',
      points: [
        [at.getTime() / 1000, 0.1, null],
        [0, null, 1e21],
      ],
      invalid: ['ClientError', 'ValidationError', 400, 'Sender'],
      missing: ['ResourceNotFound', 'ResourceNotFound', 404, 'Sender'],
      unknown: ['ClientError', 'InvalidAction', 400, 'Sender'],
    });
    const [latency, depth] = metricData.MetricData ?? [];
    expect(puts).toEqual([
      {
        Namespace: 'Example/Queue',
        MetricData: [
          { ...latency, Timestamp: new Date(1_795_341_600_000) },
          { ...depth, Values: [1, 1e300, Number.POSITIVE_INFINITY] },
        ],
      },
      { Namespace: 'large', MetricData: Array(1000).fill({ MetricName: 'Depth', Value: 1 }) },
    ]);
    expect(encodings.filter((encoding) => encoding === 'gzip')).toHaveLength(1);
  });
});

const PATH = '/service/GraniteServiceVersion20100801/operation/GetMetricStatistics';
const CBOR = { 'smithy-protocol': 'rpc-v2-cbor', 'content-type': 'application/cbor' };

async function post(path: string, headers: Record<string, string>, body = writeCbor({ Period: 60 })) {
  const response = await fetch(url + path, { method: 'POST', headers, body });
  const bytes = Buffer.from(await response.arrayBuffer());
  return { status: response.status, headers: response.headers, bytes };
}

describe('a request of Smithy RPC v2 CBOR', () => {
  test('is marked as such, and so is its answer, which has no body where there is no output', async () => {
    const { status, headers, bytes } = await post(PATH, CBOR);
    expect(asked).toEqual({ Period: 60 });
    expect([status, bytes.length, headers.get('content-type')]).toEqual([200, 0, null]);
    expect(headers.get('smithy-protocol')).toBe('rpc-v2-cbor');
    answer = () => ({ Label: 'a' });
    const second = await post(PATH, CBOR);
    expect(second.headers.get('content-type')).toBe('application/cbor');
    expect(decode(second.bytes)).toEqual({ Label: 'a' });
  });

  test('may name the service with its namespace, but not the operation', async () => {
    const service = 'com.amazonaws.cloudwatch.GraniteServiceVersion20100801';
    expect((await post(PATH.replace(/Granite\w+/, service), CBOR)).status).toBe(200);
    const refused = await post(PATH.replace('GetMetric', 'com.amazonaws.cloudwatch.GetMetric'), CBOR);
    expect([refused.status, refused.bytes.toString()]).toEqual([400, '{"__type":"UnknownOperationException"}']);
  });

  test('is refused by name, namespace and old code', async () => {
    answer = () => {
      throw new KeyholdError('InvalidParameterValueException', 'not so');
    };
    const { status, headers, bytes } = await post(PATH, CBOR);
    expect([status, headers.get('x-amzn-query-error')]).toEqual([400, 'InvalidParameterValue;Sender']);
    expect(decode(bytes)).toEqual({
      __type: 'com.amazonaws.cloudwatch#InvalidParameterValueException',
      message: 'not so',
    });
  });

  test.each([
    ['another service', PATH.replace('Granite', 'Other'), 'UnknownOperationException'],
    ['another operation', PATH.replace('Get', 'Forget'), 'UnknownOperationException'],
    ['what every object has', PATH.replace('GetMetricStatistics', 'constructor'), 'UnknownOperationException'],
  ])('that names %s is refused in the same protocol', async (_, path, name) => {
    const { status, headers, bytes } = await post(path, CBOR);
    expect([status, headers.get('smithy-protocol')]).toEqual([400, 'rpc-v2-cbor']);
    expect(headers.get('x-amzn-query-error')).toBe('InvalidAction;Sender');
    expect(decode(bytes)).toEqual({ __type: `com.amazon.coral.service#${name}` });
  });

  test.each<[string, Record<string, string>]>([
    ['X-Amz-Target', { 'x-amz-target': 'TrentService.ListKeys' }],
    ['X-Amzn-Target', { 'x-amzn-target': 'GraniteServiceVersion20100801.PutMetricData' }],
    ['a body of another type', { 'content-type': 'application/json' }],
  ])('with %s is refused: another reader might take it for something else', async (_, headers) => {
    const { status, bytes } = await post(PATH, { ...CBOR, ...headers });
    expect(status).toBe(400);
    expect(decode(bytes)).toMatchObject({ __type: 'com.amazon.coral.service#SerializationException' });
    expect(asked).toBeUndefined();
  });

  test.each<[string, string, Record<string, string>]>([
    ['without its header', PATH, { 'content-type': 'application/cbor' }],
    ['with the header of another one', PATH, { ...CBOR, 'smithy-protocol': 'rpc-v2-json' }],
    ['with a query', `${PATH}?Action=x`, CBOR],
    ['below another path', `/prefix${PATH}`, CBOR],
  ])('%s is none', async (_, path, headers) => {
    const { status, bytes } = await post(path, headers);
    expect([status, bytes.toString()]).toEqual([400, '{"__type":"UnknownOperationException"}']);
  });

  test('is answered whatever its body is, and never as a fault of ours', async () => {
    const valid = Buffer.from(writeCbor({ Namespace: 'n', StartTime: at, Period: 60 }));
    const bodies = fc.sample(
      fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 }),
      300,
    );
    for (const changes of bodies) {
      const body = Buffer.from(valid);
      for (const [place, byte] of changes) body[place] = byte;
      const { status } = await post(PATH, CBOR, body);
      expect([200, 400], body.toString('hex')).toContain(status);
    }
  });

  test('may be compressed, but not into more than anybody sends, and in no other way', async () => {
    const gzip = { ...CBOR, 'content-encoding': 'gzip' };
    expect((await post(PATH, gzip, gzipSync(writeCbor({ Period: 61 })))).status).toBe(200);
    expect(asked).toEqual({ Period: 61 });
    const named = async (headers: Record<string, string>, body: Uint8Array) =>
      (decode((await post(PATH, headers, body)).bytes) as { __type: string }).__type.split('#')[1];
    expect(await named(gzip, gzipSync(Buffer.alloc(5 * 1024 * 1024)))).toBe('RequestEntityTooLargeException');
    expect(await named(gzip, writeCbor({ Period: 60 }))).toBe('SerializationException');
    const deflated = deflateSync(writeCbor({ Period: 60 }));
    expect(await named({ ...CBOR, 'content-encoding': 'deflate' }, deflated)).toBe('SerializationException');
  });

  test('by GET is none of any operation', async () => {
    const response = await fetch(url + PATH, { headers: { 'smithy-protocol': 'rpc-v2-cbor' } });
    expect(response.status).toBe(400);
    expect(asked).toBeUndefined();
  });
});

test('what names a service in one protocol names none in another', async () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const body = Buffer.from('Action=GetMetricStatistics&Version=GraniteServiceVersion20100801&Period=60');
  const refused = await post('/', form, body);
  expect([refused.status, refused.bytes.toString()]).toEqual([400, expect.stringContaining('InvalidAction')]);
  const json = { 'x-amz-target': '2010-08-01.GetMetricStatistics' };
  expect((await post('/', json, Buffer.from('{}'))).status).toBe(400);
  expect(asked).toBeUndefined();
});
