import { describe, expect, test } from 'vitest';
import type { AuditRecord } from '../../audit/record.ts';
import { auditEvent } from '../../monitoring/event.test-helper.ts';
import type { AdvancedSelector, ManagementEventSelector, TrailRecord } from './records.ts';
import { allManagementEvents, selects } from './selectors.ts';

const trail: TrailRecord = {
  accountId: '111122223333',
  homeRegion: 'us-east-1',
  name: 'main',
  bucketName: 'logs',
  includeGlobalServiceEvents: true,
  isMultiRegion: false,
  logFileValidation: false,
  tags: [],
  isLogging: true,
  createdAtMs: 0,
};

const event = (eventName: string, more: Partial<AuditRecord> = {}) => auditEvent('kms', eventName, more);

const decrypt = event('Decrypt', { readOnly: true });
const disableKey = event('DisableKey');
const createUser = event('CreateUser', { eventSource: 'iam.amazonaws.com' });
const getUser = event('GetUser', { eventSource: 'iam.amazonaws.com', readOnly: true });
const stopLogging = event('StopLogging', { eventSource: 'cloudtrail.amazonaws.com' });
const events = [decrypt, disableKey, createUser, getUser, stopLogging];

function selected(more: Partial<TrailRecord>): string[] {
  return events.filter((each) => selects({ ...trail, ...more }, each)).map(({ eventName }) => eventName);
}

const basic = (more: Partial<ManagementEventSelector>) => ({ ...allManagementEvents, ...more });

test('a trail without selectors selects every management event of its account and Region', () => {
  expect(selected({})).toEqual(['Decrypt', 'DisableKey', 'CreateUser', 'GetUser', 'StopLogging']);
  expect(selects(trail, { ...decrypt, recipientAccountId: '444455556666' })).toBe(false);
  const { recipientAccountId: _, ...ofNobody } = decrypt;
  expect(selects(trail, ofNobody)).toBe(false);
  expect(selects(trail, { ...decrypt, awsRegion: 'eu-west-1' })).toBe(false);
});

test('a multi-Region trail selects events of all Regions', () => {
  const multiRegion = { ...trail, isMultiRegion: true };
  expect(selects(multiRegion, { ...decrypt, awsRegion: 'eu-west-1' })).toBe(true);
  expect(selects(multiRegion, { ...decrypt, awsRegion: 'eu-west-1', recipientAccountId: '444455556666' })).toBe(false);
});

test('a trail without global service events selects none of IAM', () => {
  expect(selected({ includeGlobalServiceEvents: false })).toEqual(['Decrypt', 'DisableKey', 'StopLogging']);
});

describe('event selectors', () => {
  test('select by what events do', () => {
    expect(selected({ eventSelectors: [basic({ ReadWriteType: 'ReadOnly' })] })).toEqual(['Decrypt', 'GetUser']);
    expect(selected({ eventSelectors: [basic({ ReadWriteType: 'WriteOnly' })] })).toEqual([
      'DisableKey',
      'CreateUser',
      'StopLogging',
    ]);
  });

  test('leave out the events of a service', () => {
    const eventSelectors = [basic({ ExcludeManagementEventSources: ['kms.amazonaws.com'] })];
    expect(selected({ eventSelectors })).toEqual(['CreateUser', 'GetUser', 'StopLogging']);
  });

  test('select what any of them selects', () => {
    const eventSelectors = [
      basic({ ReadWriteType: 'WriteOnly' }),
      basic({ ReadWriteType: 'ReadOnly', ExcludeManagementEventSources: ['kms.amazonaws.com'] }),
    ];
    expect(selected({ eventSelectors })).toEqual(['DisableKey', 'CreateUser', 'GetUser', 'StopLogging']);
  });

  test('select nothing without management events', () => {
    expect(selected({ eventSelectors: [basic({ IncludeManagementEvents: false })] })).toEqual([]);
  });
});

describe('advanced event selectors', () => {
  const management = { Field: 'eventCategory', Equals: ['Management'] };
  const advanced = (...fields: AdvancedSelector['FieldSelectors']): Partial<TrailRecord> => ({
    advancedEventSelectors: [{ FieldSelectors: [management, ...fields] }],
  });

  test.each<[title: string, fields: AdvancedSelector['FieldSelectors'], names: string[]]>([
    ['of the category alone', [], ['Decrypt', 'DisableKey', 'CreateUser', 'GetUser', 'StopLogging']],
    ['reads', [{ Field: 'readOnly', Equals: ['true'] }], ['Decrypt', 'GetUser']],
    ['writes', [{ Field: 'readOnly', Equals: ['false'] }], ['DisableKey', 'CreateUser', 'StopLogging']],
    [
      'but for a service',
      [{ Field: 'eventSource', NotEquals: ['kms.amazonaws.com'] }],
      ['CreateUser', 'GetUser', 'StopLogging'],
    ],
    [
      'of any of several services',
      [{ Field: 'eventSource', Equals: ['iam.amazonaws.com', 'kms.amazonaws.com'] }],
      ['Decrypt', 'DisableKey', 'CreateUser', 'GetUser'],
    ],
    [
      'of what begins so',
      [{ Field: 'eventSource', StartsWith: ['cloud', 'iam'] }],
      ['CreateUser', 'GetUser', 'StopLogging'],
    ],
    [
      'of what does not begin so',
      [{ Field: 'eventSource', NotStartsWith: ['cloud', 'iam'] }],
      ['Decrypt', 'DisableKey'],
    ],
    ['of what ends so', [{ Field: 'eventSource', EndsWith: ['ms.amazonaws.com'] }], ['Decrypt', 'DisableKey']],
    [
      'of what does not end so',
      [{ Field: 'eventSource', NotEndsWith: ['ms.amazonaws.com'] }],
      ['CreateUser', 'GetUser', 'StopLogging'],
    ],
    [
      'by all operators of a field',
      [
        {
          Field: 'eventSource',
          EndsWith: ['.amazonaws.com'],
          NotEquals: ['kms.amazonaws.com'],
          NotStartsWith: ['iam'],
        },
      ],
      ['StopLogging'],
    ],
    [
      'by all fields',
      [
        { Field: 'readOnly', Equals: ['false'] },
        { Field: 'eventSource', Equals: ['kms.amazonaws.com'] },
      ],
      ['DisableKey'],
    ],
    ['by a field that there is not', [{ Field: 'resources.ARN', NotEquals: ['x'] }], []],
    ['by a field of every object', [{ Field: 'constructor', NotEquals: ['x'] }], []],
  ])('%s', (_, fields, names) => {
    expect(selected(advanced(...fields))).toEqual(names);
  });

  test('select data events, which nothing else does', () => {
    const data = { managementEvent: false, eventCategory: 'Data', eventSource: 'monitoring.amazonaws.com' } as const;
    const resources = [{ type: 'AWS::CloudWatch::Metric' }] as const;
    const put = event('PutMetricData', { ...data, resources });
    const get = event('GetMetricData', { ...data, resources, readOnly: true });
    const of = (more: Partial<TrailRecord>) =>
      [put, get, decrypt].filter((each) => selects({ ...trail, ...more }, each));
    const metrics = [
      { Field: 'eventCategory', Equals: ['Data'] },
      { Field: 'resources.type', Equals: ['AWS::CloudWatch::Metric'] },
    ];
    expect(of({})).toEqual([decrypt]);
    expect(of({ eventSelectors: [allManagementEvents] })).toEqual([decrypt]);
    expect(of(advanced())).toEqual([decrypt]);
    expect(of({ advancedEventSelectors: [{ FieldSelectors: metrics }] })).toEqual([put, get]);
    const puts = [...metrics, { Field: 'eventName', StartsWith: ['Put'] }];
    expect(of({ advancedEventSelectors: [{ FieldSelectors: puts }] })).toEqual([put]);
    const reads = [...metrics, { Field: 'readOnly', Equals: ['true'] }];
    expect(of({ advancedEventSelectors: [{ FieldSelectors: reads }] })).toEqual([get]);
  });

  test('select what any of them selects', () => {
    const advancedEventSelectors = [
      { FieldSelectors: [management, { Field: 'readOnly', Equals: ['false'] }] },
      { FieldSelectors: [management, { Field: 'eventSource', Equals: ['iam.amazonaws.com'] }] },
    ];
    expect(selected({ advancedEventSelectors })).toEqual(['DisableKey', 'CreateUser', 'GetUser', 'StopLogging']);
  });
});
