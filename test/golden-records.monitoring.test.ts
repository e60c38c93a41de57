import * as cloudtrail from '@aws-sdk/client-cloudtrail';
import * as cloudwatch from '@aws-sdk/client-cloudwatch';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuditRecord } from '../src/audit/record.ts';
import { cloudTrailOperations } from '../src/services/cloudtrail/index.ts';
import { cloudWatchOperations } from '../src/services/cloudwatch/index.ts';
import { auditRecordsOf } from './support/audit.ts';
import { expectedRecord, type Golden, golden } from './support/golden-records.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

/** Every operation of CloudTrail and CloudWatch is performed for real, and its record compared with what AWS publishes. */

let server: TestServer;
let records: AuditRecord[] = [];
/** By operation: the id of the request that was made. */
const requests = new Map<string, string | undefined>();

beforeAll(async () => {
  server = await startServer();
  await performTrails();
  await performAlarms();
  await performMetrics();
  records = await auditRecordsOf(server);
});
afterAll(() => cleanUp(server));

/** Notes the request's id, whatever becomes of it. */
async function noted<Answer extends { $metadata: { requestId?: string } }>(name: string, request: Promise<Answer>) {
  const outcome = await request.catch((error: Answer) => error);
  expect(requests.has(name), `${name} is performed once`).toBe(false);
  requests.set(name, outcome.$metadata.requestId);
  return outcome;
}

const Tags = [{ Key: 'Department', Value: 'IT' }];

async function performTrails(): Promise<void> {
  const { url: endpoint, credentials } = server;
  const client = new cloudtrail.CloudTrailClient({ endpoint, region: 'us-east-1', credentials });
  const Name = 'myTrail';
  const TrailName = Name;
  const settings = {
    ...{ Name, S3BucketName: 'log-bucket' },
    ...{ IncludeGlobalServiceEvents: true, IsMultiRegionTrail: false, IsOrganizationTrail: false },
  };
  const made = await noted('CreateTrail', client.send(new cloudtrail.CreateTrailCommand(settings)));
  const ResourceId = made.TrailARN ?? '';
  await noted('AddTags', client.send(new cloudtrail.AddTagsCommand({ ResourceId, TagsList: Tags })));
  await noted('ListTags', client.send(new cloudtrail.ListTagsCommand({ ResourceIdList: [ResourceId] })));
  await noted('RemoveTags', client.send(new cloudtrail.RemoveTagsCommand({ ResourceId, TagsList: Tags })));
  const DataResources = [{ Type: 'AWS::S3::Object', Values: [] }];
  const selector = {
    ...{ ReadWriteType: 'ReadOnly' as const, IncludeManagementEvents: false },
    ...{ DataResources, ExcludeManagementEventSources: [] },
  };
  const selectors = new cloudtrail.PutEventSelectorsCommand({ TrailName, EventSelectors: [selector] });
  await noted('PutEventSelectors', client.send(selectors));
  await noted('GetEventSelectors', client.send(new cloudtrail.GetEventSelectorsCommand({ TrailName })));
  await noted('GetInsightSelectors', client.send(new cloudtrail.GetInsightSelectorsCommand({ TrailName })));
  await noted('GetTrail', client.send(new cloudtrail.GetTrailCommand({ Name })));
  await noted('ListTrails', client.send(new cloudtrail.ListTrailsCommand({})));
  await noted('DescribeTrails', client.send(new cloudtrail.DescribeTrailsCommand({ trailNameList: [] })));
  await noted('UpdateTrail', client.send(new cloudtrail.UpdateTrailCommand({ Name: 'myTrail2' })));
  await noted('StartLogging', client.send(new cloudtrail.StartLoggingCommand({ Name })));
  await noted('GetTrailStatus', client.send(new cloudtrail.GetTrailStatusCommand({ Name })));
  await noted('StopLogging', client.send(new cloudtrail.StopLoggingCommand({ Name })));
  await noted('DeleteTrail', client.send(new cloudtrail.DeleteTrailCommand({ Name })));
  const StartTime = new Date(Date.now() - 60_000);
  await noted('ListPublicKeys', client.send(new cloudtrail.ListPublicKeysCommand({ StartTime })));
  const LookupAttributes = [{ AttributeKey: 'EventName' as const, AttributeValue: 'CreateTrail' }];
  const lookup = { LookupAttributes, StartTime, MaxResults: 5 };
  await noted('LookupEvents', client.send(new cloudtrail.LookupEventsCommand(lookup)));
}

function cloudWatch(): cloudwatch.CloudWatchClient {
  const { url: endpoint, credentials } = server;
  return new cloudwatch.CloudWatchClient({ endpoint, region: 'us-east-1', credentials });
}

async function performAlarms(): Promise<void> {
  const client = cloudWatch();
  const AlarmName = 'CloudTrail Test Alarm';
  const AlarmNames = [AlarmName];
  const metric = { MetricName: 'CloudTrail Test', Namespace: 'Example/CloudWatch' };
  const alarm: cloudwatch.PutMetricAlarmCommandInput = {
    ...{ AlarmName, ...metric, Statistic: 'Sum', Period: 60, EvaluationPeriods: 3, Threshold: 50.5 },
    ComparisonOperator: 'GreaterThanThreshold',
  };
  await noted('PutMetricAlarm', client.send(new cloudwatch.PutMetricAlarmCommand(alarm)));
  const state = { AlarmName, StateValue: 'OK', StateReason: 'a test' } as const;
  await noted('SetAlarmState', client.send(new cloudwatch.SetAlarmStateCommand(state)));
  await noted('DescribeAlarms', client.send(new cloudwatch.DescribeAlarmsCommand({ StateValue: 'OK' })));
  await noted('DescribeAlarmsForMetric', client.send(new cloudwatch.DescribeAlarmsForMetricCommand(metric)));
  const history = { AlarmName, HistoryItemType: 'StateUpdate', StartDate: new Date(0), MaxRecords: 10 } as const;
  await noted('DescribeAlarmHistory', client.send(new cloudwatch.DescribeAlarmHistoryCommand(history)));
  await noted('DisableAlarmActions', client.send(new cloudwatch.DisableAlarmActionsCommand({ AlarmNames })));
  await noted('EnableAlarmActions', client.send(new cloudwatch.EnableAlarmActionsCommand({ AlarmNames })));
  const ResourceARN = `arn:aws:cloudwatch:us-east-1:${server.accountId}:alarm:${AlarmName}`;
  await noted('TagResource', client.send(new cloudwatch.TagResourceCommand({ ResourceARN, Tags })));
  await noted('ListTagsForResource', client.send(new cloudwatch.ListTagsForResourceCommand({ ResourceARN })));
  const TagKeys = ['Department'];
  await noted('UntagResource', client.send(new cloudwatch.UntagResourceCommand({ ResourceARN, TagKeys })));
  await noted('DeleteAlarms', client.send(new cloudwatch.DeleteAlarmsCommand({ AlarmNames })));
}

async function performMetrics(): Promise<void> {
  const client = cloudWatch();
  const datum: cloudwatch.MetricDatum = {
    MetricName: 'CloudTrailPutMetricDataTest',
    Dimensions: [{ Name: 'TestDimName', Value: 'TestDimValue' }],
    ...{ Value: 42, Unit: 'Count', Timestamp: new Date() },
  };
  const put = { Namespace: 'CloudTrailTests', MetricData: [datum] };
  await noted('PutMetricData', client.send(new cloudwatch.PutMetricDataCommand(put)));
  const Namespace = 'CWAgent';
  const MetricName = 'disk_used_percent';
  const listing = { Namespace, Dimensions: [{ Name: 'LoadBalancerName' }] };
  await noted('ListMetrics', client.send(new cloudwatch.ListMetricsCommand(listing)));
  const times = { StartTime: new Date(Date.now() - 3_600_000), EndTime: new Date() };
  const statistics = { Namespace, MetricName, ...times, Period: 300, Statistics: ['Sum' as const] };
  await noted('GetMetricStatistics', client.send(new cloudwatch.GetMetricStatisticsCommand(statistics)));
  const Dimensions = [{ Name: 'LoadBalancerName', Value: 'EXAMPLE' }];
  const sum = { Metric: { Namespace, MetricName, Dimensions }, Period: 300, Stat: 'Sum' };
  const MetricDataQueries = [
    { Id: 'e1', Expression: 'm1 / m2', Label: 'ErrorRate' },
    { Id: 'm1', MetricStat: { ...sum, Unit: 'Count' as const }, ReturnData: false },
    { Id: 'm2', MetricStat: sum, ReturnData: true },
  ];
  const query = new cloudwatch.GetMetricDataCommand({ MetricDataQueries, ...times });
  await noted('GetMetricData', client.send(query));
}

describe.each([
  { service: 'cloudtrail', source: 'cloudtrail.amazonaws.com', operations: cloudTrailOperations },
  { service: 'cloudwatch', source: 'monitoring.amazonaws.com', operations: cloudWatchOperations },
] as const)('$service', ({ service, source, operations }) => {
  test.each([...operations.keys()])('%s', (name) => {
    const id = requests.get(name);
    expect(id, 'it was performed').toBeDefined();
    const own = records.filter(({ requestID }) => requestID === id);
    expect(own).toEqual([expectedRecord(source, name, golden[service][name] as Golden)]);
  });
});

test('a trail that is not there is told of as AWS’s published record has it', () => {
  const [record] = records.filter(({ requestID }) => requestID === requests.get('UpdateTrail'));
  expect(record?.errorMessage).toBe(`Unknown trail: myTrail2 for the user: ${server.accountId}`);
});
