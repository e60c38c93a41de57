import { setTimeout } from 'node:timers/promises';
import {
  CreateAccessKeyCommand,
  CreateRoleCommand,
  type CreateRoleCommandInput,
  CreateUserCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  DeleteUserCommand,
  GetRoleCommand,
  GetUserCommand,
  IAMClient,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { CreateKeyCommand, DescribeKeyCommand, EncryptCommand, KMSClient, ListKeysCommand } from '@aws-sdk/client-kms';
import {
  AssumeRoleCommand,
  type AssumeRoleCommandInput,
  type AssumeRoleCommandOutput,
  type Credentials,
  DecodeAuthorizationMessageCommand,
  GetAccessKeyInfoCommand,
  GetCallerIdentityCommand,
  GetFederationTokenCommand,
  GetSessionTokenCommand,
  STSClient,
} from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditRecordsOf } from './support/audit.ts';
import { rawRequest } from './support/raw-request.ts';
import { cleanUp, readCredentials, startServer, type TestServer } from './support/server.ts';

/** Temporary credentials as their users see them, through AWS's own clients. */

interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

let server: TestServer;
let keyId: string;
/** The user `application`, who may assume roles and ask for tokens, and nothing else. */
let application: AccessKey;

const clientsOf = (credentials: AccessKey = server.credentials) => {
  const config = { endpoint: server.url, region: 'us-east-1', maxAttempts: 1, credentials };
  return { iam: new IAMClient(config), kms: new KMSClient(config), sts: new STSClient(config) };
};

function keysOf({ AccessKeyId, SecretAccessKey, SessionToken }: Credentials = {} as Credentials): AccessKey {
  return {
    accessKeyId: AccessKeyId ?? '',
    secretAccessKey: SecretAccessKey ?? '',
    ...(SessionToken === undefined ? {} : { sessionToken: SessionToken }),
  };
}

const policy = (...Statement: readonly object[]) => JSON.stringify({ Version: '2012-10-17', Statement });
const allow = (Action: string | readonly string[], Resource = '*', more: object = {}) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...more,
});
const userArn = (name: string) => `arn:aws:iam::${server.accountId}:user/${name}`;
const roleArn = (name: string) => `arn:aws:iam::${server.accountId}:role/${name}`;
const trusting = (AWS: string, more: object = {}, Action: string | readonly string[] = 'sts:AssumeRole') => ({
  Effect: 'Allow',
  Principal: { AWS },
  Action,
  ...more,
});

let roles = 0;

/** A role that may use KMS, trusted by these statements. */
async function makeRole(trust: readonly object[], more: Partial<CreateRoleCommandInput> = {}): Promise<string> {
  const RoleName = more.RoleName ?? `role-${++roles}`;
  const { iam } = clientsOf();
  await iam.send(new CreateRoleCommand({ ...more, RoleName, AssumeRolePolicyDocument: policy(...trust) }));
  await iam.send(
    new PutRolePolicyCommand({ RoleName, PolicyName: 'use', PolicyDocument: policy(allow(['kms:*', 'sts:*'])) }),
  );
  return RoleName;
}

async function makeUser(UserName: string, ...statements: readonly object[]): Promise<AccessKey> {
  const { iam } = clientsOf();
  await iam.send(new CreateUserCommand({ UserName }));
  if (statements.length > 0) {
    const PolicyDocument = policy(...statements);
    await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: 'may', PolicyDocument }));
  }
  const { AccessKey: made } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  return { accessKeyId: made?.AccessKeyId ?? '', secretAccessKey: made?.SecretAccessKey ?? '' };
}

function assume(
  role: string,
  more: Partial<AssumeRoleCommandInput> = {},
  as: AccessKey = application,
): Promise<AssumeRoleCommandOutput> {
  const RoleArn = role.startsWith('arn:') ? role : roleArn(role);
  return clientsOf(as).sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'session', ...more }));
}

async function sessionOf(role: string, more: Partial<AssumeRoleCommandInput> = {}, as?: AccessKey): Promise<AccessKey> {
  return keysOf((await assume(role, more, as)).Credentials);
}

const encrypt = (as: AccessKey) =>
  clientsOf(as).kms.send(new EncryptCommand({ KeyId: keyId, Plaintext: Buffer.from('secret') }));
const whoIs = async (as: AccessKey) => {
  const { Arn, UserId, Account } = await clientsOf(as).sts.send(new GetCallerIdentityCommand({}));
  return { Arn, UserId, Account };
};
const refused = (name: string, message?: string | RegExp) =>
  expect.objectContaining({
    name,
    ...(message === undefined
      ? {}
      : { message: typeof message === 'string' ? message : expect.stringMatching(message) }),
  });
const notAuthorized = (arn: string, action: string, resource: string) =>
  refused('AccessDenied', `User: ${arn} is not authorized to perform: ${action} on resource: ${resource}`);
const invalidToken = refused('InvalidClientTokenId', 'The security token included in the request is invalid.');

beforeAll(async () => {
  server = await startServer({ workers: 2 });
  const { KeyMetadata } = await clientsOf().kms.send(new CreateKeyCommand({}));
  keyId = KeyMetadata?.KeyId ?? '';
  application = await makeUser('application', allow(['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity']));
});

afterAll(() => cleanUp(server));

describe('a role that is assumed', () => {
  test('gives its permissions to a session, under the session’s own name', async () => {
    const role = await makeRole([trusting(server.accountId)]);
    await expect(encrypt(application)).rejects.toEqual(refused('AccessDeniedException'));
    const answer = await assume(role, { RoleSessionName: 'build-7' });
    const arn = `arn:aws:sts::${server.accountId}:assumed-role/${role}/build-7`;
    expect(answer.AssumedRoleUser).toEqual({ Arn: arn, AssumedRoleId: expect.stringMatching(/^AROA\w{17}:build-7$/) });
    expect(answer.Credentials?.AccessKeyId).toMatch(/^ASIA[A-Z2-7]{16}$/);
    expect(answer.PackedPolicySize).toBeUndefined();
    const lifeMs = (answer.Credentials?.Expiration?.getTime() ?? 0) - Date.now();
    expect(lifeMs).toBeGreaterThan(3590_000);
    expect(lifeMs).toBeLessThanOrEqual(3600_000);
    const session = keysOf(answer.Credentials);
    await encrypt(session);
    expect(await whoIs(session)).toEqual({
      Arn: arn,
      UserId: answer.AssumedRoleUser?.AssumedRoleId,
      Account: server.accountId,
    });
  });

  test('tells when a session last asked for something, also for what it may not, and where', async () => {
    const RoleName = await makeRole([trusting(server.accountId)]);
    const { iam } = clientsOf();
    const lastUsed = async () => (await iam.send(new GetRoleCommand({ RoleName }))).Role?.RoleLastUsed;
    const session = await sessionOf(RoleName);
    expect(await lastUsed()).toEqual({});
    const before = Math.floor(Date.now() / 1000) * 1000;
    await expect(clientsOf(session).iam.send(new GetUserCommand({ UserName: 'u' }))).rejects.toEqual(
      refused('AccessDenied'),
    );
    // The worker that has noted it tells at once, the other one when that is written down.
    const told = async (times: number): Promise<void> => {
      for (let seen = 0; seen < times; ) {
        const usage = await lastUsed();
        if (usage?.LastUsedDate === undefined) {
          seen = 0;
          await setTimeout(100);
          continue;
        }
        expect(usage.LastUsedDate.getTime()).toBeGreaterThanOrEqual(before);
        expect(usage.Region).toBe('us-east-1');
        seen++;
      }
    };
    await told(6);
    // Another role of the same name was never used.
    await iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: 'use' }));
    await iam.send(new DeleteRoleCommand({ RoleName }));
    await makeRole([trusting(server.accountId)], { RoleName });
    for (let turn = 0; turn < 4; turn++) expect(await lastUsed()).toEqual({});
  }, 20_000);

  test('is recorded with the session, and the session’s requests with the role', async () => {
    const role = await makeRole([trusting(userArn('application'), {}, ['sts:AssumeRole', 'sts:SetSourceIdentity'])]);
    const session = await sessionOf(role, { SourceIdentity: 'alice' });
    await encrypt(session);
    const records = await auditRecordsOf(server);
    const assumed = records.find(
      ({ requestParameters: asked }) => (asked as { roleArn?: string } | null)?.roleArn === roleArn(role),
    );
    expect(assumed).toMatchObject({
      eventSource: 'sts.amazonaws.com',
      userIdentity: { type: 'IAMUser', userName: 'application' },
      resources: [{ accountId: server.accountId, type: 'AWS::IAM::Role', ARN: roleArn(role) }],
      requestParameters: { roleArn: roleArn(role), roleSessionName: 'session', sourceIdentity: 'alice' },
      responseElements: { credentials: { accessKeyId: session.accessKeyId }, sourceIdentity: 'alice' },
    });
    expect(JSON.stringify(records)).not.toContain(session.sessionToken);
    expect(JSON.stringify(records)).not.toContain(session.secretAccessKey);
    expect(records.find(({ userIdentity }) => userIdentity.accessKeyId === session.accessKeyId)?.userIdentity).toEqual({
      type: 'AssumedRole',
      principalId: expect.stringMatching(/^AROA\w{17}:session$/),
      arn: `arn:aws:sts::${server.accountId}:assumed-role/${role}/session`,
      accountId: server.accountId,
      accessKeyId: session.accessKeyId,
      sessionContext: {
        sessionIssuer: {
          type: 'Role',
          principalId: expect.stringMatching(/^AROA\w{17}$/),
          arn: roleArn(role),
          accountId: server.accountId,
          userName: role,
        },
        attributes: { creationDate: expect.stringMatching(/^\d{4}-.*\dZ$/), mfaAuthenticated: 'false' },
        sourceIdentity: 'alice',
      },
    });
  });

  test('is refused in the same words whether it does not trust the caller or does not exist', async () => {
    const role = await makeRole([trusting(userArn('administrator'))]);
    const denied = (arn: string) => notAuthorized(userArn('application'), 'sts:AssumeRole', arn);
    await expect(assume(role)).rejects.toEqual(denied(roleArn(role)));
    await expect(assume('nobody')).rejects.toEqual(denied(roleArn('nobody')));
    await expect(assume('arn:aws:iam::999999999999:role/x')).rejects.toEqual(
      denied('arn:aws:iam::999999999999:role/x'),
    );
    await expect(assume('nobody', {}, server.credentials)).rejects.toEqual(
      notAuthorized(userArn('administrator'), 'sts:AssumeRole', roleArn('nobody')),
    );
    await expect(assume(`arn:aws:iam::${server.accountId}:user/application`)).rejects.toEqual(
      refused('ValidationError', `arn:aws:iam::${server.accountId}:user/application is invalid`),
    );
  });

  test('that trusts an account leaves it to the account’s policies, and one that trusts a user does not', async () => {
    const powerless = await makeUser('powerless');
    const byAccount = await makeRole([trusting(server.accountId)]);
    const byUser = await makeRole([trusting(userArn('powerless'))]);
    await expect(assume(byAccount, {}, powerless)).rejects.toEqual(refused('AccessDenied'));
    expect((await assume(byUser, {}, powerless)).Credentials).toBeDefined();
  });

  test('wants the external id, the session name or the source identity that its trust policy names', async () => {
    const condition = { StringEquals: { 'sts:ExternalId': '42' }, StringLike: { 'sts:RoleSessionName': 'ci-*' } };
    const role = await makeRole([trusting(server.accountId, { Condition: condition })]);
    const named = { RoleSessionName: 'ci-1' };
    await expect(assume(role, { ...named, ExternalId: '43' })).rejects.toEqual(refused('AccessDenied'));
    await expect(assume(role, named)).rejects.toEqual(refused('AccessDenied'));
    await expect(assume(role, { ExternalId: '42' })).rejects.toEqual(refused('AccessDenied'));
    await encrypt(await sessionOf(role, { ...named, ExternalId: '42' }));
    await expect(assume(role, { ...named, ExternalId: '42', SourceIdentity: 'bob' })).rejects.toEqual(
      notAuthorized(userArn('application'), 'sts:SetSourceIdentity', roleArn(role)),
    );
  });

  test('gives no session longer than it allows', async () => {
    const role = await makeRole([trusting(server.accountId)], { MaxSessionDuration: 7200 });
    await assume(role, { DurationSeconds: 7200 });
    await expect(assume(role, { DurationSeconds: 7201 })).rejects.toEqual(
      refused('ValidationError', 'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.'),
    );
    await expect(assume(role, { DurationSeconds: 899 })).rejects.toEqual(
      refused('ValidationError', /durationSeconds.*greater than or equal to 900/),
    );
  });

  test('is not for root, nor for callers who show an MFA device', async () => {
    const role = await makeRole([trusting(server.accountId)]);
    const root = readCredentials(server.dataDir.concat('/root-credentials'));
    await expect(assume(role, {}, root)).rejects.toEqual(
      refused('AccessDenied', 'Roles may not be assumed by root accounts.'),
    );
    const mfa = { SerialNumber: `arn:aws:iam::${server.accountId}:mfa/x`, TokenCode: '123456' };
    await expect(assume(role, mfa)).rejects.toEqual(refused('AccessDenied', /^MultiFactorAuthentication failed/));
  });
});

describe('session policies', () => {
  test('narrow a session down, and widen nothing', async () => {
    const role = await makeRole([trusting(server.accountId)]);
    const Policy = policy(allow(['kms:Encrypt', 'iam:*']));
    const answer = await assume(role, { Policy });
    expect(answer.PackedPolicySize).toBeGreaterThan(0);
    const session = keysOf(answer.Credentials);
    await encrypt(session);
    const describe = clientsOf(session).kms.send(new DescribeKeyCommand({ KeyId: keyId }));
    await expect(describe).rejects.toEqual(
      refused('AccessDeniedException', /because no session policy allows the kms:DescribeKey action$/),
    );
    const getUser = clientsOf(session).iam.send(new GetUserCommand({ UserName: 'application' }));
    await expect(getUser).rejects.toEqual(refused('AccessDenied'));
  });

  test('may be managed ones', async () => {
    const role = await makeRole([trusting(server.accountId)]);
    const arn = 'arn:aws:iam::aws:policy/ReadOnlyAccess';
    const session = await sessionOf(role, { PolicyArns: [{ arn }] });
    await clientsOf(session).kms.send(new ListKeysCommand({}));
    await expect(encrypt(session)).rejects.toEqual(refused('AccessDeniedException', /no session policy/));
    const none = { PolicyArns: [{ arn: 'arn:aws:iam::aws:policy/Nothing' }] };
    await expect(assume(role, none)).rejects.toEqual(refused('ValidationError', /does not exist/));
    const many = { PolicyArns: Array.from({ length: 11 }, (_, index) => ({ arn: `${arn}${index}` })) };
    await expect(assume(role, many)).rejects.toEqual(refused('ValidationError'));
  });

  test('that are malformed or too large are refused', async () => {
    const role = await makeRole([trusting(server.accountId)]);
    await expect(assume(role, { Policy: '{}' })).rejects.toEqual(refused('MalformedPolicyDocumentException'));
    const Policy = policy(allow('kms:Encrypt')).padEnd(2049);
    await expect(assume(role, { Policy })).rejects.toEqual(
      refused(
        'PackedPolicyTooLargeException',
        'Packed policy consumes 101% of allotted space, please use smaller policy.',
      ),
    );
  });
});

describe('a chain of roles', () => {
  test('lasts an hour at most, and keeps transitive tags and the source identity', async () => {
    const actions = ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'];
    const all = () => trusting(server.accountId, {}, actions);
    const [first, second] = [await makeRole([all()]), await makeRole([all()], { MaxSessionDuration: 7200 })];
    const tagged = [
      trusting(server.accountId, { Condition: { StringEquals: { 'aws:PrincipalTag/Team': 'blue' } } }, actions),
    ];
    const third = await makeRole(tagged);
    const tags = {
      Tags: [
        { Key: 'Team', Value: 'blue' },
        { Key: 'Step', Value: '1' },
      ],
      TransitiveTagKeys: ['team'],
      SourceIdentity: 'alice',
    };
    const one = await sessionOf(first, tags);
    await expect(assume(second, { DurationSeconds: 3601 }, one)).rejects.toEqual(
      refused(
        'ValidationError',
        'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining',
      ),
    );
    const answer = await assume(second, { Tags: [{ Key: 'Step', Value: '2' }] }, one);
    expect(answer.SourceIdentity).toBe('alice');
    const two = keysOf(answer.Credentials);
    expect((await assume(third, {}, two)).SourceIdentity).toBe('alice');
    // Once more: the tag was inherited, and is transitive again.
    expect((await assume(third, {}, keysOf((await assume(second, {}, two)).Credentials))).Credentials).toBeDefined();
    await expect(assume(third, {}, await sessionOf(second))).rejects.toEqual(refused('AccessDenied'));
    await expect(assume(second, { Tags: [{ Key: 'TEAM', Value: 'red' }] }, one)).rejects.toEqual(
      refused('InvalidParameterValue', /conflicts with a transitive tag key from the calling session/),
    );
    await expect(assume(second, { SourceIdentity: 'bob' }, one)).rejects.toEqual(refused('AccessDenied'));
  });

  test('leads to no role that does not let itself be tagged, when there are tags to inherit', async () => {
    const first = await makeRole([trusting(server.accountId, {}, ['sts:AssumeRole', 'sts:TagSession'])]);
    const second = await makeRole([trusting(server.accountId)]);
    const tags = { Tags: [{ Key: 'Team', Value: 'blue' }], TransitiveTagKeys: ['Team'] };
    const session = await sessionOf(first, tags);
    await expect(assume(second, {}, session)).rejects.toEqual(
      notAuthorized(
        `arn:aws:sts::${server.accountId}:assumed-role/${first}/session`,
        'sts:TagSession',
        roleArn(second),
      ),
    );
    expect((await assume(second, {}, await sessionOf(first))).Credentials).toBeDefined();
  });
});

describe('session tags', () => {
  test('are tags of the principal, before those of the role', async () => {
    const role = await makeRole([trusting(server.accountId, {}, ['sts:AssumeRole', 'sts:TagSession'])], {
      Tags: [{ Key: 'Team', Value: 'red' }],
    });
    const ifBlue = allow('kms:*', '*', { Condition: { StringEquals: { 'aws:PrincipalTag/Team': 'blue' } } });
    await clientsOf().iam.send(
      new PutRolePolicyCommand({ RoleName: role, PolicyName: 'use', PolicyDocument: policy(ifBlue) }),
    );
    await expect(encrypt(await sessionOf(role))).rejects.toEqual(refused('AccessDeniedException'));
    await encrypt(await sessionOf(role, { Tags: [{ Key: 'team', Value: 'blue' }] }));
  });

  test('are refused where they repeat a key, or transitive keys name none of them', async () => {
    const role = await makeRole([trusting(server.accountId, {}, ['sts:AssumeRole', 'sts:TagSession'])]);
    const twice = [
      { Key: 'a', Value: '1' },
      { Key: 'A', Value: '2' },
    ];
    await expect(assume(role, { Tags: twice })).rejects.toEqual(
      refused('InvalidParameterValue', /^Duplicate tag keys/),
    );
    const reserved = { Tags: [{ Key: 'AWS:team', Value: 'blue' }] };
    await expect(assume(role, reserved)).rejects.toEqual(refused('InvalidParameterValue', /reserved/));
    await expect(assume(role, { TransitiveTagKeys: ['b'] })).rejects.toEqual(refused('InvalidParameterValue'));
  });
});

describe('a session ends', () => {
  test('when its role does, also if there is another of that name', async () => {
    const role = await makeRole([trusting(server.accountId)]);
    const session = await sessionOf(role);
    await encrypt(session);
    const { iam } = clientsOf();
    await iam.send(new DeleteRolePolicyCommand({ RoleName: role, PolicyName: 'use' }));
    await iam.send(new DeleteRoleCommand({ RoleName: role }));
    await expect(encrypt(session)).rejects.toEqual(refused('UnrecognizedClientException'));
    await expect(whoIs(session)).rejects.toEqual(invalidToken);
    await makeRole([trusting(server.accountId)], { RoleName: role });
    await expect(encrypt(session)).rejects.toEqual(refused('UnrecognizedClientException'));
    await encrypt(await sessionOf(role));
  });

  test('when the role’s trust in whoever assumed it does, and not when that of others does', async () => {
    const role = await makeRole([trusting(server.accountId)]);
    const session = await sessionOf(role, { ExternalId: '42' });
    const trustNow = (...statements: readonly object[]) =>
      clientsOf().iam.send(
        new UpdateAssumeRolePolicyCommand({ RoleName: role, PolicyDocument: policy(...statements) }),
      );
    const onlyFor = (id: string) =>
      trusting(userArn('application'), { Condition: { StringEquals: { 'sts:ExternalId': id } } });
    await trustNow(onlyFor('42'));
    await encrypt(session);
    await trustNow(onlyFor('43'));
    await expect(encrypt(session)).rejects.toEqual(refused('UnrecognizedClientException'));
    await trustNow(trusting(server.accountId), { ...trusting(userArn('application')), Effect: 'Deny' });
    await expect(encrypt(session)).rejects.toEqual(refused('UnrecognizedClientException'));
  });
});

describe('the credentials of a user', () => {
  test('become temporary by GetSessionToken, which is good for KMS, and for nothing of IAM', async () => {
    const user = await makeUser('temporary', allow(['kms:*', 'iam:*', 'sts:*']));
    const { Credentials } = await clientsOf(user).sts.send(new GetSessionTokenCommand({ DurationSeconds: 900 }));
    const session = keysOf(Credentials);
    expect(await whoIs(session)).toEqual(await whoIs(user));
    await encrypt(session);
    const { iam, sts } = clientsOf(session);
    await expect(iam.send(new GetUserCommand({}))).rejects.toEqual(invalidToken);
    await expect(sts.send(new GetSessionTokenCommand({}))).rejects.toEqual(
      refused('AccessDenied', 'Cannot call GetSessionToken with session credentials'),
    );
    await expect(sts.send(new GetFederationTokenCommand({ Name: 'bob' }))).rejects.toEqual(
      refused('AccessDenied', 'Cannot call GetFederationToken with session credentials'),
    );
    const role = await makeRole([trusting(server.accountId)], { MaxSessionDuration: 7200 });
    // Not a chain: it is the user who assumes it.
    expect((await assume(role, { DurationSeconds: 7200 }, session)).Credentials).toBeDefined();
  });

  test('are not temporary where they come with someone’s token, nor is a token’s key good alone', async () => {
    const { Credentials } = await clientsOf(application).sts.send(new GetSessionTokenCommand({}));
    const session = keysOf(Credentials);
    const { accessKeyId, secretAccessKey, sessionToken = '' } = session;
    await expect(whoIs({ accessKeyId, secretAccessKey })).rejects.toEqual(invalidToken);
    await expect(whoIs({ ...application, sessionToken })).rejects.toEqual(invalidToken);
    const other = keysOf((await clientsOf(application).sts.send(new GetSessionTokenCommand({}))).Credentials);
    await expect(whoIs({ ...other, sessionToken })).rejects.toEqual(invalidToken);
    await expect(whoIs({ ...session, secretAccessKey: other.secretAccessKey })).rejects.toEqual(
      refused('SignatureDoesNotMatch'),
    );
  });

  test('of root last an hour, whatever is asked for', async () => {
    const root = readCredentials(server.dataDir.concat('/root-credentials'));
    const { Credentials } = await clientsOf(root).sts.send(new GetSessionTokenCommand({ DurationSeconds: 43_200 }));
    expect((Credentials?.Expiration?.getTime() ?? 0) - Date.now()).toBeLessThanOrEqual(3600_000);
    expect((await whoIs(keysOf(Credentials))).Arn).toBe(`arn:aws:iam::${server.accountId}:root`);
  });
});

describe('a federated user', () => {
  test('may do what both the user and the session policy allow', async () => {
    const broker = await makeUser('broker', allow(['kms:Encrypt', 'sts:GetFederationToken']));
    const { sts } = clientsOf(broker);
    const answer = await sts.send(
      new GetFederationTokenCommand({ Name: 'bob', Policy: policy(allow('kms:*')), DurationSeconds: 900 }),
    );
    const arn = `arn:aws:sts::${server.accountId}:federated-user/bob`;
    expect(answer.FederatedUser).toEqual({ Arn: arn, FederatedUserId: `${server.accountId}:bob` });
    const bob = keysOf(answer.Credentials);
    expect(await whoIs(bob)).toEqual({ Arn: arn, UserId: `${server.accountId}:bob`, Account: server.accountId });
    await encrypt(bob);
    await expect(clientsOf(bob).kms.send(new DescribeKeyCommand({ KeyId: keyId }))).rejects.toEqual(
      refused('AccessDeniedException'),
    );
    const role = await makeRole([trusting(server.accountId)]);
    await expect(assume(role, {}, bob)).rejects.toEqual(refused('AccessDenied'));
    await expect(clientsOf(bob).iam.send(new GetUserCommand({}))).rejects.toEqual(invalidToken);
    const records = await auditRecordsOf(server);
    expect(
      records.find(({ userIdentity }) => userIdentity.accessKeyId === bob.accessKeyId)?.userIdentity,
    ).toMatchObject({
      type: 'FederatedUser',
      sessionContext: { sessionIssuer: { type: 'IAMUser', userName: 'broker' } },
    });
  });

  test('may do nothing without a session policy', async () => {
    const broker = await makeUser('another-broker', allow(['kms:*', 'sts:GetFederationToken']));
    const { Credentials } = await clientsOf(broker).sts.send(new GetFederationTokenCommand({ Name: 'bob' }));
    await expect(encrypt(keysOf(Credentials))).rejects.toEqual(refused('AccessDeniedException', /no session policy/));
  });

  test('goes with the user who asked for it', async () => {
    const user = await makeUser('leaving', allow(['kms:*', 'sts:*']));
    const { sts } = clientsOf(user);
    const own = keysOf((await sts.send(new GetSessionTokenCommand({}))).Credentials);
    const Policy = policy(allow('kms:*'));
    const bob = keysOf((await sts.send(new GetFederationTokenCommand({ Name: 'bob', Policy }))).Credentials);
    await encrypt(own);
    await encrypt(bob);
    const { iam } = clientsOf();
    await removeUser(iam, 'leaving', user.accessKeyId);
    await expect(encrypt(own)).rejects.toEqual(refused('UnrecognizedClientException'));
    await expect(encrypt(bob)).rejects.toEqual(refused('UnrecognizedClientException'));
  });
});

async function removeUser(iam: IAMClient, UserName: string, AccessKeyId: string): Promise<void> {
  const { DeleteAccessKeyCommand, DeleteUserPolicyCommand } = await import('@aws-sdk/client-iam');
  await iam.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId }));
  await iam.send(new DeleteUserPolicyCommand({ UserName, PolicyName: 'may' }));
  await iam.send(new DeleteUserCommand({ UserName }));
}

describe('besides', () => {
  test('GetAccessKeyInfo tells whose account an access key is of, temporary or not', async () => {
    const { sts } = clientsOf();
    const session = await sessionOf(await makeRole([trusting(server.accountId)]));
    for (const AccessKeyId of [application.accessKeyId, session.accessKeyId]) {
      expect(await sts.send(new GetAccessKeyInfoCommand({ AccessKeyId }))).toMatchObject({ Account: server.accountId });
    }
    const unknown = new GetAccessKeyInfoCommand({ AccessKeyId: 'AKIAIOSFODNN7EXAMPLE' });
    await expect(sts.send(unknown)).rejects.toEqual(refused('ValidationError'));
  });

  test('DecodeAuthorizationMessage knows no message', async () => {
    const command = new DecodeAuthorizationMessageCommand({ EncodedMessage: 'garbage' });
    await expect(clientsOf().sts.send(command)).rejects.toEqual(
      refused('InvalidAuthorizationMessageException', 'Message is not valid.'),
    );
    await expect(clientsOf(application).sts.send(command)).rejects.toEqual(refused('AccessDenied'));
  });

  test('a session token is as long as it is asked to be', async () => {
    const role = await makeRole([trusting(server.accountId)]);
    for (const MinimumSessionTokenSize of [0, 1001, 4096]) {
      const session = await sessionOf(role, { MinimumSessionTokenSize });
      expect(session.sessionToken?.length).toBeGreaterThanOrEqual(MinimumSessionTokenSize);
      await encrypt(session);
    }
  });
});

test('a session outlives the server that began it, unless it began before --revoke-sessions-before', async () => {
  const { dataDir } = server;
  const [before, role] = [server, await makeRole([trusting(server.accountId)])];
  const session = await sessionOf(role);
  await before.stop();
  server = await startServer({ dataDir });
  await encrypt(session);
  await server.stop();
  server = await startServer({ dataDir, args: ['--revoke-sessions-before', new Date().toISOString()] });
  await expect(encrypt(session)).rejects.toEqual(refused('UnrecognizedClientException'));
  await encrypt(await sessionOf(role));
});

describe('in the sandbox', () => {
  let sandbox: TestServer;
  beforeAll(async () => {
    sandbox = await startServer({ args: ['--sandbox'] });
  });
  afterAll(() => cleanUp(sandbox));

  const clients = (credentials: AccessKey) => {
    const config = { endpoint: sandbox.url, region: 'us-east-1', maxAttempts: 1, credentials };
    return { iam: new IAMClient(config), kms: new KMSClient(config), sts: new STSClient(config) };
  };
  const anyone = { accessKeyId: 'test', secretAccessKey: 'test' };
  const ACCOUNT = '000000000000';

  test('whoever comes with any access key assumes the roles that trust the account, and is then held to their policies', async () => {
    const { iam, kms, sts } = clients(anyone);
    const AssumeRolePolicyDocument = policy(trusting(`arn:aws:iam::${ACCOUNT}:root`));
    const { Role } = await iam.send(new CreateRoleCommand({ RoleName: 'app', AssumeRolePolicyDocument }));
    const PolicyDocument = policy(allow('kms:ListKeys'));
    await iam.send(new PutRolePolicyCommand({ RoleName: 'app', PolicyName: 'p', PolicyDocument }));
    const { Credentials } = await sts.send(new AssumeRoleCommand({ RoleArn: Role?.Arn, RoleSessionName: 'session' }));
    const session = clients(keysOf(Credentials));
    await session.kms.send(new ListKeysCommand({}));
    await kms.send(new CreateKeyCommand({}));
    await expect(session.kms.send(new CreateKeyCommand({}))).rejects.toEqual(refused('AccessDeniedException'));
    // Whatever signed.
    const unsigned = clients({ ...keysOf(Credentials), secretAccessKey: 'anything' });
    expect((await unsigned.sts.send(new GetCallerIdentityCommand({}))).Arn).toBe(
      `arn:aws:sts::${ACCOUNT}:assumed-role/app/session`,
    );

    const trustsUser = policy(trusting(`arn:aws:iam::${ACCOUNT}:user/administrator`));
    await iam.send(new CreateRoleCommand({ RoleName: 'other', AssumeRolePolicyDocument: trustsUser }));
    const other = new AssumeRoleCommand({ RoleArn: `arn:aws:iam::${ACCOUNT}:role/other`, RoleSessionName: 'session' });
    await expect(sts.send(other)).rejects.toEqual(refused('AccessDenied'));
  });

  test('a role is assumed from another account where both sides allow it', async () => {
    const AssumeRolePolicyDocument = policy(trusting('444455556666'));
    await clients(anyone).iam.send(new CreateRoleCommand({ RoleName: 'visited', AssumeRolePolicyDocument }));
    const visited = `arn:aws:iam::${ACCOUNT}:role/visited`;
    const { iam } = clients({ accessKeyId: '444455556666', secretAccessKey: 'anything' });
    await iam.send(new CreateUserCommand({ UserName: 'visitor' }));
    const { AccessKey: made } = await iam.send(new CreateAccessKeyCommand({ UserName: 'visitor' }));
    const { sts } = clients({ accessKeyId: made?.AccessKeyId ?? '', secretAccessKey: 'anything' });
    const assumeIt = () => sts.send(new AssumeRoleCommand({ RoleArn: visited, RoleSessionName: 'visit' }));
    await expect(assumeIt()).rejects.toEqual(refused('AccessDenied'));
    const PolicyDocument = policy(allow('sts:AssumeRole', visited));
    await iam.send(new PutUserPolicyCommand({ UserName: 'visitor', PolicyName: 'p', PolicyDocument }));
    const session = clients(keysOf((await assumeIt()).Credentials));
    expect((await session.sts.send(new GetCallerIdentityCommand({}))).Account).toBe(ACCOUNT);
    const trustsOther = policy(trusting('111122223333'));
    await clients(anyone).iam.send(
      new UpdateAssumeRolePolicyCommand({ RoleName: 'visited', PolicyDocument: trustsOther }),
    );
    await expect(assumeIt()).rejects.toEqual(refused('AccessDenied'));
    await expect(session.sts.send(new GetCallerIdentityCommand({}))).rejects.toEqual(invalidToken);
  });

  test('a user that is known by its access key has its own permissions only', async () => {
    const { iam } = clients(anyone);
    await iam.send(new CreateUserCommand({ UserName: 'limited' }));
    const { AccessKey: made } = await iam.send(new CreateAccessKeyCommand({ UserName: 'limited' }));
    const limited = clients({ accessKeyId: made?.AccessKeyId ?? '', secretAccessKey: 'anything' });
    await expect(limited.kms.send(new ListKeysCommand({}))).rejects.toEqual(refused('AccessDeniedException'));
  });

  test('a session expires by the sandbox’s clock, and says so in the words of each protocol', async () => {
    const { sts } = clients(anyone);
    const session = clients(keysOf((await sts.send(new GetSessionTokenCommand({ DurationSeconds: 900 }))).Credentials));
    await session.kms.send(new ListKeysCommand({}));
    const advance = JSON.stringify({ advanceSeconds: 901 });
    await rawRequest(sandbox, { method: 'POST', path: '/_sandbox/clock', body: advance, signing: false });
    const message = 'The security token included in the request is expired';
    await expect(session.kms.send(new ListKeysCommand({}))).rejects.toEqual(refused('ExpiredTokenException', message));
    await expect(session.sts.send(new GetCallerIdentityCommand({}))).rejects.toEqual(refused('ExpiredToken', message));
  });
});
