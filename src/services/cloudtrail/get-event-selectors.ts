import type { GetEventSelectorsRequest, GetEventSelectorsResponse } from '@aws-sdk/client-cloudtrail';
import { text } from '../../wire/cloudtrail-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import type { CloudTrailOperation } from './ports.ts';
import { shownSelectors } from './shown-selectors.ts';
import { checkTrailReference } from './trail-name.ts';
import { type Trail, trailTarget } from './trail-target.ts';

export const getEventSelectors: CloudTrailOperation<
  GetEventSelectorsRequest,
  GetEventSelectorsResponse,
  { trail: Trail }
> = {
  name: 'GetEventSelectors',
  input: structure<GetEventSelectorsRequest>({ TrailName: required(text) }),
  validate: ({ TrailName }) => checkTrailReference(TrailName),
  targets: {
    trail: trailTarget({
      permission: 'cloudtrail:GetEventSelectors',
      trail: ({ TrailName }) => TrailName,
      from: 'any Region',
    }),
  },
  effect: 'read',
  audit: { readOnly: true, request: ['TrailName'] },
  handle: ({ targets: { trail } }) => shownSelectors(trail.record),
};
