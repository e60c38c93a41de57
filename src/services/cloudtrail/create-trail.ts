import type { CreateTrailRequest, CreateTrailResponse } from '@aws-sdk/client-cloudtrail';
import { tags, text } from '../../wire/cloudtrail-shapes.ts';
import { type Input, required, structure } from '../../wire/shapes.ts';
import type { CloudTrailOperation } from './ports.ts';
import { type TrailRecord, trailsTable } from './records.ts';
import { shownSettings } from './shown-trail.ts';
import { readTags, tagConditions, withTags } from './tags.ts';
import { checkTrailName, type TrailIdentity } from './trail-name.ts';
import { checkSettings, settingMembers, settingNames } from './trail-settings.ts';
import { newTrailTarget } from './trail-target.ts';
import { keyOf, refuseCrowding, trailsOf } from './trails.ts';

const conditions = tagConditions(({ TagsList }: Input<CreateTrailRequest>) => TagsList);
const name = ({ Name }: Input<CreateTrailRequest>) => Name;

/**
 * A trail delivers nothing until StartLogging. Whether there is such a bucket is not asked: until this server has S3, delivery
 * makes a directory of the name.
 */
export const createTrail: CloudTrailOperation<
  CreateTrailRequest,
  CreateTrailResponse,
  { trail: TrailIdentity; tagged: TrailIdentity }
> = {
  name: 'CreateTrail',
  input: structure<CreateTrailRequest>({
    Name: required(text),
    S3BucketName: required(text),
    ...settingMembers,
    TagsList: tags,
  }),
  validate: (input) => {
    checkTrailName(input.Name);
    checkSettings(input);
    withTags([], readTags(input.TagsList ?? []));
  },
  targets: {
    trail: newTrailTarget({ permission: 'cloudtrail:CreateTrail', name, conditions }),
    // Policies may trust tags: whoever may make trails may not therefore give them any.
    tagged: newTrailTarget({
      permission: 'cloudtrail:AddTags',
      name,
      conditions,
      applies: ({ TagsList = [] }) => TagsList.length > 0,
    }),
  },
  effect: 'change',
  audit: {
    readOnly: false,
    request: ['Name', 'S3BucketName', ...settingNames, 'TagsList'],
    response: (output) => output,
  },
  async handle({ input, targets: { trail: identity }, scope, transaction }) {
    const trail: TrailRecord = {
      accountId: identity.accountId,
      homeRegion: identity.region,
      name: identity.name,
      bucketName: input.S3BucketName,
      ...(input.S3KeyPrefix ? { keyPrefix: input.S3KeyPrefix } : {}),
      includeGlobalServiceEvents: input.IncludeGlobalServiceEvents ?? true,
      isMultiRegion: input.IsMultiRegionTrail ?? false,
      logFileValidation: input.EnableLogFileValidation ?? false,
      ...(input.RecursiveLogging === undefined ? {} : { recursiveLogging: input.RecursiveLogging }),
      tags: readTags(input.TagsList ?? []),
      isLogging: false,
      createdAtMs: scope.nowMs,
    };
    refuseCrowding(trail, await trailsOf(transaction, identity.accountId));
    await transaction.create(trailsTable, keyOf(identity), trail);
    return shownSettings(trail);
  },
};
