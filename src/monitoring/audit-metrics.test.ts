import { describe, expect, test } from 'vitest';
import type { AuditRecord } from '../audit/record.ts';
import { auditMetricsOf } from './audit-metrics.ts';
import { auditEvent, KEY_ID, keyResource } from './event.test-helper.ts';

/** `Name` or `Name{Dimension=value}`. */
function namesOf(record: AuditRecord): string[] {
  return auditMetricsOf(record).map(({ metric, values }) => {
    expect(metric.namespace).toBe('Keyhold/Audit');
    const dimensions = metric.dimensions.map((name, at) => `${name}=${values[at]}`);
    return dimensions.length === 0 ? metric.name : `${metric.name}{${dimensions.join()}}`;
  });
}

const alice = 'arn:aws:iam::111122223333:user/alice';

describe('UnauthorizedAttempts', () => {
  const denied = (more: Partial<AuditRecord> = {}) =>
    auditEvent('kms', 'Decrypt', { readOnly: true, errorCode: 'AccessDenied', resources: [keyResource()], ...more });

  test('are counted altogether, by key and by principal', () => {
    expect(namesOf(denied())).toEqual([
      'UnauthorizedAttempts',
      `UnauthorizedAttempts{KeyId=${KEY_ID}}`,
      `UnauthorizedAttempts{Principal=${alice}}`,
    ]);
  });

  test('of a session count for its role, however the session is called', () => {
    const role = { type: 'Role', arn: 'arn:aws:iam::111122223333:role/app' } as const;
    const userIdentity = {
      type: 'AssumedRole',
      arn: 'arn:aws:sts::111122223333:assumed-role/app/session-0815',
      accountId: '111122223333',
      sessionContext: { sessionIssuer: role, attributes: { creationDate: '', mfaAuthenticated: 'false' } },
    } as const;
    expect(namesOf(denied({ userIdentity, resources: [] }))).toEqual([
      'UnauthorizedAttempts',
      `UnauthorizedAttempts{Principal=${role.arn}}`,
    ]);
  });

  test('of another account’s caller count for that account, and for keys of one’s own only', () => {
    const userIdentity = { type: 'AWSAccount', accountId: '444455556666', principalId: 'AIDABOB' } as const;
    expect(namesOf(denied({ userIdentity, resources: [keyResource('444455556666')] }))).toEqual([
      'UnauthorizedAttempts',
      'UnauthorizedAttempts{Principal=444455556666}',
    ]);
  });

  test('are none where a request was refused for another reason', () => {
    expect(namesOf(denied({ errorCode: 'DisabledException' }))).toEqual([]);
    expect(namesOf(auditEvent('kms', 'Decrypt', { readOnly: true }))).toEqual([]);
  });

  test('are of tokens of OpenID providers, too', () => {
    const refused = { errorCode: 'IDPRejectedClaimException', readOnly: true, resources: [] };
    expect(namesOf(auditEvent('sts', 'AssumeRoleWithWebIdentity', refused))).toContain('UnauthorizedAttempts');
  });
});

describe('RootUsage', () => {
  const root = { type: 'Root', arn: 'arn:aws:iam::111122223333:root', accountId: '111122223333' } as const;

  test('is any use of root', () => {
    expect(namesOf(auditEvent('kms', 'ListKeys', { userIdentity: root, readOnly: true }))).toEqual(['RootUsage']);
    expect(namesOf(auditEvent('kms', 'DisableKey', { userIdentity: root }))).toEqual(['RootUsage', 'KeysDisabled']);
  });

  test('is not what is done for root, as CIS has it', () => {
    const userIdentity = { ...root, invokedBy: 'keyhold account create' };
    expect(namesOf(auditEvent('organizations', 'CreateAccount', { userIdentity }))).toEqual([]);
    expect(namesOf(auditEvent('kms', 'RotateKey', { userIdentity: root, eventType: 'AwsServiceEvent' }))).toEqual([]);
  });
});

describe('changes', () => {
  test.each<[string, string, string[]]>([
    ['kms', 'PutKeyPolicy', ['PolicyChanges']],
    ['kms', 'ScheduleKeyDeletion', ['KeyDeletionsScheduled']],
    ['kms', 'DisableKey', ['KeysDisabled']],
    ['kms', 'DeleteKey', ['KeysDeleted']],
    ['kms', 'DeleteExpiredKeyMaterial', ['KeyMaterialDeleted']],
    ['kms', 'CreateGrant', ['GrantsCreated']],
    ['kms', 'EnableKey', []],
    ['iam', 'AttachRolePolicy', ['PolicyChanges', 'IAMChanges']],
    ['iam', 'UpdateAssumeRolePolicy', ['PolicyChanges', 'IAMChanges']],
    ['iam', 'CreateUser', ['IAMChanges']],
    ['cloudtrail', 'StopLogging', ['TrailChanges']],
    ['cloudtrail', 'PutEventSelectors', ['TrailChanges']],
    ['cloudtrail', 'AddTags', []],
    ['monitoring', 'DeleteAlarms', ['AlarmChanges']],
    // An event of that name of another service.
    ['sts', 'CreateGrant', []],
    ['kms', 'constructor', []],
  ])('%s %s', (source, name, names) => {
    expect(namesOf(auditEvent(source, name))).toEqual(names);
  });

  test('count when they have been made, and not when they were refused', () => {
    expect(namesOf(auditEvent('kms', 'DisableKey', { errorCode: 'KMSInvalidStateException' }))).toEqual([]);
    const denied = namesOf(auditEvent('cloudtrail', 'StopLogging', { errorCode: 'AccessDenied' }));
    expect(denied).toEqual(['UnauthorizedAttempts', `UnauthorizedAttempts{Principal=${alice}}`]);
  });
});
