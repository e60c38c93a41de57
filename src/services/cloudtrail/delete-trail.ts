import type { DeleteTrailRequest, DeleteTrailResponse } from '@aws-sdk/client-cloudtrail';
import { text } from '../../wire/cloudtrail-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import type { CloudTrailOperation } from './ports.ts';
import { trailStatusesTable, trailsTable } from './records.ts';
import { checkTrailReference } from './trail-name.ts';
import { type Trail, trailTarget } from './trail-target.ts';

/** What it has delivered stays. */
export const deleteTrail: CloudTrailOperation<DeleteTrailRequest, DeleteTrailResponse, { trail: Trail }> = {
  name: 'DeleteTrail',
  input: structure<DeleteTrailRequest>({ Name: required(text) }),
  validate: ({ Name }) => checkTrailReference(Name),
  targets: {
    trail: trailTarget({ permission: 'cloudtrail:DeleteTrail', trail: ({ Name }) => Name, from: 'home' }),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['Name'] },
  async handle({ targets: { trail }, transaction }) {
    await transaction.remove(trailsTable, trail.key, trail.version);
    const status = await transaction.get(trailStatusesTable, trail.key);
    if (status !== undefined) await transaction.remove(trailStatusesTable, trail.key, status.version);
    return {};
  },
};
