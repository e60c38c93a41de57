/**
 * An audit record in CloudTrail's record format, version 1.11 (AWS CloudTrail user guide, "CloudTrail record contents").
 * It never holds plaintext, key material or a secret: an operation's declaration names the members that may be shown.
 */
export interface AuditRecord {
  readonly eventVersion: '1.11';
  readonly userIdentity: AuditIdentity;
  /** ISO 8601, UTC, whole seconds. */
  readonly eventTime: string;
  readonly eventSource: string;
  readonly eventName: string;
  readonly awsRegion: string;
  readonly sourceIPAddress: string;
  readonly userAgent: string;
  readonly errorCode?: string;
  readonly errorMessage?: string;
  readonly requestParameters: object | null;
  readonly responseElements: object | null;
  readonly additionalEventData?: object;
  /** Not of what happens by itself, which nobody asked for. */
  readonly requestID?: string;
  readonly eventID: string;
  readonly readOnly: boolean;
  readonly resources?: readonly (AuditResource | DataResource)[];
  readonly eventType: 'AwsApiCall' | 'AwsServiceEvent';
  readonly managementEvent: boolean;
  /** Whose trail it belongs to. */
  readonly recipientAccountId?: string;
  /** Of one request that is in the trails of several accounts: the same in the record of each. */
  readonly sharedEventID?: string;
  /** Of an AwsServiceEvent: what happened. */
  readonly serviceEventDetails?: object;
  readonly eventCategory: 'Management' | 'Data';
  readonly tlsDetails?: {
    readonly tlsVersion: string;
    readonly cipherSuite: string;
    readonly clientProvidedHostHeader: string;
  };
}

export interface AuditIdentity {
  /** Absent where nobody asked: of an AwsServiceEvent. */
  readonly type?:
    | 'Root'
    | 'IAMUser'
    | 'AssumedRole'
    | 'FederatedUser'
    | 'WebIdentityUser'
    | 'AWSAccount'
    | 'AWSService'
    | 'Unknown';
  readonly principalId?: string;
  readonly arn?: string;
  readonly accountId?: string;
  readonly accessKeyId?: string;
  readonly userName?: string;
  readonly invokedBy?: string;
  /** Of a WebIdentityUser: the ARN of the OpenID provider. */
  readonly identityProvider?: string;
  /** Of temporary credentials. */
  readonly sessionContext?: AuditSession;
}

/** "CloudTrail userIdentity element", AWS CloudTrail user guide. */
export interface AuditSession {
  /** Whose permissions the session has; of a user's own session, none. */
  readonly sessionIssuer?: Omit<AuditIdentity, 'type'> & { readonly type: 'Role' | 'IAMUser' | 'Root' };
  readonly webIdFederationData?: { readonly federatedProvider: string; readonly attributes: object };
  readonly attributes: { readonly creationDate: string; readonly mfaAuthenticated: 'false' };
  readonly sourceIdentity?: string;
}

export interface AuditResource {
  readonly accountId: string;
  readonly type: 'AWS::KMS::Key' | 'AWS::KMS::Alias' | 'AWS::IAM::Role';
  readonly ARN: string;
}

/** What a data event is about, of which CloudTrail tells the kind alone. */
export interface DataResource {
  readonly type: 'AWS::CloudWatch::Metric';
}

/**
 * The record of a line of a stream; undefined of a line that no worker wrote.
 *
 * INVARIANT: whoever can write into the audit directory stops nobody who follows the streams with one line: what everyone looks
 * at is of its kind.
 */
export function recordOf(line: string): AuditRecord | undefined {
  try {
    const { record } = JSON.parse(line) as { record?: Partial<AuditRecord> | null };
    if (typeof record?.userIdentity !== 'object' || record.userIdentity === null) return undefined;
    const { eventTime, eventSource, eventName, awsRegion, eventID, recipientAccountId = '' } = record;
    const texts = [eventTime, eventSource, eventName, awsRegion, eventID, recipientAccountId];
    return texts.every((each) => typeof each === 'string') ? (record as AuditRecord) : undefined;
  } catch {
    return undefined;
  }
}
