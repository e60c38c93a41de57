import { memoryMetrics } from '../monitoring/memory-metrics.test-helper.ts';
import { seededRandom } from '../runtime/random.test-helper.ts';
import { testSealer } from '../store/sealed-memory-store.test-helper.ts';
import type { Store } from '../store/sealed-store.ts';
import { emptyHistory } from './cloudtrail/empty-history.test-helper.ts';
import { cloudTrailService } from './cloudtrail/index.ts';
import { type TrailRecord, trailKey, trailsTable } from './cloudtrail/records.ts';
import { type AlarmRecord, alarmArn, alarmKey, alarmsTable } from './cloudwatch/alarms/alarm-record.ts';
import { cloudWatchService } from './cloudwatch/index.ts';
import { metricQueries } from './cloudwatch/metrics/metric-queries.ts';
import { accessKeyUsages } from './iam/access-keys/usages.ts';
import { iamService } from './iam/index.ts';
import {
  accessKeysTable,
  accountsTable,
  attachmentName,
  attachmentsTable,
  groupMemberName,
  groupMembersTable,
  groupsTable,
  identityName,
  managedPoliciesTable,
  oidcProviderName,
  oidcProvidersTable,
  rolesTable,
  usersTable,
} from './iam/records.ts';
import { roleUsages } from './iam/roles/usages.ts';
import { createKey, machine } from './kms/kms.test-helper.ts';
import type { Service } from './perform.ts';
import type { SampleValues } from './sample-input.test-helper.ts';
import { ACCOUNT, keyPolicy, NOW, REGION, user } from './scope.test-helper.ts';
import { stsService } from './sts/index.ts';
import { sessionTokens } from './sts/sessions/session-token.ts';

/** An account with one of everything, and what requests about it say: for tests of all operations of all services. */

export interface ServiceUnderTest {
  readonly service: Service;
  readonly values: SampleValues;
  readonly ofOperation: Readonly<Record<string, SampleValues>>;
}

export const TAG = 'team';
const tag = { [TAG]: 'orders' };
const ROOT = `arn:aws:iam::${ACCOUNT}:root`;
const ISSUER = 'issuer.example.com';

const userArn = `arn:aws:iam::${ACCOUNT}:user/alice`;
const roleArn = `arn:aws:iam::${ACCOUNT}:role/app`;
const policyArn = `arn:aws:iam::${ACCOUNT}:policy/shared`;
const providerArn = `arn:aws:iam::${ACCOUNT}:oidc-provider/${ISSUER}`;
const trailArn = `arn:aws:cloudtrail:${REGION}:${ACCOUNT}:trail/sample`;
const ACCESS_KEY_ID = 'AKIAIOSFODNN7EXAMPLE';

const identityPolicy = JSON.stringify({
  Version: '2012-10-17',
  Statement: { Effect: 'Allow', Action: 'kms:Encrypt', Resource: '*' },
});
const trustPolicy = JSON.stringify({
  Version: '2012-10-17',
  Statement: {
    Effect: 'Allow',
    Principal: { AWS: ROOT },
    Action: ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'],
  },
});
const wholeKey = keyPolicy({ Effect: 'Allow', Principal: { AWS: ROOT }, Action: 'kms:*', Resource: '*' });

export async function servicesUnderTest(): Promise<readonly ServiceUnderTest[]> {
  const { store, worker } = machine();
  await populate(store);
  const kms = await worker(100, [], 'refused');
  const random = seededRandom('every operation');
  const iam = {
    service: iamService({ store, random, accessKeyUsages: accessKeyUsages(store), roleUsages: roleUsages(store) }),
    values: iamValues,
    ofOperation: iamOfOperation,
  };
  const sessions = {
    sessionTokens: sessionTokens(testSealer()),
    fetchJson: () => Promise.reject(new Error('nothing is fetched here')),
  };
  const cloudtrail = {
    service: cloudTrailService({ store, random, ...emptyHistory() }),
    values: cloudTrailValues,
    ofOperation: cloudTrailOfOperation,
  };
  const sts = { service: stsService({ store, random, ...sessions }), values: stsValues, ofOperation: {} };

  const KeyId = await createKey(kms, { Tags: [{ TagKey: TAG, TagValue: 'orders' }] });
  const otherKeyId = await createKey(kms);
  const multiRegionKeyId = await createKey(kms, { MultiRegion: true });
  await kms.call('ReplicateKey', { KeyId: multiRegionKeyId, ReplicaRegion: 'eu-west-1' });
  await kms.call('CreateAlias', { AliasName: 'alias/sample', TargetKeyId: KeyId });
  const context = { EncryptionContext: tag };
  const encrypted = await kms.call('Encrypt', { KeyId, Plaintext: Buffer.from('sample'), ...context });
  const granted = await kms.call('CreateGrant', {
    KeyId,
    GranteePrincipal: roleArn,
    RetiringPrincipal: roleArn,
    Operations: ['Encrypt'],
  });

  const values: SampleValues = {
    ...context,
    KeyId,
    SourceKeyId: KeyId,
    DestinationKeyId: otherKeyId,
    TargetKeyId: otherKeyId,
    AliasName: 'alias/sample',
    CiphertextBlob: encrypted['CiphertextBlob'],
    EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    SourceEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    DestinationEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    SourceEncryptionContext: tag,
    DestinationEncryptionContext: tag,
    Constraints: { EncryptionContextSubset: tag },
    GrantId: granted['GrantId'],
    GrantTokens: [granted['GrantToken']],
    GranteePrincipal: roleArn,
    RetiringPrincipal: roleArn,
    Operations: ['Encrypt', 'Decrypt'],
    Policy: wholeKey,
    PolicyName: 'default',
    Tags: [{ TagKey: TAG, TagValue: 'orders' }],
    TagKeys: [TAG],
    ReplicaRegion: 'ap-southeast-2',
    PrimaryRegion: 'eu-west-1',
    PendingWindowInDays: 7,
    RotationPeriodInDays: 90,
    ValidTo: new Date(NOW + 3_600_000),
    KeyMaterialId: '0'.repeat(64),
    CustomKeyStoreName: 'sample',
    CloudHsmClusterId: 'cluster-2a23b4cdefg',
    XksProxyUriEndpoint: 'https://xks.example.com',
    XksProxyUriPath: '/kms/xks/v1',
    XksProxyVpcEndpointServiceName: 'com.amazonaws.vpce.us-east-1.vpce-svc-example',
    XksProxyVpcEndpointServiceOwner: ACCOUNT,
    XksProxyAuthenticationCredential: { AccessKeyId: 'A'.repeat(20), RawSecretAccessKey: 'a'.repeat(43) },
    // Those that make no request by themselves, or exclude others.

    Marker: undefined,
    // A document of a real enclave is needed: see recipient-conditions.test.ts.
    Recipient: undefined,
    DryRunModifiers: undefined,
    CustomerMasterKeySpec: undefined,
    GranteeServicePrincipal: undefined,
    RetiringServicePrincipal: undefined,
  };
  const ofOperation: Record<string, SampleValues> = {
    CreateKey: {
      Origin: 'AWS_KMS',
      KeyUsage: 'ENCRYPT_DECRYPT',
      KeySpec: 'SYMMETRIC_DEFAULT',
      CustomKeyStoreId: undefined,
      XksKeyId: undefined,
    },
    Decrypt: { CiphertextBlob: values['CiphertextBlob'], ...context },
    ReEncrypt: { CiphertextBlob: values['CiphertextBlob'], SourceEncryptionContext: tag },
    GenerateRandom: { NumberOfBytes: 16, CustomKeyStoreId: undefined },
    ImportKeyMaterial: { ImportType: 'NEW_KEY_MATERIAL', ValidTo: values['ValidTo'], KeyMaterialId: undefined },
    CreateGrant: { GranteePrincipal: roleArn },
    ListRetirableGrants: { RetiringPrincipal: roleArn },
    RetireGrant: { KeyId, GrantId: granted['GrantId'], GrantToken: undefined },
    ReplicateKey: { KeyId: multiRegionKeyId },
    UpdatePrimaryRegion: { KeyId: multiRegionKeyId },
  };
  const cloudwatch = {
    service: cloudWatchService({ store, random, metrics: metricQueries(memoryMetrics()) }),
    values: cloudWatchValues,
    ofOperation: cloudWatchOfOperation,
  };
  return [{ service: kms.service, values, ofOperation }, iam, sts, cloudtrail, cloudwatch];
}

const identities = {
  PolicyDocument: identityPolicy,
  Tags: [{ Key: TAG, Value: 'orders' }],
  TagKeys: [TAG],
  AccessKeyId: ACCESS_KEY_ID,
  RoleArn: roleArn,
};

const iamValues: SampleValues = {
  ...identities,
  UserName: 'alice',
  GroupName: 'staff',
  RoleName: 'app',
  PolicyName: 'inline',
  PolicyArn: policyArn,
  PermissionsBoundary: policyArn,
  AssumeRolePolicyDocument: trustPolicy,
  Path: '/',
  NewPath: '/',
  PathPrefix: '/',
  VersionId: 'v1',
  OpenIDConnectProviderArn: providerArn,
  Url: `https://${ISSUER}`,
  ThumbprintList: ['9'.repeat(40)],
  AccountAlias: 'sample',
  PolicySourceArn: userArn,
  CallerArn: userArn,
  ResourceArns: ['*'],
  ActionNames: ['kms:Encrypt'],
  PolicyInputList: [identityPolicy],
  PermissionsBoundaryPolicyInputList: [identityPolicy],
  ResourcePolicy: wholeKey,
  ResourceOwner: ROOT,
  Marker: undefined,
};

/** Without a new name, updates work on one thing alone. */
const iamOfOperation: Record<string, SampleValues> = {
  UpdateUser: { NewUserName: 'bob' },
  UpdateGroup: { NewGroupName: 'others' },
  UpdateAssumeRolePolicy: { PolicyDocument: trustPolicy },
};

const stsValues: SampleValues = {
  ...identities,
  RoleSessionName: 'sample',
  DurationSeconds: 900,
  Policy: identityPolicy,
  PolicyArns: [{ arn: policyArn }],
  TransitiveTagKeys: [TAG],
  SourceIdentity: 'alice',
  SerialNumber: undefined,
  TokenCode: undefined,
  ProvidedContexts: undefined,
};

const alarm: AlarmRecord = {
  accountId: ACCOUNT,
  region: REGION,
  name: 'denials',
  actionsEnabled: true,
  okActions: [],
  alarmActions: ['arn:aws:sns:us-east-1:111122223333:watch'],
  insufficientDataActions: [],
  namespace: 'Shop',
  metricName: 'Denials',
  dimensions: [],
  statistic: 'Sum',
  periodSeconds: 60,
  evaluationPeriods: 1,
  threshold: 3,
  comparison: 'GreaterThanOrEqualToThreshold',
  tags: [{ key: TAG, value: 'orders' }],
  configurationUpdatedAtMs: NOW,
  state: { value: 'OK', reason: 'sample', updatedAtMs: NOW, transitionedAtMs: NOW },
};

const cloudTrailValues: SampleValues = {
  Name: 'sample',
  TrailName: 'sample',
  trailNameList: ['sample'],
  ResourceId: trailArn,
  ResourceIdList: [trailArn],
  S3BucketName: 'sample-bucket',
  S3KeyPrefix: 'sample',
  TagsList: [{ Key: TAG, Value: 'orders' }],
  EventSelectors: [{ ReadWriteType: 'All', ExcludeManagementEventSources: ['kms.amazonaws.com'] }],
  IncludeGlobalServiceEvents: true,
  StartTime: new Date(NOW - 1000),
  EndTime: new Date(NOW),
  // What other settings exclude, or this server has not.
  AdvancedEventSelectors: undefined,
  EventDataStore: undefined,
  SnsTopicName: undefined,
  CloudWatchLogsLogGroupArn: undefined,
  CloudWatchLogsRoleArn: undefined,
  KmsKeyId: undefined,
  IsOrganizationTrail: false,
  NextToken: undefined,
};

const cloudTrailOfOperation: Record<string, SampleValues> = {
  CreateTrail: { Name: 'another' },
  PutEventSelectors: { EventSelectors: cloudTrailValues['EventSelectors'] },
  GetInsightSelectors: { TrailName: 'sample' },
};

const trail: TrailRecord = {
  accountId: ACCOUNT,
  homeRegion: REGION,
  name: 'sample',
  bucketName: 'sample-bucket',
  includeGlobalServiceEvents: true,
  isMultiRegion: false,
  logFileValidation: true,
  tags: [{ key: TAG, value: 'orders' }],
  isLogging: true,
  createdAtMs: NOW,
};

const cloudWatchValues: SampleValues = {
  AlarmName: alarm.name,
  AlarmNames: [alarm.name, 'another'],
  AlarmNamePrefix: undefined,
  ChildrenOfAlarmName: undefined,
  ParentsOfAlarmName: undefined,
  OKActions: alarm.alarmActions,
  AlarmActions: alarm.alarmActions,
  InsufficientDataActions: alarm.alarmActions,
  ResourceARN: alarmArn(alarm),
  StateReasonData: '{}',
  Tags: [{ Key: TAG, Value: 'orders' }],
  TagKeys: [TAG],
  Period: 60,
  TreatMissingData: 'missing',
  EvaluateLowSampleCountPercentile: 'ignore',
  ExtendedStatistic: undefined,
  Namespace: 'Sample',
  MetricName: 'requests',
  Dimensions: [{ Name: 'Host', Value: 'a' }],
  MetricDataQueries: [
    { Id: 'm1', MetricStat: { Metric: { Namespace: 'Sample', MetricName: 'requests' }, Period: 60, Stat: 'Sum' } },
  ],
  StartTime: new Date(NOW - 3_600_000),
  EndTime: new Date(NOW),
  Unit: 'Count',
  // Those that exclude others, or make no request by themselves.
  EntityMetricData: undefined,
  StrictEntityValidation: undefined,
  ExtendedStatistics: undefined,
  NextToken: undefined,
};

/** What AWS requires, though its description does not. */
const cloudWatchOfOperation: Record<string, SampleValues> = {
  GetMetricStatistics: { Statistics: ['Sum'] },
  PutMetricData: { MetricData: [{ MetricName: 'requests', Value: 1 }] },
  PutMetricAlarm: {
    ...{ MetricName: 'Denials', Namespace: 'Shop', Statistic: 'Sum', Period: 60, EvaluationPeriods: 1 },
    ...{ Threshold: 3, ComparisonOperator: 'GreaterThanOrEqualToThreshold' },
    // What is refused as a whole.
    ...{ Metrics: undefined, ThresholdMetricId: undefined, EvaluationCriteria: undefined },
    ...{ EvaluationInterval: undefined, EvaluationWindow: undefined },
    ...{ WarmUpConfiguration: undefined, ActionConfiguration: undefined },
  },
};

async function populate(store: Store): Promise<void> {
  const { id: userId } = user('alice').principal;
  const bearer = { accountId: ACCOUNT, path: '/', createdAtMs: NOW, tags: [{ key: TAG, value: 'orders' }] };
  const policies = {
    inlinePolicies: [{ policyName: 'inline', document: identityPolicy }],
    attachedPolicies: [policyArn],
  };
  const bearers = [
    { policyArn, kind: 'User', name: 'alice', id: userId },
    { policyArn, kind: 'Group', name: 'staff', id: 'AGPASTAFFSTAFFSTAFFST' },
    { policyArn, kind: 'Role', name: 'app', id: 'AROAAPPAPPAPPAPPAPPAP' },
  ] as const;
  const [, group, role] = bearers;
  await store.transact(async (transaction) => {
    await transaction.create(alarmsTable, alarmKey(alarm), alarm);
    await transaction.create(accountsTable, ACCOUNT, { accountId: ACCOUNT, createdAtMs: NOW });
    await transaction.create(usersTable, identityName(ACCOUNT, 'alice'), {
      ...bearer,
      ...policies,
      userName: 'alice',
      userId,
      groups: ['staff'],
      accessKeyIds: [ACCESS_KEY_ID],
    });
    const secretAccessKey = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
    await transaction.create(accessKeysTable, ACCESS_KEY_ID, {
      accessKeyId: ACCESS_KEY_ID,
      secretAccessKey,
      accountId: ACCOUNT,
      userName: 'alice',
      status: 'Active',
      createdAtMs: NOW,
    });
    await transaction.create(groupsTable, identityName(ACCOUNT, 'staff'), {
      ...bearer,
      ...policies,
      groupName: 'staff',
      groupId: group.id,
    });
    await transaction.create(groupMembersTable, groupMemberName(ACCOUNT, 'staff', 'alice'), { userName: 'alice' });
    await transaction.create(rolesTable, identityName(ACCOUNT, 'app'), {
      ...bearer,
      ...policies,
      roleName: 'app',
      roleId: role.id,
      trustPolicy: { document: trustPolicy, principalIds: {} },
      maxSessionDurationS: 3600,
    });
    await transaction.create(managedPoliciesTable, identityName(ACCOUNT, 'shared'), {
      ...bearer,
      policyName: 'shared',
      policyId: 'ANPASHAREDSHAREDSHARE',
      updatedAtMs: NOW,
      defaultVersionId: 'v2',
      nextVersion: 3,
      versions: ['v1', 'v2'].map((versionId) => ({ versionId, document: identityPolicy, createdAtMs: NOW })),
    });
    await transaction.create(trailsTable, trailKey(ACCOUNT, REGION, 'sample'), trail);
    for (const each of bearers) await transaction.create(attachmentsTable, attachmentName(ACCOUNT, each), each);
    await transaction.create(oidcProvidersTable, oidcProviderName(ACCOUNT, ISSUER), {
      accountId: ACCOUNT,
      url: ISSUER,
      clientIds: ['sample'],
      thumbprints: [],
      tags: bearer.tags,
      createdAtMs: NOW,
    });
  });
}
