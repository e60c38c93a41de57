import { describe, expect, test } from 'vitest';
import { forEachAttribute, hasAttribute, resourcesOf, userNameOf } from './event-attributes.ts';
import type { AuditRecord } from './record.ts';

const ACCOUNT = '111122223333';

function record(members: Partial<AuditRecord>): AuditRecord {
  return {
    eventVersion: '1.11',
    userIdentity: { type: 'IAMUser', userName: 'alice', accessKeyId: 'AKIAIOSFODNN7EXAMPLE' },
    eventTime: '2026-11-22T10:30:00Z',
    eventSource: 'iam.amazonaws.com',
    eventName: 'CreateUser',
    awsRegion: 'us-east-1',
    sourceIPAddress: '127.0.0.1',
    userAgent: 'aws-cli/2',
    requestParameters: null,
    responseElements: null,
    eventID: '0d9a6f52-1c3b-4e8f-8f7a-6b5c4d3e2f10',
    readOnly: false,
    eventType: 'AwsApiCall',
    managementEvent: true,
    eventCategory: 'Management',
    ...members,
  };
}

test.each<[string, string | undefined, AuditRecord['userIdentity']]>([
  ['a user', 'alice', { type: 'IAMUser', userName: 'alice' }],
  ['root', 'root', { type: 'Root', principalId: ACCOUNT, arn: `arn:aws:iam::${ACCOUNT}:root` }],
  ['a session of a role', 'nightly', { type: 'AssumedRole', arn: `arn:aws:sts::${ACCOUNT}:assumed-role/app/nightly` }],
  ['a federated user', 'bob', { type: 'FederatedUser', arn: `arn:aws:sts::${ACCOUNT}:federated-user/bob` }],
  ['a web identity', 'subject', { type: 'WebIdentityUser', userName: 'subject' }],
  ['someone of another account', undefined, { type: 'AWSAccount', principalId: 'AIDAX', accountId: ACCOUNT }],
  ['nobody', undefined, { accountId: ACCOUNT, invokedBy: 'AWS Internal' }],
])('the name of %s', (_, name, identity) => {
  expect(userNameOf(identity)).toBe(name);
});

/** The kinds and names are those of AWS's answers to lookups of such events. */
describe('what an event is about', () => {
  const shown = (members: Partial<AuditRecord>) =>
    resourcesOf(record(members)).map(({ type, name }) => `${type} ${name}`);

  test('a user that is made has its id, its ARN and its name', () => {
    const arn = `arn:aws:iam::${ACCOUNT}:user/bob`;
    const responseElements = { user: { path: '/', userName: 'bob', userId: 'AIDAEXAMPLE', arn, createDate: 'x' } };
    const about = shown({ requestParameters: { userName: 'bob' }, responseElements });
    expect(about.sort()).toEqual(['AIDAEXAMPLE', arn, 'bob'].map((name) => `AWS::IAM::User ${name}`).sort());
  });

  test('a role that is assumed has its session by every name, and the access key', () => {
    const roleArn = `arn:aws:iam::${ACCOUNT}:role/app`;
    const arn = `arn:aws:sts::${ACCOUNT}:assumed-role/app/nightly`;
    const about = shown({
      eventSource: 'sts.amazonaws.com',
      eventName: 'AssumeRole',
      requestParameters: { roleArn, roleSessionName: 'nightly', durationSeconds: 900 },
      responseElements: {
        credentials: { accessKeyId: 'ASIAEXAMPLE', expiration: 'x' },
        assumedRoleUser: { assumedRoleId: 'AROAEXAMPLE:nightly', arn },
      },
      resources: [{ accountId: ACCOUNT, type: 'AWS::IAM::Role', ARN: roleArn }],
    });
    expect(about.sort()).toEqual([
      'AWS::IAM::AccessKey ASIAEXAMPLE',
      `AWS::IAM::Role ${roleArn}`,
      'AWS::STS::AssumedRole AROAEXAMPLE:nightly',
      `AWS::STS::AssumedRole ${arn}`,
      'AWS::STS::AssumedRole nightly',
    ]);
  });

  test('a trail has the name that the request gives', () => {
    const eventSource = 'cloudtrail.amazonaws.com';
    expect(shown({ eventSource, eventName: 'StopLogging', requestParameters: { name: 'main' } })).toEqual([
      'AWS::CloudTrail::Trail main',
    ]);
  });

  test('keys have their ARNs, and nothing that a request says besides', () => {
    const ARN = `arn:aws:kms:us-east-1:${ACCOUNT}:key/k`;
    const resources = [
      { accountId: ACCOUNT, type: 'AWS::KMS::Alias', ARN: `${ARN}-alias` },
      { accountId: ACCOUNT, type: 'AWS::KMS::Key', ARN },
    ] as const;
    const eventSource = 'kms.amazonaws.com';
    const requestParameters = { encryptionContext: { userName: 'x' }, keyId: 'alias/a' };
    expect(shown({ eventSource, requestParameters, resources })).toEqual([
      `AWS::KMS::Alias ${ARN}-alias`,
      `AWS::KMS::Key ${ARN}`,
    ]);
    expect(shown({ eventSource, requestParameters, resources: [resources[1]] })).toEqual([`AWS::KMS::Key ${ARN}`]);
    expect(shown({ eventSource, requestParameters })).toEqual([]);
  });
});

test('an event has what it is told to have', () => {
  const event = record({ requestParameters: { userName: 'bob', groupName: 'staff' } });
  const told: string[] = [];
  forEachAttribute(event, (attribute, value) => {
    told.push(`${attribute}=${value}`);
    expect(hasAttribute(event, attribute, value)).toBe(true);
  });
  expect(told).toEqual(
    expect.arrayContaining(['ReadOnly=false', 'Username=alice', 'ResourceName=bob', 'ResourceType=AWS::IAM::Group']),
  );
  expect(hasAttribute(event, 'Username', 'bob')).toBe(false);
});
