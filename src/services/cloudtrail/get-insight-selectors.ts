import type { GetInsightSelectorsRequest, GetInsightSelectorsResponse } from '@aws-sdk/client-cloudtrail';
import { text } from '../../wire/cloudtrail-shapes.ts';
import { string, structure } from '../../wire/shapes.ts';
import { notHere, refuse } from './errors.ts';
import type { CloudTrailOperation } from './ports.ts';
import { checkTrailReference } from './trail-name.ts';
import { type Trail, trailTarget } from './trail-target.ts';

const eventDataStore = string({
  min: 3,
  max: 256,
  pattern: { printed: '^[a-zA-Z0-9._/\\-:]+$', matches: /^[a-zA-Z0-9._/\-:]+$/ },
});

/** No trail of this server has Insights. Tools that read a trail's settings ask all the same, and expect to be told so. */
export const getInsightSelectors: CloudTrailOperation<
  GetInsightSelectorsRequest,
  GetInsightSelectorsResponse,
  { trail: Trail }
> = {
  name: 'GetInsightSelectors',
  input: structure<GetInsightSelectorsRequest>({ TrailName: text, EventDataStore: eventDataStore }),
  validate: ({ TrailName, EventDataStore }) => {
    if (EventDataStore !== undefined) throw notHere('CloudTrail Lake (EventDataStore)');
    if (TrailName === undefined) refuse('InvalidParameterException', 'Give TrailName or EventDataStore.');
    checkTrailReference(TrailName);
  },
  targets: {
    trail: trailTarget({
      permission: 'cloudtrail:GetInsightSelectors',
      trail: ({ TrailName }) => TrailName,
      from: 'any Region',
    }),
  },
  effect: 'read',
  audit: { readOnly: true, request: ['TrailName', 'EventDataStore'] },
  handle: ({ targets: { trail } }) =>
    refuse('InsightNotEnabledException', `Trail ${trail.arn} does not have Insights enabled.`),
};
