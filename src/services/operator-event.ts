import type { AuditRecord } from '../audit/record.ts';
import { isoSeconds } from '../runtime/iso-seconds.ts';
import type { Random } from '../runtime/random.ts';
import { rootCaller } from './iam/callers.ts';

/** What an operator does without a request: with the data directory in hand, by a command or by the seed. */
export interface OperatorEvent {
  /** In whose trail it belongs, and as whose root it is done. */
  readonly accountId: string;
  /** `keyhold account create` */
  readonly by: string;
  readonly eventSource: string;
  readonly eventName: string;
  readonly requestParameters: object | null;
  readonly responseElements?: object;
  readonly nowMs: number;
  /** Of this server. */
  readonly version: string;
}

/** The operator has no access key and no name here, so it is the root of the account that acts, for the command. */
export function operatorIdentity(accountId: string, by: string): AuditRecord['userIdentity'] {
  const { accessKeyId: _, ...root } = rootCaller(accountId, '').auditIdentity;
  return { ...root, invokedBy: by };
}

/** Where an operator's requests come from, and what they come by, as records and policies see them. */
export function operatorOrigin(version: string): { readonly sourceIp: string; readonly userAgent: string } {
  return { sourceIp: '127.0.0.1', userAgent: `keyhold/${version}` };
}

export function operatorEventJson(event: OperatorEvent, random: Random): string {
  const { accountId, by, eventSource, eventName, requestParameters, responseElements, nowMs, version } = event;
  const { sourceIp, userAgent } = operatorOrigin(version);
  return JSON.stringify({
    eventVersion: '1.11',
    userIdentity: operatorIdentity(accountId, by),
    eventTime: isoSeconds(nowMs),
    eventSource,
    eventName,
    // Of services that are in no Region, as IAM and Organizations are, CloudTrail writes so.
    awsRegion: 'us-east-1',
    sourceIPAddress: sourceIp,
    userAgent,
    requestParameters,
    responseElements: responseElements ?? null,
    requestID: random.uuid(),
    eventID: random.uuid(),
    readOnly: false,
    eventType: 'AwsApiCall',
    managementEvent: true,
    recipientAccountId: accountId,
    eventCategory: 'Management',
  } satisfies AuditRecord);
}
