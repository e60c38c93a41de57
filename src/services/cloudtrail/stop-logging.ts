import type { StopLoggingRequest, StopLoggingResponse } from '@aws-sdk/client-cloudtrail';
import { text } from '../../wire/cloudtrail-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import type { CloudTrailOperation } from './ports.ts';
import { trailsTable } from './records.ts';
import { checkTrailReference } from './trail-name.ts';
import { type Trail, trailTarget } from './trail-target.ts';

/** The trail delivers no more; the audit trail of the server itself goes on, whatever happens to trails. */
export const stopLogging: CloudTrailOperation<StopLoggingRequest, StopLoggingResponse, { trail: Trail }> = {
  name: 'StopLogging',
  input: structure<StopLoggingRequest>({ Name: required(text) }),
  validate: ({ Name }) => checkTrailReference(Name),
  targets: {
    trail: trailTarget({ permission: 'cloudtrail:StopLogging', trail: ({ Name }) => Name, from: 'home' }),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['Name'] },
  async handle({ targets: { trail }, scope, transaction }) {
    if (!trail.record.isLogging) return {};
    const stopped = { ...trail.record, isLogging: false, stoppedLoggingAtMs: scope.nowMs };
    await transaction.replace(trailsTable, trail.key, stopped, trail.version);
    return {};
  },
};
