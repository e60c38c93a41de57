import type { ListTagsRequest, ListTagsResponse } from '@aws-sdk/client-cloudtrail';
import { text } from '../../wire/cloudtrail-shapes.ts';
import { type Input, list, required, structure } from '../../wire/shapes.ts';
import type { Target } from '../operation.ts';
import { refuse } from './errors.ts';
import { refuseToken } from './next-token.ts';
import type { CloudTrailOperation, CloudTrailPorts } from './ports.ts';
import { checkResourceId, taggedTrailTarget } from './tagged-trail.ts';
import { shownTags } from './tags.ts';
import type { Trail } from './trail-target.ts';

/** "The list has a limit of 20 ARNs." */
const MOST_ARNS = 20;

type ListInput = Input<ListTagsRequest>;

/** Each trail of the request is one that it is about, and is authorized by itself. */
const targets: Readonly<Record<string, Target<ListInput, Trail, CloudTrailPorts>>> = Object.fromEntries(
  Array.from({ length: MOST_ARNS }, (_, at) => [
    `trail${at}`,
    taggedTrailTarget('cloudtrail:ListTags', ({ ResourceIdList }: ListInput) => ResourceIdList[at]),
  ]),
);

export const listTags: CloudTrailOperation<ListTagsRequest, ListTagsResponse, Readonly<Record<string, Trail>>> = {
  name: 'ListTags',
  input: structure<ListTagsRequest>({ ResourceIdList: required(list(text)), NextToken: text }),
  validate: (input) => {
    refuseToken(input);
    const { length } = input.ResourceIdList;
    if (length < 1 || length > MOST_ARNS) refuse('InvalidParameterException', `Give 1 to ${MOST_ARNS} ARNs.`);
    input.ResourceIdList.forEach(checkResourceId);
  },
  targets,
  effect: 'read',
  audit: { readOnly: true, request: ['ResourceIdList'] },
  handle: ({ targets: trails }) => ({
    ResourceTagList: Object.values(trails).map(({ arn, record }) => ({
      ResourceId: arn,
      TagsList: shownTags(record.tags),
    })),
  }),
};
