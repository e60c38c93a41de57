import type { AuditTrail } from '../audit/audit-trail.ts';
import type { AuditRecord } from '../audit/record.ts';
import { AWS_OWNED } from '../keys/key.ts';
import type { Random } from '../runtime/random.ts';
import { type Attempt, auditRecordJson, KMS_EVENT_SOURCE, secondsOf } from './audit-record.ts';
import type { Consequence } from './operation.ts';

/**
 * All that one request leaves in the log, each a line of JSON. CloudTrail delivers the event of a request to the caller's
 * account and to each that owns what it was about, as an event of its own with the `sharedEventID` of all of them; this log
 * holds every account's, so it has a line for each. Then come the consequences of a change.
 *
 * INVARIANT: whoever is denied access to what is another account's does not learn from their own trail whether it exists.
 */
export function attemptRecords(attempt: Attempt, random: Random): string[] {
  const { eventId, identity, touched, consequences = [], error } = attempt;
  const own = identity?.accountId ?? touched.find(isDelivered)?.accountId;
  const others = new Set<string>();
  for (const resource of touched) {
    if (resource.accountId !== own && isDelivered(resource)) others.add(resource.accountId);
  }
  if (others.size === 0 && consequences.length === 0) return [auditRecordJson(attempt, { eventId, recipient: own })];
  const denied = error?.code === 'AccessDeniedException';
  const shownToCaller = denied ? touched.filter(({ accountId }) => accountId === own) : touched;
  const shared = others.size === 0 || denied ? {} : { sharedEventId: random.uuid() };
  return [
    auditRecordJson({ ...attempt, touched: shownToCaller }, { eventId, recipient: own, ...shared }),
    ...Array.from(others, (recipient) => auditRecordJson(attempt, { eventId: random.uuid(), recipient, ...shared })),
    ...consequences.map((each) => consequenceRecord(each, { ...attempt, eventId: random.uuid() })),
  ];
}

/** Resolves once all of it is written, in one write. */
export function recordAttempt(attempt: Attempt, audit: AuditTrail, random: Random): Promise<void> {
  const records = attemptRecords(attempt, random);
  // Nearly always there is one, and this is on the way of every request.
  return records.length === 1 ? audit.append(records[0] as string) : appendAll(records, audit);
}

/** Nobody has a trail of what services do with their own keys. */
function isDelivered({ accountId }: { readonly accountId: string }): boolean {
  return accountId !== AWS_OWNED;
}

/** Records what happens by itself, and that it did not happen after all: then with the error that it ended in. */
export type ConsequenceRecorder = (consequences: readonly Consequence[], error?: Attempt['error']) => Promise<void>;

export function consequenceRecorder(audit: AuditTrail, random: Random, now: () => number): ConsequenceRecorder {
  return async (consequences, error) => {
    const cause = { nowMs: now(), requestId: random.uuid(), ...(error === undefined ? {} : { error }) };
    await appendAll(
      consequences.map((each) => consequenceRecord(each, { ...cause, eventId: random.uuid() })),
      audit,
    );
  };
}

async function appendAll(records: readonly string[], audit: AuditTrail): Promise<void> {
  await Promise.all(records.map((record) => audit.append(record)));
}

/** What led to it: a request, or the moment at which it was due. */
type Cause = Pick<Attempt, 'nowMs' | 'requestId' | 'eventId' | 'error'> &
  Partial<Pick<Attempt, 'identity' | 'sourceIp' | 'userAgent'>>;

/** Who does what nobody asks for, and where from, as CloudTrail calls it. */
export const INTERNAL = 'AWS Internal';

function consequenceRecord(consequence: Consequence, cause: Cause): string {
  const { eventName, accountId, region, resources, details, forCaller } = consequence;
  const { error } = cause;
  return JSON.stringify({
    eventVersion: '1.11',
    userIdentity:
      forCaller === undefined ? { accountId, invokedBy: INTERNAL } : { ...cause.identity, invokedBy: KMS_EVENT_SOURCE },
    eventTime: secondsOf(cause.nowMs),
    eventSource: KMS_EVENT_SOURCE,
    eventName,
    awsRegion: region,
    sourceIPAddress: (forCaller && cause.sourceIp) ?? INTERNAL,
    userAgent: (forCaller && cause.userAgent) ?? INTERNAL,
    ...(error === undefined ? {} : { errorCode: error.code, errorMessage: error.message }),
    requestParameters: forCaller?.requestParameters ?? null,
    responseElements: (error === undefined && forCaller?.responseElements) || null,
    ...(details === undefined ? { requestID: cause.requestId } : {}),
    eventID: cause.eventId,
    readOnly: false,
    ...(resources.length === 0 ? {} : { resources }),
    eventType: details === undefined ? 'AwsApiCall' : 'AwsServiceEvent',
    managementEvent: true,
    recipientAccountId: accountId,
    ...(details === undefined ? {} : { serviceEventDetails: details }),
    eventCategory: 'Management',
  } satisfies AuditRecord);
}
