import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { awsCliFor, awsCliReadsEndpointUrl, environmentWith } from './support/aws-cli.ts';
import { awsCli, describeWith } from './support/clients.ts';
import { document, trustOf } from './support/iam.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

/**
 * What operators do with an account from its first day on, by nothing but `aws iam`, `aws sts` and `aws kms`: each test is a
 * chapter, and goes on where the one before it ended. At the end the account is as it was.
 */
describeWith(awsCli, 'an account through the AWS CLI', () => {
  let server: TestServer;
  let files: string;
  let account: string;
  /** How the account was on its first day. */
  let untouched: unknown;
  let keyId: string;
  let clerk: { AccessKeyId: string; SecretAccessKey: string };

  beforeAll(async () => {
    server = await startServer();
    files = mkdtempSync(join(tmpdir(), 'keyhold-cli-'));
    account = `arn:aws:iam::${server.accountId}`;
  });
  afterAll(async () => {
    if (files !== undefined) rmSync(files, { recursive: true, force: true });
    await cleanUp(server);
  });

  const admin = (...args: readonly string[]) => awsCliFor(server).answer(...args);
  const iam = (...args: readonly string[]) => admin('iam', ...args);
  const refusedIam = (...args: readonly string[]) => awsCliFor(server).refusal('iam', ...args);
  const as = (credentials: Parameters<typeof environmentWith>[0]) => awsCliFor(server, environmentWith(credentials));
  const clerkArn = () => `${account}:user/teams/clerk`;
  const roleArn = () => `${account}:role/apps/archive`;
  const ownPolicy = () => `${account}:policy/teams/assume-apps`;
  const powerUser = 'arn:aws:iam::aws:policy/AWSKeyManagementServicePowerUser';

  /** Everything there is, but for what AWS brings. */
  async function everything() {
    const kinds = ['User', 'Role', 'Group', 'LocalManagedPolicy'];
    return {
      details: await iam('get-account-authorization-details', '--filter', ...kinds),
      summary: await iam('get-account-summary'),
    };
  }

  test('begins with its administrator', async () => {
    expect(await admin('sts', 'get-caller-identity')).toMatchObject({
      Account: server.accountId,
      Arn: `${account}:user/administrator`,
    });
    untouched = await everything();
    expect(untouched).toMatchObject({
      details: {
        UserDetailList: [{ UserName: 'administrator' }],
        RoleDetailList: [],
        GroupDetailList: [],
        Policies: [],
      },
      summary: { SummaryMap: { Users: 1, Roles: 0, Groups: 0, Policies: 0 } },
    });
  }, 60_000);

  test('gets a group with policies, and in it a user with a key of its own', async () => {
    await iam('create-group', '--group-name', 'clerks', '--path', '/teams/');
    const assumeApps = document({ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: `${account}:role/apps/*` });
    const named = ['--policy-name', 'assume-apps', '--path', '/teams/', '--policy-document', assumeApps];
    const { Policy } = await iam('create-policy', ...named);
    expect(Policy.Arn).toBe(ownPolicy());
    await iam('wait', 'policy-exists', '--policy-arn', ownPolicy());
    for (const arn of [powerUser, ownPolicy()]) {
      await iam('attach-group-policy', '--group-name', 'clerks', '--policy-arn', arn);
    }
    await iam('create-user', '--user-name', 'clerk', '--path', '/teams/', '--tags', 'Key=team,Value=clerks');
    await iam('wait', 'user-exists', '--user-name', 'clerk');
    clerk = (await iam('create-access-key', '--user-name', 'clerk')).AccessKey;

    const list = ['kms', 'list-keys'];
    expect(await as(clerk).refusal(...list)).toContain(
      `User: ${clerkArn()} is not authorized to perform: kms:ListKeys`,
    );
    await iam('add-user-to-group', '--group-name', 'clerks', '--user-name', 'clerk');
    expect(await as(clerk).answer(...list)).toEqual({ Keys: [] });
    keyId = (await as(clerk).answer('kms', 'create-key', '--description', 'archive')).KeyMetadata.KeyId;
    expect(await as(clerk).refusal('iam', 'get-user', '--user-name', 'administrator')).toBe(
      `An error occurred (AccessDenied) when calling the GetUser operation: User: ${clerkArn()} is not authorized to perform: iam:GetUser on resource: user administrator because no identity-based policy allows the iam:GetUser action`,
    );
  }, 120_000);

  test('gets a role, which the user assumes to use a key', async () => {
    const named = ['--role-name', 'archive'];
    const trust = trustOf({ AWS: clerkArn() });
    await iam('create-role', ...named, '--path', '/apps/', '--assume-role-policy-document', trust);
    await iam('wait', 'role-exists', ...named);
    const use = document({ Effect: 'Allow', Action: ['kms:Encrypt', 'kms:Decrypt'], Resource: '*' });
    await iam('put-role-policy', ...named, '--policy-name', 'use', '--policy-document', use);
    await iam('attach-role-policy', ...named, '--policy-arn', 'arn:aws:iam::aws:policy/ReadOnlyAccess');

    const assume = ['sts', 'assume-role', '--role-arn', roleArn(), '--role-session-name', 'clerk'];
    const { Credentials, AssumedRoleUser } = await as(clerk).answer(...assume);
    expect(AssumedRoleUser.Arn).toBe(`arn:aws:sts::${server.accountId}:assumed-role/archive/clerk`);
    await encryptAndDecrypt((...args) => as(Credentials).answer(...args));
    // Neither what the user may do, nor what the user who made the role may.
    expect(await as(Credentials).refusal('kms', 'create-key')).toContain(
      `User: ${AssumedRoleUser.Arn} is not authorized`,
    );
    expect(await awsCliFor(server).refusal(...assume)).toContain('is not authorized to perform: sts:AssumeRole');
  }, 120_000);

  async function encryptAndDecrypt(aws: (...args: readonly string[]) => Promise<Record<string, string>>) {
    const [plaintext, ciphertext] = [join(files, 'plaintext'), join(files, 'ciphertext')];
    writeFileSync(plaintext, 'to be kept');
    const encrypt = ['kms', 'encrypt', '--key-id', keyId, '--plaintext', `fileb://${plaintext}`];
    const { CiphertextBlob = '' } = await aws(...encrypt);
    writeFileSync(ciphertext, Buffer.from(CiphertextBlob, 'base64'));
    const { Plaintext = '' } = await aws('kms', 'decrypt', '--ciphertext-blob', `fileb://${ciphertext}`);
    expect(Buffer.from(Plaintext, 'base64').toString()).toBe('to be kept');
  }

  test.runIf(awsCliReadsEndpointUrl())(
    'gives the role to a profile, which assumes it by itself',
    async () => {
      const home = {
        AWS_CONFIG_FILE: join(files, 'config'),
        AWS_SHARED_CREDENTIALS_FILE: join(files, 'credentials'),
      };
      const aws = awsCliFor(server, home);
      const settings = {
        'profile.clerk.aws_access_key_id': clerk.AccessKeyId,
        'profile.clerk.aws_secret_access_key': clerk.SecretAccessKey,
        'profile.archive.role_arn': roleArn(),
        'profile.archive.source_profile': 'clerk',
        'profile.archive.role_session_name': 'by-profile',
        'profile.archive.duration_seconds': '900',
      };
      for (const [name, value] of Object.entries(settings)) await aws.answer('configure', 'set', name, value);
      const inProfile = (...args: readonly string[]) => aws.answer(...args, '--profile', 'archive');
      expect((await inProfile('sts', 'get-caller-identity')).Arn).toBe(
        `arn:aws:sts::${server.accountId}:assumed-role/archive/by-profile`,
      );
      await encryptAndDecrypt(inProfile);
    },
    120_000,
  );

  test('replaces the key of its user', async () => {
    const ofClerk = ['--user-name', 'clerk'];
    const old = clerk;
    clerk = (await iam('create-access-key', ...ofClerk)).AccessKey;
    expect(await refusedIam('create-access-key', ...ofClerk)).toBe(
      'An error occurred (LimitExceeded) when calling the CreateAccessKey operation: Cannot exceed quota for AccessKeysPerUser: 2',
    );
    const whoAmI = ['sts', 'get-caller-identity'];
    for (const key of [old, clerk]) expect(await as(key).answer(...whoAmI)).toMatchObject({ Arn: clerkArn() });

    await iam('update-access-key', ...ofClerk, '--access-key-id', old.AccessKeyId, '--status', 'Inactive');
    expect(await as(old).refusal(...whoAmI)).toContain(
      '(InvalidClientTokenId) when calling the GetCallerIdentity operation: The security token included in the request is invalid',
    );
    const { AccessKeyMetadata } = await iam('list-access-keys', ...ofClerk);
    expect(AccessKeyMetadata).toHaveLength(2);
    expect(AccessKeyMetadata).toContainEqual(
      expect.objectContaining({ AccessKeyId: old.AccessKeyId, Status: 'Inactive' }),
    );
    await iam('update-access-key', ...ofClerk, '--access-key-id', old.AccessKeyId, '--status', 'Active');
    await as(old).answer(...whoAmI);
    await iam('delete-access-key', ...ofClerk, '--access-key-id', old.AccessKeyId);
    expect(await as(old).refusal(...whoAmI)).toContain('(InvalidClientTokenId)');
    await as(clerk).answer(...whoAmI);
  }, 120_000);

  test('tells of itself, whole or page by page', async () => {
    const { details, summary } = await everything();
    expect(summary.SummaryMap).toMatchObject({ Users: 2, Groups: 1, Roles: 1, Policies: 1, PolicyVersionsInUse: 4 });
    expect(details.UserDetailList).toMatchObject([
      { UserName: 'administrator' },
      { UserName: 'clerk', GroupList: ['clerks'], Tags: [{ Key: 'team', Value: 'clerks' }] },
    ]);
    expect(details.GroupDetailList).toMatchObject([
      {
        Arn: `${account}:group/teams/clerks`,
        AttachedManagedPolicies: [{ PolicyArn: powerUser }, { PolicyArn: ownPolicy() }],
      },
    ]);
    expect(details.RoleDetailList).toMatchObject([
      { Arn: roleArn(), AssumeRolePolicyDocument: JSON.parse(trustOf({ AWS: clerkArn() })) },
    ]);
    expect(details.Policies).toMatchObject([{ Arn: ownPolicy(), AttachmentCount: 1 }]);

    const list = ['list-policies', '--scope', 'All', '--page-size', '2'];
    const all: unknown[] = (await iam('list-policies', '--scope', 'All')).Policies;
    const paged: unknown[] = [];
    for (let token: string | undefined = ''; token !== undefined; ) {
      const from: readonly string[] = token === '' ? [] : ['--starting-token', token];
      const { Policies, NextToken } = await iam(...list, '--max-items', String(Math.ceil(all.length / 2)), ...from);
      paged.push(...Policies);
      token = NextToken;
    }
    expect(all.length).toBeGreaterThan(4);
    expect(paged).toEqual(all);
  }, 120_000);

  test('foretells what its user may do', async () => {
    const actions = ['--action-names', 'kms:CreateKey', 'kms:ScheduleKeyDeletion', 'sts:AssumeRole'];
    const simulate = ['simulate-principal-policy', '--policy-source-arn', clerkArn(), ...actions];
    const decisions = async (...resources: readonly string[]) => {
      const { EvaluationResults } = await iam(...simulate, '--resource-arns', ...resources);
      return EvaluationResults.map((each: { EvalActionName: string; EvalDecision: string }) => [
        each.EvalActionName,
        each.EvalDecision,
      ]);
    };
    expect(await decisions(roleArn())).toEqual([
      ['kms:CreateKey', 'allowed'],
      ['kms:ScheduleKeyDeletion', 'implicitDeny'],
      ['sts:AssumeRole', 'allowed'],
    ]);
    expect((await decisions(`${account}:role/other`))[2]).toEqual(['sts:AssumeRole', 'implicitDeny']);
    const { EvaluationResults } = await iam(...simulate, '--resource-arns', roleArn());
    expect(EvaluationResults[2].MatchedStatements).toMatchObject([{ SourcePolicyType: 'IAM Policy' }]);
  }, 60_000);

  test('gives its user temporary credentials', async () => {
    const session = (await as(clerk).answer('sts', 'get-session-token', '--duration-seconds', '900')).Credentials;
    expect(await as(session).answer('sts', 'get-caller-identity')).toMatchObject({ Arn: clerkArn() });
    await as(session).answer('kms', 'describe-key', '--key-id', keyId);
    for (const { AccessKeyId } of [clerk, session]) {
      expect(await admin('sts', 'get-access-key-info', '--access-key-id', AccessKeyId)).toEqual({
        Account: server.accountId,
      });
    }

    await iam(
      ...['put-user-policy', '--user-name', 'clerk', '--policy-name', 'federate', '--policy-document'],
      document({ Effect: 'Allow', Action: 'sts:GetFederationToken', Resource: '*' }),
    );
    const narrowing = document({ Effect: 'Allow', Action: ['kms:DescribeKey', 'kms:Encrypt'], Resource: '*' });
    const guest = await as(clerk).answer('sts', 'get-federation-token', '--name', 'guest', '--policy', narrowing);
    const guestArn = `arn:aws:sts::${server.accountId}:federated-user/guest`;
    expect(guest.FederatedUser.Arn).toBe(guestArn);
    // Both allow the one; of the others each is allowed by only one of the two.
    const key = ['--key-id', keyId];
    await as(guest.Credentials).answer('kms', 'describe-key', ...key);
    expect(await as(guest.Credentials).refusal('kms', 'list-aliases')).toContain(`User: ${guestArn} is not authorized`);
    expect(
      await as(guest.Credentials).refusal(
        'kms',
        'encrypt',
        ...key,
        '--plaintext',
        `fileb://${join(files, 'plaintext')}`,
      ),
    ).toContain('because no identity-based policy allows the kms:Encrypt action');
  }, 120_000);

  test('has no credential report, and no message to decode', async () => {
    for (const [command, operation] of [
      ['generate-credential-report', 'GenerateCredentialReport'],
      ['get-credential-report', 'GetCredentialReport'],
    ] as const) {
      expect(await refusedIam(command)).toBe(
        `An error occurred (InvalidAction) when calling the ${operation} operation: Could not find operation ${operation} for version 2010-05-08`,
      );
    }
    const decode = ['sts', 'decode-authorization-message', '--encoded-message', 'bm8gbWVzc2FnZSBvZiBvdXJz'];
    expect(await awsCliFor(server).refusal(...decode)).toBe(
      'An error occurred (InvalidAuthorizationMessageException) when calling the DecodeAuthorizationMessage operation: Message is not valid.',
    );
  }, 60_000);

  test('is as it was when everything is taken down again, which goes in one order only', async () => {
    const [group, user, role] = [
      ['--group-name', 'clerks'],
      ['--user-name', 'clerk'],
      ['--role-name', 'archive'],
    ];
    const conflict = (what: string) => expect.stringMatching(`^An error occurred \\(DeleteConflict\\) .*${what}`);
    const policy = ['--policy-arn', ownPolicy()];
    expect(await refusedIam('delete-policy', ...policy)).toEqual(
      conflict('Cannot delete a policy attached to entities'),
    );
    expect(await refusedIam('delete-group', ...group)).toEqual(conflict('must remove users from group first'));
    await iam('remove-user-from-group', ...group, ...user);
    expect(await refusedIam('delete-group', ...group)).toEqual(conflict('must detach all policies first'));
    for (const arn of [powerUser, ownPolicy()]) await iam('detach-group-policy', ...group, '--policy-arn', arn);
    await iam('delete-group', ...group);
    await iam('delete-policy', ...policy);

    expect(await refusedIam('delete-user', ...user)).toEqual(conflict('must delete access keys first'));
    await iam('delete-access-key', ...user, '--access-key-id', clerk.AccessKeyId);
    await iam('delete-user-policy', ...user, '--policy-name', 'federate');
    await iam('delete-user', ...user);

    await iam('detach-role-policy', ...role, '--policy-arn', 'arn:aws:iam::aws:policy/ReadOnlyAccess');
    await iam('delete-role-policy', ...role, '--policy-name', 'use');
    await iam('delete-role', ...role);
    await admin('kms', 'schedule-key-deletion', '--key-id', keyId, '--pending-window-in-days', '7');
    expect(await everything()).toEqual(untouched);
  }, 120_000);
});
