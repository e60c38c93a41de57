import { beforeEach, describe, expect, test } from 'vitest';
import { ACCOUNT, NOW, OTHER_ACCOUNT, policy, REGION } from '../scope.test-helper.ts';
import { type CallOptions, cloudTrail } from './cloudtrail.test-helper.ts';
import { digestKeyKey, digestKeysTable, trailKey, trailStatusesTable } from './records.ts';

let trails: ReturnType<typeof cloudTrail>;
beforeEach(() => {
  trails = cloudTrail();
});

const ELSEWHERE = 'eu-west-1';
const arnOf = (name: string, region = REGION, accountId = ACCOUNT) =>
  `arn:aws:cloudtrail:${region}:${accountId}:trail/${name}`;

const create = (Name: string, more: object = {}, options: CallOptions = {}) =>
  trails.call('CreateTrail', { Name, S3BucketName: 'logs', ...more }, options);

const multiRegion = { IsMultiRegionTrail: true };

async function described(input: object, options: CallOptions = {}): Promise<string[]> {
  const { trailList } = await trails.call('DescribeTrails', input, options);
  return (trailList as { TrailARN: string }[]).map(({ TrailARN }) => TrailARN);
}

describe('CreateTrail', () => {
  test('answers with what the trail is', async () => {
    expect(await create('main', { S3KeyPrefix: 'a/b', EnableLogFileValidation: true })).toEqual({
      Name: 'main',
      S3BucketName: 'logs',
      S3KeyPrefix: 'a/b',
      IncludeGlobalServiceEvents: true,
      IsMultiRegionTrail: false,
      TrailARN: arnOf('main'),
      LogFileValidationEnabled: true,
      IsOrganizationTrail: false,
      RecursiveLogging: true,
    });
    expect(await trails.call('GetTrailStatus', { Name: 'main' })).toMatchObject({ IsLogging: false });
  });

  test.each<[string, string, string]>([
    ['', 'InvalidTrailNameException', 'Trail name cannot be blank!'],
    [
      'ab',
      'InvalidTrailNameException',
      'Trail name too short. Minimum allowed length: 3 characters. Specified name length: 2 characters.',
    ],
    [
      'a'.repeat(129),
      'InvalidTrailNameException',
      'Trail name too long. Maximum allowed length: 128 characters. Specified name length: 129 characters.',
    ],
    ['-trail', 'InvalidTrailNameException', 'Trail name must starts with a letter or number.'],
    ['trail-', 'InvalidTrailNameException', 'Trail name must ends with a letter or number.'],
    [
      'tra#il',
      'InvalidTrailNameException',
      'Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), hyphens (-), and underscores (_).',
    ],
    [
      'my-_trail',
      'InvalidTrailNameException',
      'Trail name or ARN cannot have adjacent periods (.), hyphens (-), or underscores (_).',
    ],
    ['192.168.5.4', 'InvalidTrailNameException', 'Trail names must not be formatted as an IP address.'],
  ])('refuses the name %j', async (name, code, message) => {
    await expect(create(name)).rejects.toMatchObject({ code, message });
  });

  test.each(['', 'ab', 'a'.repeat(64), 'Logs', 'lo_gs', '-logs', 'logs-', 'lo..gs', '192.168.5.4', '../logs', 'a/b'])(
    'refuses the bucket %j, which must not lead out of its directory',
    async (S3BucketName) => {
      await expect(create('main', { S3BucketName })).rejects.toMatchObject({ code: 'InvalidS3BucketNameException' });
    },
  );

  test.each(['..', 'a/../b', '/a', 'a/', 'a//b', '.', 'a b', 'a\\b', 'a\0b', 'a'.repeat(201)])(
    'refuses the prefix %j, which must not lead out of its bucket',
    async (S3KeyPrefix) => {
      await expect(create('main', { S3KeyPrefix })).rejects.toMatchObject({ code: 'InvalidS3PrefixException' });
    },
  );

  test.each([
    'AWSLogs',
    'a/awslogs',
    'AWSLogs/444455556666/CloudTrail-Digest/us-east-1/2026/11/26/444455556666_CloudTrail-Digest_us-east-1_it_us-east-1_20261126T170509Z.json.gz',
  ])('refuses the prefix %j, which leads to the files of an account', async (S3KeyPrefix) => {
    await expect(create('main', { S3KeyPrefix })).rejects.toMatchObject({ code: 'InvalidS3PrefixException' });
  });

  test.each<[object, string]>([
    [{ SnsTopicName: 'topic' }, 'UnsupportedOperationException'],
    [
      { CloudWatchLogsLogGroupArn: 'arn:aws:logs:us-east-1:111122223333:log-group:x:*' },
      'UnsupportedOperationException',
    ],
    [{ CloudWatchLogsRoleArn: 'arn:aws:iam::111122223333:role/x' }, 'UnsupportedOperationException'],
    [{ KmsKeyId: 'alias/logs' }, 'UnsupportedOperationException'],
    [{ IsOrganizationTrail: true }, 'OrganizationsNotInUseException'],
    [{ ...multiRegion, IncludeGlobalServiceEvents: false }, 'InvalidParameterCombinationException'],
    [{ TagsList: [{ Key: 'a' }, { Key: 'a' }] }, 'InvalidTagParameterException'],
    [{ TagsList: [{ Key: 'aws:a' }] }, 'InvalidTagParameterException'],
    [{ TagsList: [{ Key: 'a', Value: '<' }] }, 'InvalidTagParameterException'],
    [{ TagsList: Array.from({ length: 51 }, (_, at) => ({ Key: `k${at}` })) }, 'TagsLimitExceededException'],
  ])('refuses what delivery does not follow: %j', async (more, code) => {
    await expect(create('main', more)).rejects.toMatchObject({ code });
  });

  test('refuses a name that is taken, also by a trail of another Region that is seen in this one', async () => {
    await create('main');
    const taken = {
      code: 'TrailAlreadyExistsException',
      message: `Trail main already exists for customer: ${ACCOUNT}`,
    };
    await expect(create('main')).rejects.toMatchObject(taken);
    await create('main', {}, { region: ELSEWHERE });
    await create('main', {}, { accountId: OTHER_ACCOUNT });
    await create('wide', multiRegion);
    await expect(create('wide', {}, { region: ELSEWHERE })).rejects.toMatchObject({
      code: 'TrailAlreadyExistsException',
    });
    await expect(create('main', multiRegion, { region: 'eu-west-2' })).rejects.toMatchObject(taken);
  });

  test('refuses a sixth trail in a Region, in which those of all Regions count', async () => {
    await create('wide', multiRegion, { region: ELSEWHERE });
    for (const name of ['t01', 't02', 't03', 't04']) await create(name);
    await expect(create('t05')).rejects.toMatchObject({
      code: 'MaximumNumberOfTrailsExceededException',
      message: `User: ${ACCOUNT} already has 5 trails in ${REGION}.`,
    });
    await expect(create('t05', multiRegion, { region: 'eu-west-2' })).rejects.toMatchObject({
      code: 'MaximumNumberOfTrailsExceededException',
    });
    await create('t05', {}, { region: 'eu-west-2' });
  });

  test('takes a further permission where it brings tags', async () => {
    const mayCreate = { Effect: 'Allow', Action: 'cloudtrail:CreateTrail', Resource: '*' };
    const identityPolicies = [policy(mayCreate)];
    await create('main', {}, { identityPolicies });
    const tagged = { TagsList: [{ Key: 'team', Value: 'blue' }] };
    await expect(create('tagged', tagged, { identityPolicies })).rejects.toMatchObject({
      code: 'AccessDeniedException',
    });
  });
});

describe('a trail of another Region', () => {
  beforeEach(async () => {
    await create('wide', multiRegion);
    await create('narrow');
  });
  const there = { region: ELSEWHERE };

  test('is read by its ARN, if it applies to all Regions', async () => {
    expect(await trails.call('GetTrail', { Name: arnOf('wide') }, there)).toMatchObject({
      Trail: { Name: 'wide', HomeRegion: REGION },
    });
    await expect(trails.call('GetTrail', { Name: arnOf('narrow') }, there)).rejects.toMatchObject({
      code: 'TrailNotFoundException',
      message: `Unknown trail: ${arnOf('narrow')} for the user: ${ACCOUNT}`,
    });
    await expect(trails.call('GetTrail', { Name: 'wide' }, there)).rejects.toMatchObject({
      code: 'TrailNotFoundException',
      message: `Unknown trail: wide for the user: ${ACCOUNT}`,
    });
    await expect(trails.call('GetTrailStatus', { Name: 'wide' }, there)).rejects.toMatchObject({
      message: `Unknown trail: ${arnOf('wide', ELSEWHERE)} for the user: ${ACCOUNT}`,
    });
  });

  test('that is refused is named where a request is about one, as AWS does', async () => {
    const nobody = { identityPolicies: [] };
    const message = (action: string, where = '') =>
      `User: arn:aws:iam::${ACCOUNT}:user/caller is not authorized to perform: cloudtrail:${action}${where} ` +
      `because no identity-based policy allows the cloudtrail:${action} action`;
    for (const name of ['DescribeTrails', 'ListTrails', 'ListPublicKeys', 'LookupEvents']) {
      await expect(trails.call(name, {}, nobody)).rejects.toMatchObject({ message: message(name) });
    }
    await expect(trails.call('GetTrail', { Name: 'wide' }, nobody)).rejects.toMatchObject({
      message: message('GetTrail', ` on resource: ${arnOf('wide')}`),
    });
  });

  test.each<[string, (name: string) => object]>([
    ['UpdateTrail', (Name) => ({ Name })],
    ['DeleteTrail', (Name) => ({ Name })],
    ['StartLogging', (Name) => ({ Name })],
    ['StopLogging', (Name) => ({ Name })],
    ['PutEventSelectors', (TrailName) => ({ TrailName, EventSelectors: [{}] })],
  ])('is not changed by %s', async (operation, input) => {
    for (const name of ['wide', arnOf('wide')]) {
      await expect(trails.call(operation, input(name), there)).rejects.toMatchObject({
        code: 'InvalidHomeRegionException',
      });
    }
    for (const name of ['narrow', arnOf('narrow'), 'none', arnOf('none')]) {
      await expect(trails.call(operation, input(name), there)).rejects.toMatchObject({
        code: 'TrailNotFoundException',
      });
    }
    await trails.call(operation, input('wide'));
    await trails.call(operation, input(arnOf('narrow')));
  });

  test('is described as a shadow', async () => {
    await create('local', {}, there);
    expect(await described({}, there)).toEqual([arnOf('local', ELSEWHERE), arnOf('wide')]);
    expect(await described({ includeShadowTrails: false }, there)).toEqual([arnOf('local', ELSEWHERE)]);
    expect(await described({ trailNameList: ['wide', 'narrow', 'local'] }, there)).toEqual([arnOf('local', ELSEWHERE)]);
    expect(await described({ trailNameList: [arnOf('wide'), arnOf('narrow')] }, there)).toEqual([arnOf('wide')]);
    const { Trails } = await trails.call('ListTrails', {}, there);
    expect((Trails as { Name: string }[]).map(({ Name }) => Name)).toEqual(['local', 'narrow', 'wide']);
  });

  test('shows its tags at home alone', async () => {
    const input = { ResourceIdList: [arnOf('wide')] };
    await expect(trails.call('ListTags', input, there)).rejects.toMatchObject({
      code: 'CloudTrailARNInvalidException',
      message: `Region in ARN is wrong, you can only access resources in region ${ELSEWHERE}.`,
    });
    await trails.call('ListTags', input);
  });
});

describe('an ARN', () => {
  beforeEach(() => create('main'));

  test.each([
    'arn:aws:cloudtrail:us-east-1:111122223333:trail/ma',
    'arn:aws:cloudtrail:us-east-1:111122223333:main',
    'arn:aws:cloudtrail:us-east-1:11112222333:trail/main',
    'arn:aws-cn:cloudtrail:us-east-1:111122223333:trail/main',
    'arn:aws:kms:us-east-1:111122223333:trail/main',
    'arn:aws:cloudtrail:us-east-1:111122223333:trail/a/b',
  ])('that is not one of a trail is refused: %s', async (Name) => {
    await expect(trails.call('GetTrail', { Name })).rejects.toMatchObject({ code: 'CloudTrailARNInvalidException' });
  });

  test('of another account’s trail leads nowhere, whether or not there is one', async () => {
    await create('main', {}, { accountId: OTHER_ACCOUNT });
    for (const name of ['main', 'none']) {
      for (const operation of ['GetTrail', 'DeleteTrail']) {
        const input = { Name: arnOf(name, REGION, OTHER_ACCOUNT) };
        await expect(trails.call(operation, input)).rejects.toMatchObject({ code: 'AccessDeniedException' });
      }
    }
    expect(await described({ trailNameList: [arnOf('main', REGION, OTHER_ACCOUNT)] })).toEqual([]);
  });

  test('decides what a policy allows, whether the request has it or the name', async () => {
    const statement = { Effect: 'Allow', Action: 'cloudtrail:*', Resource: arnOf('main') };
    const identityPolicies = [policy(statement)];
    await create('other');
    for (const Name of ['main', arnOf('main')]) await trails.call('GetTrail', { Name }, { identityPolicies });
    for (const Name of ['other', arnOf('other'), 'none']) {
      await expect(trails.call('GetTrail', { Name }, { identityPolicies })).rejects.toMatchObject({
        code: 'AccessDeniedException',
      });
    }
  });
});

describe('UpdateTrail', () => {
  test('changes what it is asked to change, and nothing else', async () => {
    await create('main', { S3KeyPrefix: 'a', EnableLogFileValidation: true });
    const before = await trails.call('GetTrail', { Name: 'main' });
    await trails.call('UpdateTrail', { Name: 'main' });
    expect(await trails.call('GetTrail', { Name: 'main' })).toEqual(before);
    const { S3KeyPrefix, ...rest } = await trails.call('UpdateTrail', {
      Name: 'main',
      S3BucketName: 'other-logs',
      S3KeyPrefix: '',
      IsMultiRegionTrail: true,
      RecursiveLogging: false,
      KmsKeyId: '',
    });
    expect(S3KeyPrefix).toBeUndefined();
    expect(rest).toMatchObject({
      S3BucketName: 'other-logs',
      IsMultiRegionTrail: true,
      LogFileValidationEnabled: true,
      RecursiveLogging: false,
    });
  });

  test('refuses what CreateTrail would have refused', async () => {
    await create('main', { IncludeGlobalServiceEvents: false });
    await expect(trails.call('UpdateTrail', { Name: 'main', ...multiRegion })).rejects.toMatchObject({
      code: 'InvalidParameterCombinationException',
    });
    await create('other');
    await create('other', {}, { region: ELSEWHERE });
    await expect(trails.call('UpdateTrail', { Name: 'other', ...multiRegion })).rejects.toMatchObject({
      code: 'TrailAlreadyExistsException',
    });
    await expect(trails.call('UpdateTrail', { Name: 'main', SnsTopicName: 'topic' })).rejects.toMatchObject({
      code: 'UnsupportedOperationException',
    });
  });
});

describe('GetTrailStatus', () => {
  test('tells of logging, and of delivery as the monitor noted it', async () => {
    await create('main');
    await trails.call('StartLogging', { Name: 'main' }, { nowMs: NOW + 1000 });
    // It goes on as before.
    await trails.call('StartLogging', { Name: 'main' }, { nowMs: NOW + 2000 });
    await trails.store.transact((transaction) =>
      transaction.create(trailStatusesTable, trailKey(ACCOUNT, REGION, 'main'), {
        latestDeliveryAttemptAtMs: NOW + 5000,
        latestDeliveryAtMs: NOW + 4000,
        latestDeliveryError: 'AccessDenied',
        latestDigestDeliveryAtMs: NOW + 3000,
      }),
    );
    expect(await trails.call('GetTrailStatus', { Name: 'main' })).toEqual({
      IsLogging: true,
      StartLoggingTime: new Date(NOW + 1000),
      LatestDeliveryTime: new Date(NOW + 4000),
      LatestDeliveryError: 'AccessDenied',
      LatestDigestDeliveryTime: new Date(NOW + 3000),
      LatestDeliveryAttemptTime: '2026-11-22T10:30:20Z',
      LatestDeliveryAttemptSucceeded: '2026-11-22T10:30:19Z',
      LatestNotificationAttemptTime: '',
      LatestNotificationAttemptSucceeded: '',
      TimeLoggingStarted: '2026-11-22T10:30:16Z',
      TimeLoggingStopped: '',
    });
    await trails.call('StopLogging', { Name: 'main' }, { nowMs: NOW + 9000 });
    expect(await trails.call('GetTrailStatus', { Name: 'main' })).toMatchObject({
      IsLogging: false,
      StartLoggingTime: new Date(NOW + 1000),
      StopLoggingTime: new Date(NOW + 9000),
    });
    await trails.call('DeleteTrail', { Name: 'main' });
    await create('main');
    expect(await trails.call('GetTrailStatus', { Name: 'main' })).not.toHaveProperty('LatestDeliveryTime');
  });
});

describe('tags', () => {
  const tagsOf = async (name: string) => {
    const { ResourceTagList } = await trails.call('ListTags', { ResourceIdList: [arnOf(name)] });
    return (ResourceTagList as { TagsList: object[] }[])[0]?.TagsList;
  };

  test('are added, replaced and removed', async () => {
    await create('main', { TagsList: [{ Key: 'team', Value: 'blue' }, { Key: 'bare' }] });
    const ResourceId = arnOf('main');
    await trails.call('AddTags', {
      ResourceId,
      TagsList: [
        { Key: 'team', Value: 'red' },
        { Key: 'tier', Value: '1' },
      ],
    });
    expect(await tagsOf('main')).toEqual([{ Key: 'team', Value: 'red' }, { Key: 'bare' }, { Key: 'tier', Value: '1' }]);
    const gone = [{ Key: 'bare' }, { Key: 'tier', Value: '2' }, { Key: 'none' }];
    await trails.call('RemoveTags', { ResourceId, TagsList: gone });
    expect(await tagsOf('main')).toEqual([
      { Key: 'team', Value: 'red' },
      { Key: 'tier', Value: '1' },
    ]);
    const more = Array.from({ length: 49 }, (_, at) => ({ Key: `k${at}` }));
    await expect(trails.call('AddTags', { ResourceId, TagsList: more })).rejects.toMatchObject({
      code: 'TagsLimitExceededException',
    });
  });

  test('are listed of several trails, each of which the caller must be allowed', async () => {
    await create('first');
    await create('second');
    const ResourceIdList = [arnOf('first'), arnOf('second')];
    const { ResourceTagList } = await trails.call('ListTags', { ResourceIdList });
    expect(ResourceTagList).toEqual(ResourceIdList.map((ResourceId) => ({ ResourceId, TagsList: [] })));
    const allowed = { Effect: 'Allow', Action: 'cloudtrail:ListTags', Resource: arnOf('first') };
    const identityPolicies = [policy(allowed)];
    await trails.call('ListTags', { ResourceIdList: [arnOf('first')] }, { identityPolicies });
    await expect(trails.call('ListTags', { ResourceIdList }, { identityPolicies })).rejects.toMatchObject({
      code: 'AccessDeniedException',
    });
    await expect(trails.call('ListTags', { ResourceIdList: [] })).rejects.toMatchObject({
      code: 'InvalidParameterException',
    });
    await expect(
      trails.call('ListTags', { ResourceIdList: Array.from({ length: 21 }, () => arnOf('first')) }),
    ).rejects.toMatchObject({ code: 'InvalidParameterException' });
  });

  test('decide what policies say about a trail', async () => {
    await create('blue', { TagsList: [{ Key: 'team', Value: 'blue' }] });
    await create('red', { TagsList: [{ Key: 'team', Value: 'red' }] });
    const Condition = { StringEquals: { 'aws:ResourceTag/team': 'blue' } };
    const identityPolicies = [policy({ Effect: 'Allow', Action: 'cloudtrail:*', Resource: '*', Condition })];
    await trails.call('StopLogging', { Name: 'blue' }, { identityPolicies });
    await expect(trails.call('StopLogging', { Name: 'red' }, { identityPolicies })).rejects.toMatchObject({
      code: 'AccessDeniedException',
    });
  });

  test.each<[string, string]>([
    ['main', 'CloudTrailARNInvalidException'],
    [arnOf('none'), 'ResourceNotFoundException'],
    [
      `arn:aws:cloudtrail:${REGION}:${ACCOUNT}:eventdatastore/EXAMPLE-f852-4e8f-8bd1-bcf6cEXAMPLE`,
      'ResourceTypeNotSupportedException',
    ],
  ])('are of no other things: %s', async (ResourceId, code) => {
    await create('main');
    const TagsList = [{ Key: 'a' }];
    await expect(trails.call('AddTags', { ResourceId, TagsList })).rejects.toMatchObject({ code });
    await expect(trails.call('RemoveTags', { ResourceId, TagsList })).rejects.toMatchObject({ code });
    await expect(trails.call('ListTags', { ResourceIdList: [ResourceId] })).rejects.toMatchObject({ code });
  });
});

describe('ListPublicKeys', () => {
  const DAY = 24 * 3_600_000;
  const publicKey = Buffer.from('a public key').toString('base64');

  test('shows those of the account and Region that were valid at the time', async () => {
    const keys: [accountId: string, region: string, fingerprint: string, fromMs: number, toMs: number][] = [
      [ACCOUNT, REGION, 'old', NOW - 60 * DAY, NOW - 30 * DAY],
      [ACCOUNT, REGION, 'now', NOW - 30 * DAY, NOW + 30 * DAY],
      [ACCOUNT, ELSEWHERE, 'elsewhere', NOW - DAY, NOW + DAY],
      [OTHER_ACCOUNT, REGION, 'theirs', NOW - DAY, NOW + DAY],
    ];
    await trails.store.transact(async (transaction) => {
      for (const [accountId, region, fingerprint, validFromMs, validToMs] of keys) {
        const record = { accountId, region, fingerprint, publicKey, validFromMs, validToMs, wrapped: '' };
        await transaction.create(digestKeysTable, digestKeyKey(accountId, region, fingerprint), record);
      }
    });
    expect(await trails.call('ListPublicKeys')).toEqual({
      PublicKeyList: [
        {
          Value: Buffer.from('a public key'),
          ValidityStartTime: new Date(NOW - 30 * DAY),
          ValidityEndTime: new Date(NOW + 30 * DAY),
          Fingerprint: 'now',
        },
      ],
    });
    const fingerprints = async (input: object) => {
      const { PublicKeyList } = await trails.call('ListPublicKeys', input);
      return (PublicKeyList as { Fingerprint: string }[]).map(({ Fingerprint }) => Fingerprint);
    };
    expect(await fingerprints({ StartTime: new Date(NOW - 31 * DAY) })).toEqual(['now', 'old']);
    const longAgo = { StartTime: new Date(NOW - 40 * DAY), EndTime: new Date(NOW - 35 * DAY) };
    expect(await fingerprints(longAgo)).toEqual(['old']);
    await expect(fingerprints({ StartTime: new Date(NOW + DAY) })).rejects.toMatchObject({
      code: 'InvalidTimeRangeException',
    });
  });
});
