import type { AuditLoss } from '../audit/continuing-trail.ts';
import type { AuditRecord } from '../audit/record.ts';
import { isoSeconds } from '../runtime/iso-seconds.ts';
import type { Random } from '../runtime/random.ts';
import { INTERNAL } from './attempt-records.ts';
import { OWN_EVENT_SOURCE } from './audit-record.ts';

/** That records are missing, because the server was to go on without them: an event of the server itself, as AWS has none. */
export function auditLossJson(
  loss: AuditLoss,
  { accountId, stream, nowMs }: { readonly accountId: string; readonly stream: string; readonly nowMs: number },
  random: Random,
): string {
  return JSON.stringify({
    eventVersion: '1.11',
    userIdentity: { accountId, invokedBy: INTERNAL },
    eventTime: isoSeconds(nowMs),
    eventSource: OWN_EVENT_SOURCE,
    eventName: 'AuditRecordsLost',
    awsRegion: 'us-east-1',
    sourceIPAddress: INTERNAL,
    userAgent: INTERNAL,
    requestParameters: null,
    responseElements: null,
    eventID: random.uuid(),
    readOnly: false,
    eventType: 'AwsServiceEvent',
    managementEvent: true,
    recipientAccountId: accountId,
    serviceEventDetails: {
      stream,
      lostRecords: loss.records,
      lostFrom: new Date(loss.fromMs).toISOString(),
      lostTo: new Date(loss.toMs).toISOString(),
    },
    eventCategory: 'Management',
  } satisfies AuditRecord);
}
