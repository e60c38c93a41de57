import * as iam from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { document, iamClient, refusal, trustOf, userWith } from './support/iam.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

/** What IAM says of an account as a whole. */

let server: TestServer;
let admin: iam.IAMClient;

const ADMINISTRATOR_ACCESS = 'arn:aws:iam::aws:policy/AdministratorAccess';
const allow = document({ Effect: 'Allow', Action: 'kms:*', Resource: '*' });
const encoded = encodeURIComponent(allow).replaceAll('*', '%2A');
const trust = trustOf({ Service: 'ec2.amazonaws.com' });
const arnOf = (resource: string) => `arn:aws:iam::${server.accountId}:${resource}`;

beforeAll(async () => {
  server = await startServer();
  admin = iamClient(server);
  await admin.send(new iam.CreateUserCommand({ UserName: 'alice', Path: '/a/', Tags: [{ Key: 'k', Value: 'v' }] }));
  await admin.send(new iam.CreateGroupCommand({ GroupName: 'staff' }));
  await admin.send(new iam.AddUserToGroupCommand({ UserName: 'alice', GroupName: 'staff' }));
  await admin.send(new iam.CreateRoleCommand({ RoleName: 'app', AssumeRolePolicyDocument: trust, Description: 'd' }));
  await admin.send(new iam.CreatePolicyCommand({ PolicyName: 'own', PolicyDocument: allow }));
  const PolicyArn = arnOf('policy/own');
  await admin.send(new iam.CreatePolicyVersionCommand({ PolicyArn, PolicyDocument: allow, SetAsDefault: true }));
  await admin.send(new iam.AttachRolePolicyCommand({ RoleName: 'app', PolicyArn }));
  await admin.send(new iam.PutUserPermissionsBoundaryCommand({ UserName: 'alice', PermissionsBoundary: PolicyArn }));
  const inline = { PolicyName: 'inline', PolicyDocument: allow };
  await admin.send(new iam.PutUserPolicyCommand({ UserName: 'alice', ...inline }));
  await admin.send(new iam.PutGroupPolicyCommand({ GroupName: 'staff', ...inline }));
  await admin.send(new iam.PutRolePolicyCommand({ RoleName: 'app', ...inline }));
  await admin.send(new iam.CreateOpenIDConnectProviderCommand({ Url: 'https://example.com' }));
});
afterAll(() => cleanUp(server));

test('the summary counts what there is, and nothing that there cannot be', async () => {
  const { SummaryMap } = await admin.send(new iam.GetAccountSummaryCommand({}));
  expect(Object.keys(SummaryMap ?? {}).sort()).toEqual(Object.keys(iam.SummaryKeyType).sort());
  expect(SummaryMap).toMatchObject({
    Users: 2,
    UsersQuota: 5000,
    Groups: 1,
    GroupsQuota: 300,
    Roles: 1,
    RolesQuota: 1000,
    Policies: 1,
    PoliciesQuota: 1500,
    // Both versions of the account's own, and the administrator's policy of AWS's.
    PolicyVersionsInUse: 3,
    VersionsPerPolicyQuota: 5,
    Providers: 1,
    AccessKeysPerUserQuota: 2,
    AccountAccessKeysPresent: 1,
    AccountMFAEnabled: 0,
    AccountPasswordPresent: 0,
    AssumeRolePolicySizeQuota: 2048,
    UserPolicySizeQuota: 2048,
    GroupPolicySizeQuota: 5120,
    RolePolicySizeQuota: 10_240,
    PolicySizeQuota: 6144,
    MFADevices: 0,
    ServerCertificates: 0,
    InstanceProfiles: 0,
  });
});

describe('the authorization details', () => {
  const details = (input: iam.GetAccountAuthorizationDetailsCommandInput = {}) =>
    admin.send(new iam.GetAccountAuthorizationDetailsCommand(input));
  const inline = [{ PolicyName: 'inline', PolicyDocument: encoded }];

  test('show everyone with what they have, and the policies that they have', async () => {
    const shown = await details();
    expect(shown.IsTruncated).toBe(false);
    expect(shown.UserDetailList).toEqual([
      expect.objectContaining({
        UserName: 'administrator',
        AttachedManagedPolicies: [{ PolicyName: 'AdministratorAccess', PolicyArn: ADMINISTRATOR_ACCESS }],
      }),
      {
        Path: '/a/',
        UserName: 'alice',
        UserId: expect.stringMatching(/^AIDA/),
        Arn: arnOf('user/a/alice'),
        CreateDate: expect.any(Date),
        UserPolicyList: inline,
        GroupList: ['staff'],
        AttachedManagedPolicies: [],
        PermissionsBoundary: {
          PermissionsBoundaryType: 'Policy',
          PermissionsBoundaryArn: arnOf('policy/own'),
        },
        Tags: [{ Key: 'k', Value: 'v' }],
      },
    ]);
    expect(shown.GroupDetailList).toEqual([
      {
        Path: '/',
        GroupName: 'staff',
        GroupId: expect.stringMatching(/^AGPA/),
        Arn: arnOf('group/staff'),
        CreateDate: expect.any(Date),
        GroupPolicyList: inline,
        AttachedManagedPolicies: [],
      },
    ]);
    expect(shown.RoleDetailList).toEqual([
      {
        Path: '/',
        RoleName: 'app',
        RoleLastUsed: {},
        RoleId: expect.stringMatching(/^AROA/),
        Arn: arnOf('role/app'),
        CreateDate: expect.any(Date),
        AssumeRolePolicyDocument: encodeURIComponent(trust),
        InstanceProfileList: [],
        RolePolicyList: inline,
        AttachedManagedPolicies: [{ PolicyName: 'own', PolicyArn: arnOf('policy/own') }],
      },
    ]);
    expect(shown.Policies).toEqual([
      {
        PolicyName: 'own',
        PolicyId: expect.stringMatching(/^ANPA/),
        Arn: arnOf('policy/own'),
        Path: '/',
        DefaultVersionId: 'v2',
        AttachmentCount: 1,
        PermissionsBoundaryUsageCount: 1,
        IsAttachable: true,
        CreateDate: expect.any(Date),
        UpdateDate: expect.any(Date),
        PolicyVersionList: [
          { VersionId: 'v2', IsDefaultVersion: true, Document: encoded, CreateDate: expect.any(Date) },
          { VersionId: 'v1', IsDefaultVersion: false, Document: encoded, CreateDate: expect.any(Date) },
        ],
      },
      expect.objectContaining({ Arn: ADMINISTRATOR_ACCESS, AttachmentCount: 1, DefaultVersionId: 'v1' }),
    ]);
  });

  test('are of the kinds that the filter names', async () => {
    const counts = async (...Filter: iam.EntityType[]) => {
      const shown = await details({ Filter });
      return [shown.UserDetailList, shown.GroupDetailList, shown.RoleDetailList, shown.Policies].map(
        (list) => list?.length ?? 0,
      );
    };
    expect(await counts('User')).toEqual([2, 0, 0, 0]);
    expect(await counts('Group', 'Role')).toEqual([0, 1, 1, 0]);
    expect(await counts('LocalManagedPolicy')).toEqual([0, 0, 0, 1]);
    expect(await counts('AWSManagedPolicy')).toEqual([0, 0, 0, 1]);
    expect(await refusal(details({ Filter: ['Nobody' as iam.EntityType] }))).toMatch(
      /^ValidationError: .*filter.*\[User, Role, Group, LocalManagedPolicy, AWSManagedPolicy\]/,
    );
  });

  test('come page by page, each once', async () => {
    const names: (string | undefined)[] = [];
    let pages = 0;
    for await (const page of iam.paginateGetAccountAuthorizationDetails({ client: admin, pageSize: 1 }, {})) {
      pages++;
      names.push(
        ...(page.UserDetailList ?? []).map(({ UserName }) => UserName),
        ...(page.GroupDetailList ?? []).map(({ GroupName }) => GroupName),
        ...(page.RoleDetailList ?? []).map(({ RoleName }) => RoleName),
        ...(page.Policies ?? []).map(({ PolicyName }) => PolicyName),
      );
    }
    expect(names).toEqual(['administrator', 'alice', 'staff', 'app', 'own', 'AdministratorAccess']);
    expect(pages).toBe(6);
    expect(await refusal(details({ Marker: 'made-up' }))).toBe('ValidationError: Invalid Marker.');
  });
});

test('an account has one alias at most, which no other account has', async () => {
  const create = (AccountAlias: string) => admin.send(new iam.CreateAccountAliasCommand({ AccountAlias }));
  const remove = (AccountAlias: string) => admin.send(new iam.DeleteAccountAliasCommand({ AccountAlias }));
  const aliases = async () => (await admin.send(new iam.ListAccountAliasesCommand({}))).AccountAliases;
  expect(await aliases()).toEqual([]);
  await create('first-alias');
  await create('second-alias');
  expect(await aliases()).toEqual(['second-alias']);
  expect(await refusal(create('second-alias'))).toBe(
    'EntityAlreadyExistsException: The account alias second-alias already exists.',
  );
  expect(await refusal(remove('first-alias'))).toMatch(/^NoSuchEntityException: .*first-alias/);
  await remove('second-alias');
  expect(await aliases()).toEqual([]);
  await create('first-alias');
  for (const malformed of ['ab', '-abc', 'abc-', 'a--b', 'Abc', 'a'.repeat(64)]) {
    expect(await refusal(create(malformed)), malformed).toMatch(/^ValidationError: .*accountAlias/);
  }
});

describe('what nobody here has', () => {
  const UserName = 'alice';

  test('is listed as none', async () => {
    expect(await admin.send(new iam.ListMFADevicesCommand({ UserName }))).toMatchObject({ MFADevices: [] });
    expect(await admin.send(new iam.ListMFADevicesCommand({}))).toMatchObject({ MFADevices: [], IsTruncated: false });
    expect(await admin.send(new iam.ListSigningCertificatesCommand({ UserName }))).toMatchObject({ Certificates: [] });
    expect(await admin.send(new iam.ListSSHPublicKeysCommand({ UserName }))).toMatchObject({ SSHPublicKeys: [] });
    expect(await admin.send(new iam.ListServiceSpecificCredentialsCommand({ UserName }))).toMatchObject({
      ServiceSpecificCredentials: [],
    });
    expect(await admin.send(new iam.ListServiceSpecificCredentialsCommand({ AllUsers: true }))).toMatchObject({
      ServiceSpecificCredentials: [],
    });
    expect(await admin.send(new iam.ListVirtualMFADevicesCommand({ AssignmentStatus: 'Any' }))).toMatchObject({
      VirtualMFADevices: [],
    });
  });

  test('or is not found', async () => {
    for (const Command of [iam.GetLoginProfileCommand, iam.DeleteLoginProfileCommand]) {
      const request = new Command({ UserName }) as iam.GetLoginProfileCommand;
      expect(await refusal(admin.send(request))).toBe(
        'NoSuchEntityException: Login Profile for User alice cannot be found.',
      );
    }
    expect(await refusal(admin.send(new iam.GetAccountPasswordPolicyCommand({})))).toBe(
      `NoSuchEntityException: The Password Policy with domain name ${server.accountId} cannot be found.`,
    );
  });

  test('is asked of users who exist, by those who may', async () => {
    const stranger = await userWith(server, 'stranger', {
      Effect: 'Allow',
      Action: 'iam:ListMFADevices',
      Resource: arnOf('user/a/alice'),
    });
    await stranger.send(new iam.ListMFADevicesCommand({ UserName }));
    expect(await refusal(stranger.send(new iam.ListMFADevicesCommand({})))).toMatch(/^AccessDenied/);
    const requests = [
      (name: string) => new iam.ListMFADevicesCommand({ UserName: name }),
      (name: string) => new iam.ListSigningCertificatesCommand({ UserName: name }),
      (name: string) => new iam.ListSSHPublicKeysCommand({ UserName: name }),
      (name: string) => new iam.ListServiceSpecificCredentialsCommand({ UserName: name }),
      (name: string) => new iam.GetLoginProfileCommand({ UserName: name }),
      (name: string) => new iam.DeleteLoginProfileCommand({ UserName: name }),
    ];
    for (const request of requests) {
      expect(await refusal(admin.send(request('nobody') as iam.ListMFADevicesCommand))).toBe(
        'NoSuchEntityException: The user with name nobody cannot be found.',
      );
    }
    for (const request of [...requests.slice(1).map((of) => of('alice')), new iam.ListVirtualMFADevicesCommand({})]) {
      expect(await refusal(stranger.send(request as iam.ListMFADevicesCommand))).toMatch(/^AccessDenied/);
    }
  });
});
