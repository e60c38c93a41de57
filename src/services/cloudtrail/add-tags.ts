import type { AddTagsRequest, AddTagsResponse } from '@aws-sdk/client-cloudtrail';
import { tags, text } from '../../wire/cloudtrail-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import type { CloudTrailOperation } from './ports.ts';
import { trailsTable } from './records.ts';
import { checkResourceId, taggedTrailTarget } from './tagged-trail.ts';
import { readTags, tagConditions, withTags } from './tags.ts';
import type { Trail } from './trail-target.ts';

export const addTags: CloudTrailOperation<AddTagsRequest, AddTagsResponse, { trail: Trail }> = {
  name: 'AddTags',
  input: structure<AddTagsRequest>({ ResourceId: required(text), TagsList: required(tags) }),
  validate: ({ ResourceId, TagsList }) => {
    checkResourceId(ResourceId);
    readTags(TagsList);
  },
  targets: {
    trail: taggedTrailTarget(
      'cloudtrail:AddTags',
      ({ ResourceId }) => ResourceId,
      tagConditions(({ TagsList }) => TagsList),
    ),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['ResourceId', 'TagsList'] },
  async handle({ input, targets: { trail }, transaction }) {
    const tagged = { ...trail.record, tags: withTags(trail.record.tags, readTags(input.TagsList)) };
    await transaction.replace(trailsTable, trail.key, tagged, trail.version);
    return {};
  },
};
