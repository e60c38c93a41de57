import type { StartLoggingRequest, StartLoggingResponse } from '@aws-sdk/client-cloudtrail';
import { text } from '../../wire/cloudtrail-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import type { CloudTrailOperation } from './ports.ts';
import { trailsTable } from './records.ts';
import { checkTrailReference } from './trail-name.ts';
import { type Trail, trailTarget } from './trail-target.ts';

/** A trail that is logging already goes on as before. */
export const startLogging: CloudTrailOperation<StartLoggingRequest, StartLoggingResponse, { trail: Trail }> = {
  name: 'StartLogging',
  input: structure<StartLoggingRequest>({ Name: required(text) }),
  validate: ({ Name }) => checkTrailReference(Name),
  targets: {
    trail: trailTarget({ permission: 'cloudtrail:StartLogging', trail: ({ Name }) => Name, from: 'home' }),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['Name'] },
  async handle({ targets: { trail }, scope, transaction }) {
    if (trail.record.isLogging) return {};
    const logging = { ...trail.record, isLogging: true, startedLoggingAtMs: scope.nowMs };
    await transaction.replace(trailsTable, trail.key, logging, trail.version);
    return {};
  },
};
