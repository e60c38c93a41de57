import type { AuditIdentity, AuditRecord } from './record.ts';

/**
 * What CloudTrail's event history says of an event besides its record, and finds it by: the members of LookupEvents' `Event`.
 * AWS documents the members, and not how they follow from the record; the rules here are read off answers of AWS's that
 * people have published (CreateUser, AssumeRole, StopLogging and Describe calls of users, roles and services).
 */

export const eventAttributes = [
  'EventId',
  'EventName',
  'ReadOnly',
  'Username',
  'ResourceType',
  'ResourceName',
  'EventSource',
  'AccessKeyId',
] as const;

export type EventAttribute = (typeof eventAttributes)[number];

/** "The Event history doesn't record data events" ("Logging data events", AWS CloudTrail user guide). */
export function isInHistory({ eventCategory }: AuditRecord): boolean {
  return eventCategory !== 'Data';
}

export interface EventResource {
  readonly type: string;
  readonly name: string;
}

/**
 * A user's name, the name of a role's session or of a federated user, `root`; undefined for services, and for callers of
 * other accounts, of whom a record shows no name.
 */
export function userNameOf({ type, userName, arn }: AuditIdentity): string | undefined {
  switch (type) {
    case 'Root':
      return 'root';
    case 'AssumedRole':
    case 'FederatedUser':
      return arn?.slice(arn.lastIndexOf('/') + 1);
    default:
      return userName;
  }
}

type Parameters = Readonly<Record<string, unknown>>;

/** Of members of a request or a response that name something: what kind of thing. */
const NAMING_MEMBERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'iam.amazonaws.com': {
    userName: 'AWS::IAM::User',
    userId: 'AWS::IAM::User',
    groupName: 'AWS::IAM::Group',
    groupId: 'AWS::IAM::Group',
    roleName: 'AWS::IAM::Role',
    roleId: 'AWS::IAM::Role',
    policyName: 'AWS::IAM::Policy',
    policyId: 'AWS::IAM::Policy',
    policyArn: 'AWS::IAM::Policy',
    accessKeyId: 'AWS::IAM::AccessKey',
    accountAlias: 'AWS::IAM::AccountAlias',
    openIDConnectProviderArn: 'AWS::IAM::OpenIDConnectProvider',
  },
  'sts.amazonaws.com': {
    accessKeyId: 'AWS::IAM::AccessKey',
    assumedRoleId: 'AWS::STS::AssumedRole',
    roleSessionName: 'AWS::STS::AssumedRole',
    roleArn: 'AWS::IAM::Role',
  },
  'cloudtrail.amazonaws.com': {
    name: 'AWS::CloudTrail::Trail',
    trailName: 'AWS::CloudTrail::Trail',
    trailARN: 'AWS::CloudTrail::Trail',
    s3BucketName: 'AWS::S3::Bucket',
  },
};

/** Of what responses describe as a whole, the kind of thing that its member `arn` names. */
const DESCRIBED: Readonly<Record<string, string>> = {
  user: 'AWS::IAM::User',
  group: 'AWS::IAM::Group',
  role: 'AWS::IAM::Role',
  policy: 'AWS::IAM::Policy',
  assumedRoleUser: 'AWS::STS::AssumedRole',
};

const NOTHING: readonly EventResource[] = [];

/**
 * What an event is about, each by every name that the record has for it: of a user that is made the id, the ARN and the name.
 * Of a key that is the ARN alone.
 */
export function resourcesOf(record: AuditRecord): readonly EventResource[] {
  const { eventSource, requestParameters, responseElements, resources } = record;
  const kinds = NAMING_MEMBERS[eventSource];
  // Of nearly all events, which are KMS's.
  if (kinds === undefined) {
    if (resources === undefined) return NOTHING;
    const [only] = resources;
    if (resources.length === 1 && only !== undefined && 'ARN' in only) return [{ type: only.type, name: only.ARN }];
  }
  const found: EventResource[] = [];
  const add = (type: string | undefined, name: unknown) => {
    if (type === undefined || typeof name !== 'string' || name === '') return;
    if (!found.some((each) => each.name === name && each.type === type)) found.push({ type, name });
  };
  for (const part of [responseElements, requestParameters] as (Parameters | null)[]) {
    if (kinds === undefined || part === null) continue;
    for (const [member, value] of Object.entries(part)) {
      add(kinds[member], value);
      if (typeof value !== 'object' || value === null || Array.isArray(value)) continue;
      for (const [inner, name] of Object.entries(value)) {
        add(inner === 'arn' ? DESCRIBED[member] : kinds[inner], name);
      }
    }
  }
  for (const each of resources ?? []) if ('ARN' in each) add(each.type, each.ARN);
  return found;
}

/** Tells each attribute that an event has, with its value; resources may give one several times. */
export function forEachAttribute(record: AuditRecord, tell: (attribute: EventAttribute, value: string) => void): void {
  const { userIdentity } = record;
  tell('EventId', record.eventID);
  tell('EventName', record.eventName);
  tell('ReadOnly', String(record.readOnly));
  tell('EventSource', record.eventSource);
  const userName = userNameOf(userIdentity);
  if (userName !== undefined) tell('Username', userName);
  if (userIdentity.accessKeyId !== undefined) tell('AccessKeyId', userIdentity.accessKeyId);
  for (const { type, name } of resourcesOf(record)) {
    tell('ResourceType', type);
    tell('ResourceName', name);
  }
}

export function hasAttribute(record: AuditRecord, attribute: EventAttribute, value: string): boolean {
  let has = false;
  forEachAttribute(record, (each, its) => {
    has ||= each === attribute && its === value;
  });
  return has;
}
