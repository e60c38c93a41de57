import { CloudTrailClient, type CloudTrailClientConfig } from '@aws-sdk/client-cloudtrail';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditRecordsOf } from './support/audit.ts';
import { type AwsClient, awsCli, boto3, type ClientInput, describeWith, javascriptSdk } from './support/clients.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';
import { type TrailResource, trailResource } from './support/terraform-trail.ts';

/** Trails from none to none, as each of AWS's clients and Terraform have them. */

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ workers: 2 });
});
afterAll(() => cleanUp(server));

const arnOf = (name: string) => `arn:aws:cloudtrail:us-east-1:${server.accountId}:trail/${name}`;

for (const kind of [javascriptSdk, awsCli, boto3]) {
  describeWith(kind, `trails with ${kind.name}`, () => {
    let client: AwsClient;
    let elsewhere: AwsClient;
    beforeAll(() => {
      client = kind.connect(server);
      elsewhere = kind.connect(server, { region: 'eu-west-1' });
    });
    afterAll(() => {
      client.close();
      elsewhere.close();
    });

    const ask = async (operation: string, input: ClientInput = {}, by = client): Promise<Record<string, unknown>> => ({
      ...(await by.call(`cloudtrail.${operation}`, input)),
    });
    const namesIn = (list: unknown) => (list as { Name: string }[]).map(({ Name }) => Name);

    test('from no trail to none', async () => {
      expect(namesIn((await ask('DescribeTrails'))['trailList'])).toEqual([]);
      const TrailARN = arnOf('events');
      const made = await ask('CreateTrail', {
        Name: 'events',
        S3BucketName: 'audit-logs',
        S3KeyPrefix: 'keys',
        IsMultiRegionTrail: true,
        EnableLogFileValidation: true,
        TagsList: [{ Key: 'team', Value: 'blue' }],
      });
      expect(made).toMatchObject({
        Name: 'events',
        S3BucketName: 'audit-logs',
        S3KeyPrefix: 'keys',
        IncludeGlobalServiceEvents: true,
        IsMultiRegionTrail: true,
        TrailARN,
        LogFileValidationEnabled: true,
        IsOrganizationTrail: false,
      });
      await expect(ask('CreateTrail', { Name: 'events', S3BucketName: 'other' })).rejects.toMatchObject({
        name: 'TrailAlreadyExistsException',
        message: `Trail events already exists for customer: ${server.accountId}`,
      });

      expect(await ask('GetTrailStatus', { Name: 'events' })).toMatchObject({ IsLogging: false });
      await ask('StartLogging', { Name: 'events' });
      const status = await ask('GetTrailStatus', { Name: TrailARN }, elsewhere);
      expect(status).toMatchObject({ IsLogging: true, TimeLoggingStarted: expect.stringMatching(/^2\d{3}-.*Z$/) });
      expect(status['StartLoggingTime']).toBeDefined();

      const selector = {
        ReadWriteType: 'WriteOnly',
        IncludeManagementEvents: true,
        DataResources: [],
        ExcludeManagementEventSources: ['kms.amazonaws.com'],
      };
      await ask('PutEventSelectors', { TrailName: 'events', EventSelectors: [selector] });
      expect(await ask('GetEventSelectors', { TrailName: 'events' })).toMatchObject({
        TrailARN,
        EventSelectors: [selector],
      });
      const AdvancedEventSelectors = [
        {
          Name: 'but for keys',
          FieldSelectors: [
            { Field: 'eventCategory', Equals: ['Management'] },
            { Field: 'eventSource', NotEquals: ['kms.amazonaws.com'] },
          ],
        },
      ];
      await ask('PutEventSelectors', { TrailName: TrailARN, AdvancedEventSelectors });
      expect(await ask('GetEventSelectors', { TrailName: 'events' })).toMatchObject({ AdvancedEventSelectors });

      await ask('UpdateTrail', { Name: 'events', S3KeyPrefix: 'other/keys' });
      expect((await ask('GetTrail', { Name: 'events' }))['Trail']).toMatchObject({
        S3KeyPrefix: 'other/keys',
        HomeRegion: 'us-east-1',
        HasCustomEventSelectors: true,
        HasInsightSelectors: false,
      });
      expect(namesIn((await ask('DescribeTrails', {}, elsewhere))['trailList'])).toEqual(['events']);
      expect(namesIn((await ask('DescribeTrails', { includeShadowTrails: false }, elsewhere))['trailList'])).toEqual(
        [],
      );
      expect((await ask('ListTrails'))['Trails']).toEqual([{ TrailARN, Name: 'events', HomeRegion: 'us-east-1' }]);
      await expect(ask('StopLogging', { Name: TrailARN }, elsewhere)).rejects.toMatchObject({
        name: 'InvalidHomeRegionException',
      });

      await ask('AddTags', { ResourceId: TrailARN, TagsList: [{ Key: 'tier', Value: '1' }] });
      await ask('RemoveTags', { ResourceId: TrailARN, TagsList: [{ Key: 'team' }] });
      expect((await ask('ListTags', { ResourceIdList: [TrailARN] }))['ResourceTagList']).toEqual([
        { ResourceId: TrailARN, TagsList: [{ Key: 'tier', Value: '1' }] },
      ]);

      await ask('StopLogging', { Name: 'events' });
      expect(await ask('GetTrailStatus', { Name: 'events' })).toMatchObject({ IsLogging: false });
      await ask('DeleteTrail', { Name: 'events' });
      await expect(ask('DeleteTrail', { Name: 'events' })).rejects.toMatchObject({
        name: 'TrailNotFoundException',
        message: `Unknown trail: ${TrailARN} for the user: ${server.accountId}`,
      });
      expect((await ask('DescribeTrails', { trailNameList: ['events'] }))['trailList']).toEqual([]);
    }, 240_000);
  });
}

test('records show a trail that is made as AWS’s do', async () => {
  const client = javascriptSdk.connect(server);
  await client.call('cloudtrail.CreateTrail', { Name: 'recorded', S3BucketName: 'audit-logs' });
  await client.call('cloudtrail.StartLogging', { Name: 'recorded' });
  await client.call('cloudtrail.DeleteTrail', { Name: 'recorded' });
  client.close();
  const records = (await auditRecordsOf(server)).filter(
    ({ requestParameters }) => (requestParameters as { name?: string } | null)?.name === 'recorded',
  );
  const byName = (name: string) => records.find(({ eventName }) => eventName === name);
  expect(byName('CreateTrail')).toMatchObject({
    eventSource: 'cloudtrail.amazonaws.com',
    awsRegion: 'us-east-1',
    requestParameters: { name: 'recorded', s3BucketName: 'audit-logs' },
    responseElements: {
      name: 'recorded',
      s3BucketName: 'audit-logs',
      includeGlobalServiceEvents: true,
      isMultiRegionTrail: false,
      trailARN: arnOf('recorded'),
      logFileValidationEnabled: false,
      isOrganizationTrail: false,
    },
    readOnly: false,
  });
  for (const name of ['StartLogging', 'DeleteTrail']) {
    expect(byName(name)).toMatchObject({
      requestParameters: { name: 'recorded' },
      responseElements: null,
      readOnly: false,
    });
  }
});

describe('Terraform', () => {
  let client: CloudTrailClient;
  beforeAll(() => {
    const config: CloudTrailClientConfig = {
      endpoint: server.url,
      region: 'us-east-1',
      credentials: server.credentials,
      maxAttempts: 1,
    };
    client = new CloudTrailClient(config);
  });
  afterAll(() => client.destroy());

  test('finds what it has written, so that a second plan has nothing to change', async () => {
    const first: TrailResource = {
      name: 'terraform',
      s3_bucket_name: 'audit-logs',
      s3_key_prefix: 'prefix',
      include_global_service_events: true,
      is_multi_region_trail: true,
      enable_log_file_validation: true,
      enable_logging: true,
      event_selector: [
        {
          read_write_type: 'WriteOnly',
          include_management_events: true,
          exclude_management_event_sources: ['kms.amazonaws.com'],
          data_resource: [],
        },
      ],
      advanced_event_selector: [],
      tags: { team: 'blue' },
    };
    const arn = await trailResource.create(client, first);
    expect(arn).toBe(arnOf('terraform'));
    expect(await trailResource.read(client, arn)).toEqual(first);

    const second: TrailResource = {
      ...first,
      s3_key_prefix: '',
      is_multi_region_trail: false,
      enable_logging: false,
      event_selector: [],
      tags: { team: 'red', tier: '1' },
    };
    await trailResource.update(client, arn, first, second);
    expect(await trailResource.read(client, arn)).toEqual(second);

    const third: TrailResource = {
      ...second,
      enable_logging: true,
      advanced_event_selector: [{ name: '', field_selector: [{ field: 'eventCategory', equals: ['Management'] }] }],
      tags: {},
    };
    await trailResource.update(client, arn, second, third);
    expect(await trailResource.read(client, arn)).toEqual(third);
    await trailResource.delete(client, arn);
    expect(await trailResource.read(client, arn)).toBeUndefined();
    await trailResource.delete(client, arn);
  });
});
