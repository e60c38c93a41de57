import type { RemoveTagsRequest, RemoveTagsResponse } from '@aws-sdk/client-cloudtrail';
import { tags, text } from '../../wire/cloudtrail-shapes.ts';
import { type Input, required, structure } from '../../wire/shapes.ts';
import { tagKeyConditions } from '../iam/tags.ts';
import type { CloudTrailOperation } from './ports.ts';
import { trailsTable } from './records.ts';
import { checkResourceId, taggedTrailTarget } from './tagged-trail.ts';
import { withoutTags } from './tags.ts';
import type { Trail } from './trail-target.ts';

export const removeTags: CloudTrailOperation<RemoveTagsRequest, RemoveTagsResponse, { trail: Trail }> = {
  name: 'RemoveTags',
  input: structure<RemoveTagsRequest>({ ResourceId: required(text), TagsList: required(tags) }),
  validate: ({ ResourceId }) => checkResourceId(ResourceId),
  targets: {
    trail: taggedTrailTarget(
      'cloudtrail:RemoveTags',
      ({ ResourceId }) => ResourceId,
      tagKeyConditions(({ TagsList }: Input<RemoveTagsRequest>) => TagsList.map(({ Key }) => Key)),
    ),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['ResourceId', 'TagsList'] },
  async handle({ input, targets: { trail }, transaction }) {
    const untagged = { ...trail.record, tags: withoutTags(trail.record.tags, input.TagsList) };
    await transaction.replace(trailsTable, trail.key, untagged, trail.version);
    return {};
  },
};
