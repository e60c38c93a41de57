import type { DescribeTrailsRequest, DescribeTrailsResponse } from '@aws-sdk/client-cloudtrail';
import { flag, text } from '../../wire/cloudtrail-shapes.ts';
import { list, structure } from '../../wire/shapes.ts';
import { namelessAccountTarget } from '../account-target.ts';
import type { CloudTrailOperation } from './ports.ts';
import type { TrailRecord } from './records.ts';
import { shownTrail } from './shown-trail.ts';
import { checkTrailReference, trailArn, trailOf } from './trail-name.ts';
import { identityOf, isSeenIn, trailsOf } from './trails.ts';

/**
 * What is named and is not there is left out. Names are those of trails of this Region; those of other Regions are found by
 * their ARNs, if they apply to all Regions.
 */
export const describeTrails: CloudTrailOperation<
  DescribeTrailsRequest,
  DescribeTrailsResponse,
  { account: undefined }
> = {
  name: 'DescribeTrails',
  input: structure<DescribeTrailsRequest>({ trailNameList: list(text), includeShadowTrails: flag }),
  validate: ({ trailNameList = [] }) => trailNameList.forEach(checkTrailReference),
  targets: { account: namelessAccountTarget('cloudtrail:DescribeTrails') },
  effect: 'read',
  audit: { readOnly: true, request: ['trailNameList', 'includeShadowTrails'] },
  async handle({ input: { trailNameList = [], includeShadowTrails = true }, scope, ports }) {
    const { accountId } = scope.caller.principal;
    const here = { accountId, region: scope.region };
    const named = new Set(trailNameList.map((each) => trailArn(trailOf(each, here))));
    const isAsked = (trail: TrailRecord) => named.size === 0 || named.has(trailArn(identityOf(trail)));
    const isShown = (trail: TrailRecord) =>
      isSeenIn(scope.region, trail) && (includeShadowTrails || trail.homeRegion === scope.region);
    const trails = await trailsOf(ports.store, accountId);
    return { trailList: trails.filter((each) => isShown(each) && isAsked(each)).map(shownTrail) };
  },
};
