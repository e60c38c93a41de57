import { isDeepStrictEqual } from 'node:util';
import {
  AddTagsCommand,
  type AdvancedEventSelector,
  type CloudTrailClient,
  CreateTrailCommand,
  DeleteTrailCommand,
  DescribeTrailsCommand,
  type EventSelector,
  GetEventSelectorsCommand,
  type GetEventSelectorsResponse,
  GetInsightSelectorsCommand,
  GetTrailStatusCommand,
  InsightNotEnabledException,
  ListTagsCommand,
  PutEventSelectorsCommand,
  RemoveTagsCommand,
  StartLoggingCommand,
  StopLoggingCommand,
  TrailNotFoundException,
  UpdateTrailCommand,
} from '@aws-sdk/client-cloudtrail';

/**
 * What Terraform's AWS provider asks of CloudTrail for `aws_cloudtrail`, call for call and in its order. Written from which
 * calls the provider makes (`internal/service/cloudtrail` of hashicorp/terraform-provider-aws); as for KMS in
 * `terraform-provider.ts`, the program itself does not run here.
 */

interface SelectorAttributes {
  readonly read_write_type: 'All' | 'ReadOnly' | 'WriteOnly';
  readonly include_management_events: boolean;
  readonly exclude_management_event_sources: readonly string[];
  readonly data_resource: readonly { readonly type: string; readonly values: readonly string[] }[];
}

interface AdvancedSelectorAttributes {
  readonly name: string;
  readonly field_selector: readonly { readonly field: string; readonly equals: readonly string[] }[];
}

export interface TrailResource {
  readonly name: string;
  readonly s3_bucket_name: string;
  readonly s3_key_prefix: string;
  readonly include_global_service_events: boolean;
  readonly is_multi_region_trail: boolean;
  readonly enable_log_file_validation: boolean;
  readonly enable_logging: boolean;
  readonly event_selector: readonly SelectorAttributes[];
  readonly advanced_event_selector: readonly AdvancedSelectorAttributes[];
  readonly tags: Readonly<Record<string, string>>;
}

const shownTags = (tags: TrailResource['tags']) => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

export const trailResource = {
  /** Gives the ARN, which is the resource's id. */
  async create(client: CloudTrailClient, trail: TrailResource): Promise<string> {
    const { TrailARN = '' } = await client.send(
      new CreateTrailCommand({
        IncludeGlobalServiceEvents: trail.include_global_service_events,
        Name: trail.name,
        S3BucketName: trail.s3_bucket_name,
        TagsList: shownTags(trail.tags),
        // What is false or empty it does not send.
        ...(trail.enable_log_file_validation ? { EnableLogFileValidation: true } : {}),
        ...(trail.is_multi_region_trail ? { IsMultiRegionTrail: true } : {}),
        ...(trail.s3_key_prefix === '' ? {} : { S3KeyPrefix: trail.s3_key_prefix }),
      }),
    );
    if (trail.enable_logging) await setLogging(client, TrailARN, true);
    if (trail.event_selector.length > 0) await setSelectors(client, TrailARN, trail);
    if (trail.advanced_event_selector.length > 0) await setAdvancedSelectors(client, TrailARN, trail);
    await this.read(client, TrailARN);
    return TrailARN;
  },

  async read(client: CloudTrailClient, arn: string): Promise<TrailResource | undefined> {
    const { trailList = [] } = await client.send(new DescribeTrailsCommand({ trailNameList: [arn] }));
    const [trail, ...more] = trailList;
    if (trail === undefined || more.length > 0) return undefined;
    const { IsLogging = false } = await client.send(new GetTrailStatusCommand({ Name: arn }));
    const selectors: GetEventSelectorsResponse = trail.HasCustomEventSelectors
      ? await client.send(new GetEventSelectorsCommand({ TrailName: arn }))
      : {};
    await expectNoInsights(client, arn);
    const { ResourceTagList = [] } = await client.send(new ListTagsCommand({ ResourceIdList: [arn] }));
    const tags = ResourceTagList[0]?.TagsList ?? [];
    return {
      name: trail.Name ?? '',
      s3_bucket_name: trail.S3BucketName ?? '',
      s3_key_prefix: trail.S3KeyPrefix ?? '',
      include_global_service_events: trail.IncludeGlobalServiceEvents ?? false,
      is_multi_region_trail: trail.IsMultiRegionTrail ?? false,
      enable_log_file_validation: trail.LogFileValidationEnabled ?? false,
      enable_logging: IsLogging,
      event_selector: flattenSelectors(selectors.EventSelectors ?? []),
      advanced_event_selector: flattenAdvanced(selectors.AdvancedEventSelectors ?? []),
      tags: Object.fromEntries(tags.map(({ Key = '', Value = '' }) => [Key, Value])),
    };
  },

  async update(client: CloudTrailClient, arn: string, before: TrailResource, after: TrailResource): Promise<void> {
    const changed = (name: keyof TrailResource) => !isDeepStrictEqual(before[name], after[name]);
    await client.send(
      new UpdateTrailCommand({
        Name: arn,
        ...(changed('enable_log_file_validation') ? { EnableLogFileValidation: after.enable_log_file_validation } : {}),
        ...(changed('is_multi_region_trail') ? { IsMultiRegionTrail: after.is_multi_region_trail } : {}),
        ...(changed('s3_bucket_name') ? { S3BucketName: after.s3_bucket_name } : {}),
        ...(changed('s3_key_prefix') ? { S3KeyPrefix: after.s3_key_prefix } : {}),
      }),
    );
    if (changed('enable_logging')) await setLogging(client, arn, after.enable_logging);
    if (changed('event_selector')) await setSelectors(client, arn, after);
    if (changed('advanced_event_selector')) await setAdvancedSelectors(client, arn, after);
    if (changed('tags')) {
      const removed = Object.entries(before.tags).filter(([key]) => after.tags[key] === undefined);
      const set = Object.entries(after.tags).filter(([key, value]) => before.tags[key] !== value);
      const list = (tags: [string, string][]) => ({ ResourceId: arn, TagsList: shownTags(Object.fromEntries(tags)) });
      if (removed.length > 0) await client.send(new RemoveTagsCommand(list(removed)));
      if (set.length > 0) await client.send(new AddTagsCommand(list(set)));
    }
    await this.read(client, arn);
  },

  /** What is gone is deleted. */
  async delete(client: CloudTrailClient, arn: string): Promise<void> {
    try {
      await client.send(new DeleteTrailCommand({ Name: arn }));
    } catch (error) {
      if (!(error instanceof TrailNotFoundException)) throw error;
    }
  },
};

async function setLogging(client: CloudTrailClient, arn: string, enabled: boolean): Promise<void> {
  await client.send(enabled ? new StartLoggingCommand({ Name: arn }) : new StopLoggingCommand({ Name: arn }));
}

/** Without any, it sends the one that says what trails do by themselves. */
async function setSelectors(client: CloudTrailClient, arn: string, { event_selector }: TrailResource): Promise<void> {
  const byDefault = { IncludeManagementEvents: true, ReadWriteType: 'All' as const, DataResources: [] };
  const selectors = event_selector.map((each) => ({
    IncludeManagementEvents: each.include_management_events,
    ReadWriteType: each.read_write_type,
    DataResources: each.data_resource.map(({ type, values }) => ({ Type: type, Values: [...values] })),
    ...(each.exclude_management_event_sources.length === 0
      ? {}
      : { ExcludeManagementEventSources: [...each.exclude_management_event_sources] }),
  }));
  const EventSelectors = selectors.length === 0 ? [byDefault] : selectors;
  await client.send(new PutEventSelectorsCommand({ TrailName: arn, EventSelectors }));
}

async function setAdvancedSelectors(client: CloudTrailClient, arn: string, trail: TrailResource): Promise<void> {
  const AdvancedEventSelectors = trail.advanced_event_selector.map(({ name, field_selector }) => ({
    Name: name,
    FieldSelectors: field_selector.map(({ field, equals }) => ({ Field: field, Equals: [...equals] })),
  }));
  await client.send(new PutEventSelectorsCommand({ TrailName: arn, AdvancedEventSelectors }));
}

/** The provider asks only if the trail says that it has some; older ones always did. */
async function expectNoInsights(client: CloudTrailClient, arn: string): Promise<void> {
  try {
    await client.send(new GetInsightSelectorsCommand({ TrailName: arn }));
  } catch (error) {
    if (error instanceof InsightNotEnabledException) return;
    throw error;
  }
  throw new Error('no trail of this server has Insights');
}

/** A selector that says what trails do by themselves is none to it. */
function flattenSelectors(selectors: readonly EventSelector[]): SelectorAttributes[] {
  const [first, ...more] = selectors;
  const isDefault =
    more.length === 0 &&
    first?.ReadWriteType === 'All' &&
    first.DataResources?.length === 0 &&
    first.ExcludeManagementEventSources?.length === 0;
  if (isDefault) return [];
  return selectors.map((each) => ({
    read_write_type: each.ReadWriteType ?? 'All',
    include_management_events: each.IncludeManagementEvents ?? false,
    exclude_management_event_sources: each.ExcludeManagementEventSources ?? [],
    data_resource: (each.DataResources ?? []).map(({ Type = '', Values = [] }) => ({ type: Type, values: Values })),
  }));
}

function flattenAdvanced(selectors: readonly AdvancedEventSelector[]): AdvancedSelectorAttributes[] {
  return selectors.map(({ Name = '', FieldSelectors = [] }) => ({
    name: Name,
    field_selector: FieldSelectors.map(({ Field = '', Equals = [] }) => ({ field: Field, equals: Equals })),
  }));
}
