import type { GetTrailRequest, GetTrailResponse } from '@aws-sdk/client-cloudtrail';
import { text } from '../../wire/cloudtrail-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { unknownTrail } from './errors.ts';
import type { CloudTrailOperation } from './ports.ts';
import { shownTrail } from './shown-trail.ts';
import { checkTrailReference } from './trail-name.ts';
import { type Trail, trailTarget } from './trail-target.ts';

export const getTrail: CloudTrailOperation<GetTrailRequest, GetTrailResponse, { trail: Trail }> = {
  name: 'GetTrail',
  input: structure<GetTrailRequest>({ Name: required(text) }),
  validate: ({ Name }) => checkTrailReference(Name),
  targets: {
    trail: trailTarget({
      permission: 'cloudtrail:GetTrail',
      trail: ({ Name }) => Name,
      from: 'any Region',
      // Unlike most others, it repeats what it was given.
      missing: ({ given }, accountId) => unknownTrail(given, accountId),
    }),
  },
  effect: 'read',
  audit: { readOnly: true, request: ['Name'] },
  handle: ({ targets: { trail } }) => ({ Trail: shownTrail(trail.record) }),
};
