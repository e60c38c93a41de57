import type { GetTrailStatusRequest, GetTrailStatusResponse } from '@aws-sdk/client-cloudtrail';
import { isoSeconds } from '../../runtime/iso-seconds.ts';
import { text } from '../../wire/cloudtrail-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import type { CloudTrailOperation } from './ports.ts';
import { type TrailRecord, type TrailStatusRecord, trailStatusesTable } from './records.ts';
import { checkTrailReference } from './trail-name.ts';
import { type Trail, trailTarget } from './trail-target.ts';

export const getTrailStatus: CloudTrailOperation<GetTrailStatusRequest, GetTrailStatusResponse, { trail: Trail }> = {
  name: 'GetTrailStatus',
  input: structure<GetTrailStatusRequest>({ Name: required(text) }),
  validate: ({ Name }) => checkTrailReference(Name),
  targets: {
    trail: trailTarget({ permission: 'cloudtrail:GetTrailStatus', trail: ({ Name }) => Name, from: 'any Region' }),
  },
  effect: 'read',
  audit: { readOnly: true, request: ['Name'] },
  async handle({ targets: { trail }, ports }) {
    const status = await ports.store.get(trailStatusesTable, trail.key);
    return shownStatus(trail.record, status?.value ?? {});
  },
};

/** The texts are "no longer in use", says the API reference; AWS still answers with them. */
function shownStatus(trail: TrailRecord, status: TrailStatusRecord): GetTrailStatusResponse {
  const { latestDeliveryAttemptAtMs, latestDeliveryAtMs, latestDeliveryError } = status;
  const { latestDigestDeliveryAtMs, latestDigestDeliveryError } = status;
  return {
    IsLogging: trail.isLogging,
    ...moment('LatestDeliveryTime', latestDeliveryAtMs),
    ...moment('StartLoggingTime', trail.startedLoggingAtMs),
    ...moment('StopLoggingTime', trail.stoppedLoggingAtMs),
    ...moment('LatestDigestDeliveryTime', latestDigestDeliveryAtMs),
    ...(latestDeliveryError === undefined ? {} : { LatestDeliveryError: latestDeliveryError }),
    ...(latestDigestDeliveryError === undefined ? {} : { LatestDigestDeliveryError: latestDigestDeliveryError }),
    LatestDeliveryAttemptTime: textOf(latestDeliveryAttemptAtMs),
    LatestDeliveryAttemptSucceeded: textOf(latestDeliveryAtMs),
    LatestNotificationAttemptTime: '',
    LatestNotificationAttemptSucceeded: '',
    TimeLoggingStarted: textOf(trail.startedLoggingAtMs),
    TimeLoggingStopped: textOf(trail.stoppedLoggingAtMs),
  };
}

function moment<Name extends string>(name: Name, timeMs: number | undefined): { [K in Name]?: Date } {
  return timeMs === undefined ? {} : ({ [name]: new Date(timeMs) } as { [K in Name]: Date });
}

function textOf(timeMs: number | undefined): string {
  return timeMs === undefined ? '' : isoSeconds(timeMs);
}
