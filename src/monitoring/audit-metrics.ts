import type { AuditRecord } from '../audit/record.ts';
import { type Counted, type CountedMetric, counted } from './counted.ts';

/**
 * The metrics of `Keyhold/Audit`: what somebody wants to be woken for, counted from audit records. They are what the metric
 * filters of the CIS AWS Foundations Benchmark count, as far as it is about KMS, IAM, CloudTrail and CloudWatch, and what
 * matters about keys besides.
 */

const SECOND_MS = 1000;
/** Keys that were asked for in vain, and principals who asked. */
const MOST_SERIES = 1000;

function metric(name: string, ...dimensions: string[]): CountedMetric {
  return {
    namespace: 'Keyhold/Audit',
    name,
    unit: 'Count',
    dimensions,
    resolutionMs: SECOND_MS,
    ...(dimensions.length === 0 ? {} : { mostSeries: MOST_SERIES }),
  };
}

const unauthorized = counted(metric('UnauthorizedAttempts'));
const unauthorizedByKey = metric('UnauthorizedAttempts', 'KeyId');
const unauthorizedByPrincipal = metric('UnauthorizedAttempts', 'Principal');
const rootUsage = counted(metric('RootUsage'));
const iamChanges = counted(metric('IAMChanges'));

const IAM = 'iam.amazonaws.com';
const KMS = 'kms.amazonaws.com';
const CLOUDTRAIL = 'cloudtrail.amazonaws.com';
const CLOUDWATCH = 'monitoring.amazonaws.com';

/** What is counted when it has succeeded, by the event. */
const countedEvents: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  PolicyChanges: {
    [KMS]: ['PutKeyPolicy'],
    [IAM]: [
      // Those of CIS.
      'DeleteGroupPolicy',
      'DeleteRolePolicy',
      'DeleteUserPolicy',
      'PutGroupPolicy',
      'PutRolePolicy',
      'PutUserPolicy',
      'CreatePolicy',
      'DeletePolicy',
      'CreatePolicyVersion',
      'DeletePolicyVersion',
      'AttachRolePolicy',
      'DetachRolePolicy',
      'AttachUserPolicy',
      'DetachUserPolicy',
      'AttachGroupPolicy',
      'DetachGroupPolicy',
      // And those that change what policies come to all the same.
      'SetDefaultPolicyVersion',
      'UpdateAssumeRolePolicy',
      'PutRolePermissionsBoundary',
      'PutUserPermissionsBoundary',
      'DeleteRolePermissionsBoundary',
      'DeleteUserPermissionsBoundary',
    ],
  },
  KeyDeletionsScheduled: { [KMS]: ['ScheduleKeyDeletion'] },
  KeysDisabled: { [KMS]: ['DisableKey'] },
  KeysDeleted: { [KMS]: ['DeleteKey'] },
  KeyMaterialDeleted: { [KMS]: ['DeleteImportedKeyMaterial', 'DeleteExpiredKeyMaterial'] },
  GrantsCreated: { [KMS]: ['CreateGrant'] },
  TrailChanges: {
    [CLOUDTRAIL]: ['CreateTrail', 'UpdateTrail', 'DeleteTrail', 'StartLogging', 'StopLogging', 'PutEventSelectors'],
  },
  AlarmChanges: {
    [CLOUDWATCH]: ['PutMetricAlarm', 'DeleteAlarms', 'DisableAlarmActions', 'EnableAlarmActions', 'SetAlarmState'],
  },
};

/**
 * Refusals of who is not known, or may not: as records spell them. CIS counts `AccessDenied*` and `*UnauthorizedOperation`, and
 * CloudTrail has no records of requests that were not authenticated; the others are of tokens of OpenID providers.
 */
const unauthorizedErrors: ReadonlySet<string> = new Set([
  'AccessDenied',
  'IDPRejectedClaimException',
  'InvalidIdentityTokenException',
  'ExpiredTokenException',
]);

/** Made once: that one event of a metric without dimensions happened. */
const countedByEvent = new Map<string, Counted>();
for (const [name, sources] of Object.entries(countedEvents)) {
  const once = counted(metric(name));
  for (const [source, events] of Object.entries(sources)) {
    for (const event of events) countedByEvent.set(`${source}/${event}`, once);
  }
}

const NOTHING: readonly Counted[] = [];

/** What a record counts as, in the account and Region that it belongs to. */
export function auditMetricsOf(record: AuditRecord): readonly Counted[] {
  const { errorCode, userIdentity, readOnly, eventSource } = record;
  const denied = errorCode !== undefined && unauthorizedErrors.has(errorCode);
  const isRoot = userIdentity.type === 'Root';
  // Nearly all records are of uses of keys that were allowed, and this is done for each.
  if (!denied && !isRoot && readOnly) return NOTHING;
  const all: Counted[] = [];
  if (denied) all.push(...unauthorizedAttempts(record));
  if (isRoot && userIdentity.invokedBy === undefined && record.eventType !== 'AwsServiceEvent') all.push(rootUsage);
  if (errorCode === undefined && !readOnly) {
    const change = countedByEvent.get(`${eventSource}/${record.eventName}`);
    if (change !== undefined) all.push(change);
    if (eventSource === IAM) all.push(iamChanges);
  }
  return all;
}

function unauthorizedAttempts(record: AuditRecord): Counted[] {
  const all: Counted[] = [unauthorized];
  for (const each of record.resources ?? []) {
    if (each.type !== 'AWS::KMS::Key' || each.accountId !== record.recipientAccountId) continue;
    all.push(counted(unauthorizedByKey, keyIdOf(each.ARN)));
  }
  const principal = principalOf(record.userIdentity);
  if (principal !== undefined) all.push(counted(unauthorizedByPrincipal, principal));
  return all;
}

/**
 * The ARN of the user or role that a session is of, whatever the session is called: whoever may begin sessions chooses their
 * names. Of someone of another account, that account.
 */
function principalOf({ arn, accountId, sessionContext }: AuditRecord['userIdentity']): string | undefined {
  return sessionContext?.sessionIssuer?.arn ?? arn ?? accountId;
}

function keyIdOf(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1);
}
