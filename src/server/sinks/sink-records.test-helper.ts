import type { AuditRecord } from '../../audit/record.ts';
import type { SinkRecord } from './sink-record.ts';

/** A record as a worker makes one. */
export function sinkRecord(members: Partial<AuditRecord> = {}): SinkRecord {
  const record: AuditRecord = {
    eventVersion: '1.11',
    userIdentity: {
      type: 'IAMUser',
      principalId: 'AIDAEXAMPLE',
      arn: 'arn:aws:iam::111122223333:user/administrator',
      accountId: '111122223333',
    },
    eventTime: '2026-11-26T10:30:00Z',
    eventSource: 'kms.amazonaws.com',
    eventName: 'ListKeys',
    awsRegion: 'us-east-1',
    sourceIPAddress: '192.0.2.1',
    userAgent: 'aws-cli',
    requestParameters: null,
    responseElements: null,
    requestID: '11111111-1111-4111-8111-111111111111',
    eventID: '22222222-2222-4222-8222-222222222222',
    readOnly: true,
    eventType: 'AwsApiCall',
    managementEvent: true,
    recipientAccountId: '111122223333',
    eventCategory: 'Management',
    ...members,
  };
  return { record, json: JSON.stringify(record) };
}
