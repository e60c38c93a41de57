import { readFileSync } from 'node:fs';
import { expect } from 'vitest';

/** Records as AWS publishes them, for comparison member by member (`vectors/cloudtrail-records.json`). */

export interface Golden {
  readonly page: string | null;
  readonly eventName?: string;
  readonly awsRegion?: string;
  readonly eventType?: string;
  readonly readOnly: boolean;
  readonly errorCode?: string;
  readonly requestParameters: unknown;
  readonly responseElements: unknown;
  readonly additionalEventData?: unknown;
  readonly serviceEventDetails?: unknown;
  readonly userIdentity?: object;
  readonly from?: string;
  readonly resources: readonly (keyof typeof resourceTypes)[] | null;
  /** Of a data event. */
  readonly eventCategory?: 'Data';
}

export const golden = JSON.parse(
  readFileSync(new URL('../vectors/cloudtrail-records.json', import.meta.url), 'utf8'),
) as Readonly<
  Record<
    'kms' | 'kmsForEnclaves' | 'kmsEvents' | 'iam' | 'sts' | 'cloudtrail' | 'cloudwatch',
    Readonly<Record<string, Golden>>
  >
>;

const KEY_ID = '(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})';
const forms: Readonly<Record<string, RegExp>> = {
  $keyArn: new RegExp(`^arn:aws:kms:[a-z]+-[a-z]+-\\d:\\d{12}:key/${KEY_ID}$`),
  $keyId: new RegExp(`^${KEY_ID}$`),
  $trailArn: /^arn:aws:cloudtrail:[a-z]+-[a-z]+-\d:\d{12}:trail\/[A-Za-z0-9]+$/,
  $alarmArn: /^arn:aws:cloudwatch:[a-z]+-[a-z]+-\d:\d{12}:alarm:[A-Za-z ]+$/,
  $aliasName: /^alias\/[a-z-]+$/,
  /** Of a grant, too. */
  $materialId: /^[0-9a-f]{64}$/,
  $account: /^\d{12}$/,
  $uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  $time: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
  $date: /^(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{1,2}, \d{4}, \d{1,2}:\d\d:\d\d (AM|PM)$/,
  /** IAM's own style. */
  $iamDate: /^(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{1,2}, \d{4} \d{1,2}:\d\d:\d\d (AM|PM)$/,
  $uniqueId: /^A(GPA|IDA|NPA|ROA)[A-Z0-9]{17}$/,
  $policy: /^\{"Version":.*\}$/,
  $base64: /^[A-Za-z0-9+/]{64}$/,
  $urlEncoded: /^%7B[A-Za-z0-9%._~-]+%7D$/,
  $text: /^/,
};

/** What there must be, as an asymmetric matcher for `toEqual`, which compares the names of members too. */
function expected(shape: unknown): unknown {
  if (shape === '$number') return expect.any(Number);
  if (typeof shape === 'string') return shape.startsWith('$') ? expect.stringMatching(formOf(shape)) : shape;
  if (Array.isArray(shape)) return shape.map(expected);
  if (typeof shape !== 'object' || shape === null) return shape;
  return Object.fromEntries(Object.entries(shape).map(([name, member]) => [name, expected(member)]));
}

export function formOf(name: string): RegExp {
  const form = forms[name];
  if (form === undefined) throw new Error(`there is no form ${name}`);
  return form;
}

const resourceTypes = {
  key: { type: 'AWS::KMS::Key', ARN: '$keyArn', accountId: '$account' },
  alias: { type: 'AWS::KMS::Alias', ARN: '$text', accountId: '$account' },
  role: { type: 'AWS::IAM::Role', ARN: '$text', accountId: '$account' },
  metric: { type: 'AWS::CloudWatch::Metric' },
};

const CALLER = {
  type: 'IAMUser',
  principalId: '$text',
  arn: '$text',
  accountId: '$account',
  accessKeyId: '$text',
  userName: 'administrator',
};

/** The whole record. */
export function expectedRecord(eventSource: string, eventName: string, shape: Golden): unknown {
  const { resources, eventType = 'AwsApiCall', eventCategory = 'Management', from = 'the caller' } = shape;
  const origin = from === 'the caller' ? { ip: '127.0.0.1', agent: '$text' } : { ip: from, agent: from };
  return expected({
    eventVersion: '1.11',
    userIdentity: shape.userIdentity ?? CALLER,
    eventTime: '$time',
    eventSource,
    eventName: shape.eventName ?? eventName,
    awsRegion: shape.awsRegion ?? 'us-east-1',
    sourceIPAddress: origin.ip,
    userAgent: origin.agent,
    ...(shape.errorCode === undefined ? {} : { errorCode: shape.errorCode, errorMessage: '$text' }),
    requestParameters: shape.requestParameters,
    responseElements: shape.responseElements,
    ...(shape.additionalEventData === undefined ? {} : { additionalEventData: shape.additionalEventData }),
    ...(eventType === 'AwsServiceEvent' ? {} : { requestID: '$uuid' }),
    eventID: '$uuid',
    readOnly: shape.readOnly,
    ...(resources === null ? {} : { resources: resources.map((kind) => resourceTypes[kind]) }),
    eventType,
    managementEvent: eventCategory === 'Management',
    recipientAccountId: '$account',
    ...(shape.serviceEventDetails === undefined ? {} : { serviceEventDetails: shape.serviceEventDetails }),
    eventCategory,
  });
}
