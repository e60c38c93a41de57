import type { ListTrailsRequest, ListTrailsResponse } from '@aws-sdk/client-cloudtrail';
import { text } from '../../wire/cloudtrail-shapes.ts';
import { structure } from '../../wire/shapes.ts';
import { namelessAccountTarget } from '../account-target.ts';
import { refuseToken } from './next-token.ts';
import type { CloudTrailOperation } from './ports.ts';
import { trailArn } from './trail-name.ts';
import { identityOf, trailsOf } from './trails.ts';

/** Those of all Regions. */
export const listTrails: CloudTrailOperation<ListTrailsRequest, ListTrailsResponse, { account: undefined }> = {
  name: 'ListTrails',
  input: structure<ListTrailsRequest>({ NextToken: text }),
  validate: refuseToken,
  targets: { account: namelessAccountTarget('cloudtrail:ListTrails') },
  effect: 'read',
  audit: { readOnly: true, request: [] },
  async handle({ scope, ports }) {
    const trails = await trailsOf(ports.store, scope.caller.principal.accountId);
    return {
      Trails: trails.map((each) => ({
        TrailARN: trailArn(identityOf(each)),
        Name: each.name,
        HomeRegion: each.homeRegion,
      })),
    };
  },
};
