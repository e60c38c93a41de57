import { beforeEach, expect, test } from 'vitest';
import { ACCOUNT, REGION } from '../scope.test-helper.ts';
import { cloudTrail } from './cloudtrail.test-helper.ts';

const TrailARN = `arn:aws:cloudtrail:${REGION}:${ACCOUNT}:trail/main`;
let trails: ReturnType<typeof cloudTrail>;
beforeEach(async () => {
  trails = cloudTrail();
  await trails.call('CreateTrail', { Name: 'main', S3BucketName: 'logs' });
});

const put = (input: object) => trails.call('PutEventSelectors', { TrailName: 'main', ...input });
const shown = () => trails.call('GetEventSelectors', { TrailName: 'main' });
const isCustom = async () => {
  const { Trail } = await trails.call('GetTrail', { Name: 'main' });
  return (Trail as { HasCustomEventSelectors: boolean }).HasCustomEventSelectors;
};

const all = {
  ReadWriteType: 'All',
  IncludeManagementEvents: true,
  DataResources: [],
  ExcludeManagementEventSources: [],
};
const category = { Field: 'eventCategory', Equals: ['Management'] };

test('a new trail shows that it delivers all management events', async () => {
  expect(await shown()).toEqual({ TrailARN, EventSelectors: [all] });
  expect(await isCustom()).toBe(false);
});

test('selectors are shown with what AWS makes of members that were left out', async () => {
  const answer = { TrailARN, EventSelectors: [{ ...all, ReadWriteType: 'WriteOnly' }] };
  expect(await put({ EventSelectors: [{ ReadWriteType: 'WriteOnly' }] })).toEqual(answer);
  expect(await shown()).toEqual(answer);
  expect(await isCustom()).toBe(true);
});

test('selectors of one kind replace those of the other', async () => {
  const AdvancedEventSelectors = [
    { Name: 'writes', FieldSelectors: [category, { Field: 'readOnly', Equals: ['false'] }] },
  ];
  await put({ EventSelectors: [{}] });
  expect(await put({ AdvancedEventSelectors })).toEqual({ TrailARN, AdvancedEventSelectors });
  expect(await shown()).toEqual({ TrailARN, AdvancedEventSelectors });
  await put({ EventSelectors: [{}] });
  expect(await shown()).toEqual({ TrailARN, EventSelectors: [all] });
});

test('data resources without values, as tools send them to deselect all, are taken and shown', async () => {
  const selector = {
    ...all,
    IncludeManagementEvents: false,
    DataResources: [{ Type: 'AWS::S3::Object', Values: [] }],
  };
  expect(await put({ EventSelectors: [selector] })).toEqual({ TrailARN, EventSelectors: [selector] });
});

const METRIC = 'AWS::CloudWatch::Metric';
const data = { Field: 'eventCategory', Equals: ['Data'] };
const ofMetrics = { Field: 'resources.type', Equals: [METRIC] };

test('data events of metrics are taken, by their names and by what they do', async () => {
  const AdvancedEventSelectors = [
    { FieldSelectors: [category] },
    { FieldSelectors: [data, ofMetrics, { Field: 'eventName', NotEquals: ['PutMetricData'] }] },
    { FieldSelectors: [{ Field: 'readOnly', Equals: ['false'] }, ofMetrics, data] },
  ];
  expect(await put({ AdvancedEventSelectors })).toEqual({ TrailARN, AdvancedEventSelectors });
});

const values = (count: number) => Array.from({ length: count }, (_, at) => `s${at}.amazonaws.com`);
const advanced = (...FieldSelectors: object[]) => ({ AdvancedEventSelectors: [{ FieldSelectors }] });

test.each<[title: string, input: object]>([
  ['none', {}],
  ['an empty list', { EventSelectors: [] }],
  ['an empty list of advanced ones', { AdvancedEventSelectors: [] }],
  ['six', { EventSelectors: Array.from({ length: 6 }, () => ({})) }],
  ['both kinds', { EventSelectors: [{}], ...advanced(category) }],
  ['data resources', { EventSelectors: [{ DataResources: [{ Type: 'AWS::S3::Object', Values: ['arn:aws:s3'] }] }] }],
  ['neither management nor data events', { EventSelectors: [{ IncludeManagementEvents: false }] }],
  ['another source to exclude', { EventSelectors: [{ ExcludeManagementEventSources: ['iam.amazonaws.com'] }] }],
  ['no category', advanced({ Field: 'readOnly', Equals: ['true'] })],
  ['data events of all kinds', advanced(data)],
  ['data events of a kind that there is not', advanced(data, { Field: 'resources.type', Equals: ['AWS::S3::Object'] })],
  ['data events of two kinds', advanced(data, { Field: 'resources.type', Equals: ['AWS::S3::Object', METRIC] })],
  ['data events of all kinds but one', advanced(data, { Field: 'resources.type', NotEquals: [METRIC] })],
  ['data events of an ARN', advanced(data, ofMetrics, { Field: 'resources.ARN', StartsWith: ['arn:'] })],
  ['network activity', advanced({ Field: 'eventCategory', Equals: ['NetworkActivity'] })],
  ['two categories', advanced({ Field: 'eventCategory', Equals: ['Management', 'Data'] })],
  ['a category by another operator', advanced({ Field: 'eventCategory', NotEquals: ['Data'] })],
  ['a field of data events', advanced(category, { Field: 'resources.ARN', StartsWith: ['arn:'] })],
  ['a field of every object', advanced(category, { Field: 'constructor', Equals: ['x'] })],
  ['no operator', advanced(category, { Field: 'eventSource' })],
  ['readOnly by another operator', advanced(category, { Field: 'readOnly', NotEquals: ['true'] })],
  ['readOnly of another value', advanced(category, { Field: 'readOnly', Equals: ['yes'] })],
  ['too many values', advanced(category, { Field: 'eventSource', NotEquals: values(500) })],
])('refuses %s', async (_, input) => {
  await expect(put(input)).rejects.toMatchObject({ code: 'InvalidEventSelectorsException' });
});

test('takes as many values as AWS does', async () => {
  await put(advanced(category, { Field: 'eventSource', NotEquals: values(499) }));
});

test('no trail has Insights', async () => {
  await expect(trails.call('GetInsightSelectors', { TrailName: 'main' })).rejects.toMatchObject({
    code: 'InsightNotEnabledException',
    message: `Trail ${TrailARN} does not have Insights enabled.`,
  });
  await expect(trails.call('GetInsightSelectors', {})).rejects.toMatchObject({ code: 'InvalidParameterException' });
});
