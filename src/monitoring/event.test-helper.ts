import type { AuditRecord } from '../audit/record.ts';

/** An audit record, for tests of what is made of them. */
export function auditEvent(source: string, eventName: string, more: Partial<AuditRecord> = {}): AuditRecord {
  return {
    eventVersion: '1.11',
    userIdentity: {
      type: 'IAMUser',
      principalId: 'AIDAALICE',
      arn: 'arn:aws:iam::111122223333:user/alice',
      accountId: '111122223333',
      userName: 'alice',
    },
    eventTime: '2026-11-22T10:30:15Z',
    eventSource: `${source}.amazonaws.com`,
    eventName,
    awsRegion: 'us-east-1',
    sourceIPAddress: '192.0.2.7',
    userAgent: 'test/1.0',
    requestParameters: null,
    responseElements: null,
    requestID: 'request',
    eventID: 'event',
    readOnly: false,
    eventType: 'AwsApiCall',
    managementEvent: true,
    recipientAccountId: '111122223333',
    eventCategory: 'Management',
    ...more,
  };
}

export const KEY_ID = '1234abcd-12ab-34cd-56ef-1234567890ab';

export function keyResource(accountId = '111122223333', keyId = KEY_ID) {
  return { accountId, type: 'AWS::KMS::Key' as const, ARN: `arn:aws:kms:us-east-1:${accountId}:key/${keyId}` };
}
