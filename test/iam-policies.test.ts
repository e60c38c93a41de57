import * as iam from '@aws-sdk/client-iam';
import { CreateKeyCommand, EncryptCommand, ListKeysCommand } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { document, iamClient, refusal, trustOf } from './support/iam.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

/** Managed policies, attachments and permissions boundaries as clients of IAM see them. */

let server: TestServer;
let admin: iam.IAMClient;

beforeAll(async () => {
  server = await startServer({ workers: 2 });
  admin = iamClient(server);
});
afterAll(() => cleanUp(server));

const allow = (Action: string | string[], Resource = '*', Condition: object = {}) =>
  document({ Effect: 'Allow', Action, Resource, Condition });
const arnOf = (name: string, path = '/') => `arn:aws:iam::${server.accountId}:policy${path}${name}`;

let made = 0;

async function newPolicy(input: Partial<iam.CreatePolicyCommandInput> = {}): Promise<string> {
  const PolicyName = `policy-${++made}`;
  const { Policy } = await admin.send(
    new iam.CreatePolicyCommand({ PolicyName, PolicyDocument: allow('kms:ListKeys'), ...input }),
  );
  return Policy?.Arn as string;
}

async function newUser(): Promise<string> {
  const UserName = `user-${++made}`;
  await admin.send(new iam.CreateUserCommand({ UserName }));
  return UserName;
}

/** A user with an access key, who may do what one inline policy allows. */
async function newCaller(PolicyDocument?: string) {
  const UserName = await newUser();
  if (PolicyDocument !== undefined) {
    await admin.send(new iam.PutUserPolicyCommand({ UserName, PolicyName: 'own', PolicyDocument }));
  }
  const { AccessKey } = await admin.send(new iam.CreateAccessKeyCommand({ UserName }));
  const credentials = {
    accessKeyId: AccessKey?.AccessKeyId ?? '',
    secretAccessKey: AccessKey?.SecretAccessKey ?? '',
  };
  return { UserName, kms: server.kms({ credentials }), iam: iamClient(server, credentials) };
}

describe('a managed policy', () => {
  test('is answered with what AWS answers, and read back', async () => {
    const PolicyDocument = allow(['kms:Get*', 'kms:ListKeys']);
    const created = await admin.send(
      new iam.CreatePolicyCommand({
        PolicyName: 'Read.Back',
        Path: '/team/one/',
        PolicyDocument,
        Description: 'what it is for',
        Tags: [{ Key: 'Team', Value: 'one' }],
      }),
    );
    const PolicyArn = arnOf('Read.Back', '/team/one/');
    expect(created.Policy).toEqual({
      PolicyName: 'Read.Back',
      PolicyId: expect.stringMatching(/^ANPA[A-Z2-7]{17}$/),
      Arn: PolicyArn,
      Path: '/team/one/',
      DefaultVersionId: 'v1',
      AttachmentCount: 0,
      PermissionsBoundaryUsageCount: 0,
      IsAttachable: true,
      CreateDate: expect.any(Date),
      UpdateDate: expect.any(Date),
      Tags: [{ Key: 'Team', Value: 'one' }],
    });

    const { Policy } = await admin.send(new iam.GetPolicyCommand({ PolicyArn }));
    expect(Policy).toEqual({ ...created.Policy, Description: 'what it is for' });

    const { PolicyVersion } = await admin.send(new iam.GetPolicyVersionCommand({ PolicyArn, VersionId: 'v1' }));
    expect(PolicyVersion).toEqual({
      Document: encodeURIComponent(PolicyDocument).replaceAll('*', '%2A'),
      VersionId: 'v1',
      IsDefaultVersion: true,
      CreateDate: expect.any(Date),
    });
  });

  test('has a name that no other one of the account has, in whatever case and path', async () => {
    await newPolicy({ PolicyName: 'Only-One' });
    const again = admin.send(
      new iam.CreatePolicyCommand({ PolicyName: 'only-one', Path: '/else/', PolicyDocument: allow('kms:Sign') }),
    );
    expect(await refusal(again)).toBe(
      'EntityAlreadyExistsException: A policy called only-one already exists. Duplicate names are not allowed.',
    );
    const otherCase = admin.send(new iam.GetPolicyCommand({ PolicyArn: arnOf('only-one') }));
    expect(await refusal(otherCase)).toBe(`NoSuchEntityException: Policy ${arnOf('only-one')} was not found.`);
    const otherPath = admin.send(new iam.GetPolicyCommand({ PolicyArn: arnOf('Only-One', '/else/') }));
    expect(await refusal(otherPath)).toMatch(/^NoSuchEntityException/);
  });

  test('may have 6,144 characters, of which white space is none', async () => {
    const longest = (characters: number, between = '') => {
      const empty = document({
        Effect: 'Allow',
        Action: 'kms:Sign',
        Resource: 'arn:aws:kms:us-east-1:111122223333:key/',
      });
      return empty.replace('key/', `key/${'k'.repeat(characters - empty.length)}`).replaceAll(',', `,${between}`);
    };
    await newPolicy({ PolicyDocument: longest(6144, '\n    ') });
    const tooLong = admin.send(new iam.CreatePolicyCommand({ PolicyName: 'long', PolicyDocument: longest(6145) }));
    expect(await refusal(tooLong)).toBe('LimitExceededException: Cannot exceed quota for PolicySize: 6144');
  });

  test('is refused where its text is no identity policy', async () => {
    const PolicyDocument = document({ Effect: 'Allow', Action: 'kms:Sign', Resource: '*', Principal: '*' });
    const refused = admin.send(new iam.CreatePolicyCommand({ PolicyName: 'nobody', PolicyDocument }));
    expect(await refusal(refused)).toBe(
      'MalformedPolicyDocumentException: Policy document should not specify a principal.',
    );
  });

  test('is deleted once nobody has it and its default version alone is left', async () => {
    const PolicyArn = await newPolicy();
    const UserName = await newUser();
    const gone = () => admin.send(new iam.DeletePolicyCommand({ PolicyArn }));
    await admin.send(new iam.CreatePolicyVersionCommand({ PolicyArn, PolicyDocument: allow('kms:Sign') }));

    await admin.send(new iam.AttachUserPolicyCommand({ UserName, PolicyArn }));
    expect(await refusal(gone())).toBe('DeleteConflictException: Cannot delete a policy attached to entities.');
    await admin.send(new iam.DetachUserPolicyCommand({ UserName, PolicyArn }));

    await admin.send(new iam.PutUserPermissionsBoundaryCommand({ UserName, PermissionsBoundary: PolicyArn }));
    expect(await refusal(gone())).toBe('DeleteConflictException: Cannot delete a policy attached to entities.');
    await admin.send(new iam.DeleteUserPermissionsBoundaryCommand({ UserName }));

    expect(await refusal(gone())).toBe(
      "DeleteConflictException: This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
    );
    await admin.send(new iam.DeletePolicyVersionCommand({ PolicyArn, VersionId: 'v2' }));
    await gone();
    expect(await refusal(gone())).toBe(`NoSuchEntityException: Policy ${PolicyArn} was not found.`);
  });

  test('is tagged, and its tags are conditions', async () => {
    const PolicyArn = await newPolicy();
    await admin.send(
      new iam.TagPolicyCommand({
        PolicyArn,
        Tags: [
          { Key: 'b', Value: '2' },
          { Key: 'a', Value: '1' },
        ],
      }),
    );
    await admin.send(new iam.UntagPolicyCommand({ PolicyArn, TagKeys: ['b', 'A'] }));
    const { Tags } = await admin.send(new iam.ListPolicyTagsCommand({ PolicyArn }));
    expect(Tags).toEqual([{ Key: 'a', Value: '1' }]);
  });

  test('of AWS may be looked at and not be changed', async () => {
    const PolicyArn = 'arn:aws:iam::aws:policy/AWSKeyManagementServicePowerUser';
    const { Policy } = await admin.send(new iam.GetPolicyCommand({ PolicyArn }));
    expect(Policy).toMatchObject({
      PolicyId: 'ANPAJNPP7PPPPMJRV2SA4',
      DefaultVersionId: 'v2',
      Description: 'Provides access to AWS Key Management Service (KMS).',
      CreateDate: new Date('2015-02-06T18:40:40Z'),
    });
    const { PolicyVersion } = await admin.send(new iam.GetPolicyVersionCommand({ PolicyArn, VersionId: 'v2' }));
    expect(JSON.parse(decodeURIComponent(PolicyVersion?.Document ?? ''))).toMatchObject({
      Statement: [{ Action: expect.arrayContaining(['kms:CreateKey', 'kms:Describe*']) }],
    });
    const { Versions } = await admin.send(new iam.ListPolicyVersionsCommand({ PolicyArn }));
    expect(Versions).toHaveLength(1);
    const changes = [
      new iam.DeletePolicyCommand({ PolicyArn }),
      new iam.CreatePolicyVersionCommand({ PolicyArn, PolicyDocument: allow('*') }),
      new iam.SetDefaultPolicyVersionCommand({ PolicyArn, VersionId: 'v2' }),
      new iam.DeletePolicyVersionCommand({ PolicyArn, VersionId: 'v2' }),
      new iam.TagPolicyCommand({ PolicyArn, Tags: [{ Key: 'a', Value: '1' }] }),
      new iam.UntagPolicyCommand({ PolicyArn, TagKeys: ['a'] }),
    ];
    for (const command of changes) {
      // biome-ignore lint/suspicious/noExplicitAny: each is one of the client's own commands
      expect(await refusal(admin.send(command as any))).toMatch(/^AccessDenied/);
    }
  });

  test('of another account is nobody’s to look at', async () => {
    const PolicyArn = 'arn:aws:iam::444455556666:policy/theirs';
    expect(await refusal(admin.send(new iam.GetPolicyCommand({ PolicyArn })))).toMatch(/^AccessDenied/);
    const UserName = await newUser();
    const attached = admin.send(new iam.AttachUserPolicyCommand({ UserName, PolicyArn }));
    expect(await refusal(attached)).toBe(
      `NoSuchEntityException: Policy ${PolicyArn} does not exist or is not attachable.`,
    );
  });

  test.each([
    'arn:aws:iam::111122223333:role/not-a-policy',
    'arn:aws:iam::111122223333:policy/',
    'arn:aws:iam:us-east-1:aws:policy/AdministratorAccess',
    'arn:aws:iam::someone:policy/AdministratorAccess',
    'not an ARN but long enough',
    'arn:aws:iam::aws:policy/AdministratorAccess:more',
  ])('is not named by %s', async (PolicyArn) => {
    expect(await refusal(admin.send(new iam.GetPolicyCommand({ PolicyArn })))).toMatch(
      /^(?:ValidationError|ValidationException): ARN .* is not valid\.$/,
    );
  });
});

describe('versions of a managed policy', () => {
  test('are five at most, and their numbers never come back', async () => {
    const PolicyArn = await newPolicy();
    const add = (SetAsDefault?: boolean) =>
      admin.send(new iam.CreatePolicyVersionCommand({ PolicyArn, PolicyDocument: allow('kms:Sign'), SetAsDefault }));
    for (let i = 2; i <= 5; i++) {
      expect((await add()).PolicyVersion).toEqual({
        VersionId: `v${i}`,
        IsDefaultVersion: false,
        CreateDate: expect.any(Date),
      });
    }
    expect(await refusal(add())).toBe(
      'LimitExceededException: A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.',
    );
    await admin.send(new iam.DeletePolicyVersionCommand({ PolicyArn, VersionId: 'v5' }));
    expect((await add(true)).PolicyVersion).toMatchObject({ VersionId: 'v6', IsDefaultVersion: true });

    const { Versions } = await admin.send(new iam.ListPolicyVersionsCommand({ PolicyArn }));
    expect(Versions?.map(({ VersionId }) => VersionId)).toEqual(['v6', 'v4', 'v3', 'v2', 'v1']);
    expect(Versions?.filter(({ IsDefaultVersion }) => IsDefaultVersion)).toHaveLength(1);

    const paged: (string | undefined)[] = [];
    for await (const page of iam.paginateListPolicyVersions({ client: admin, pageSize: 2 }, { PolicyArn })) {
      paged.push(...(page.Versions ?? []).map(({ VersionId }) => VersionId));
    }
    expect(paged).toEqual(['v6', 'v4', 'v3', 'v2', 'v1']);
  });

  test('are not deleted while they are the default, nor found where they are not', async () => {
    const PolicyArn = await newPolicy();
    const remove = (VersionId: string) => admin.send(new iam.DeletePolicyVersionCommand({ PolicyArn, VersionId }));
    expect(await refusal(remove('v1'))).toBe('DeleteConflictException: Cannot delete the default version of a policy.');
    const none = `NoSuchEntityException: Policy ${PolicyArn} version v2 does not exist or is not attachable.`;
    expect(await refusal(remove('v2'))).toBe(none);
    expect(await refusal(admin.send(new iam.GetPolicyVersionCommand({ PolicyArn, VersionId: 'v2' })))).toBe(none);
    expect(await refusal(admin.send(new iam.SetDefaultPolicyVersionCommand({ PolicyArn, VersionId: 'v2' })))).toBe(
      none,
    );

    await admin.send(new iam.CreatePolicyVersionCommand({ PolicyArn, PolicyDocument: allow('kms:Sign') }));
    await admin.send(new iam.SetDefaultPolicyVersionCommand({ PolicyArn, VersionId: 'v2' }));
    await remove('v1');
    const { Policy } = await admin.send(new iam.GetPolicyCommand({ PolicyArn }));
    expect(Policy?.DefaultVersionId).toBe('v2');
  });
});

describe('ListPolicies', () => {
  const names = async (input: iam.ListPoliciesCommandInput) => {
    const found: (string | undefined)[] = [];
    for await (const page of iam.paginateListPolicies({ client: admin, pageSize: 7 }, input)) {
      found.push(...(page.Policies ?? []).map(({ PolicyName }) => PolicyName));
    }
    return found;
  };

  test('lists AWS’s, the account’s or all, page by page', async () => {
    await newPolicy({ PolicyName: 'AdministratorAccess', Path: '/mine/' });
    const aws = await names({ Scope: 'AWS' });
    const local = await names({ Scope: 'Local' });
    expect(aws).toContain('ReadOnlyAccess');
    expect(local).toContain('AdministratorAccess');
    expect(local).not.toContain('ReadOnlyAccess');
    const all = await names({});
    expect(all.toSorted()).toEqual([...aws, ...local].toSorted());
    expect(all.filter((name) => name === 'AdministratorAccess')).toHaveLength(2);
  });

  test('finds what is below a path, what is attached, and what is a boundary', async () => {
    const attached = await newPolicy({ PolicyName: 'is-attached', Path: '/listed/' });
    const boundary = await newPolicy({ PolicyName: 'is-boundary', Path: '/listed/' });
    await newPolicy({ PolicyName: 'is-neither', Path: '/listed/' });
    const UserName = await newUser();
    await admin.send(new iam.AttachUserPolicyCommand({ UserName, PolicyArn: attached }));
    await admin.send(new iam.PutUserPermissionsBoundaryCommand({ UserName, PermissionsBoundary: boundary }));

    const PathPrefix = '/listed/';
    expect(await names({ PathPrefix })).toEqual(['is-attached', 'is-boundary', 'is-neither']);
    expect(await names({ PathPrefix, OnlyAttached: true })).toEqual(['is-attached']);
    expect(await names({ PathPrefix, PolicyUsageFilter: 'PermissionsPolicy' })).toEqual(['is-attached']);
    expect(await names({ PathPrefix, PolicyUsageFilter: 'PermissionsBoundary' })).toEqual(['is-boundary']);
    const { Policies } = await admin.send(new iam.ListPoliciesCommand({ PathPrefix }));
    expect(Policies?.map((each) => [each.AttachmentCount, each.PermissionsBoundaryUsageCount])).toEqual([
      [1, 0],
      [0, 1],
      [0, 0],
    ]);
    expect(await names({ Scope: 'AWS', OnlyAttached: true })).toEqual(['AdministratorAccess']);
  });

  test('refuses a marker that it has not given', async () => {
    expect(await refusal(admin.send(new iam.ListPoliciesCommand({ Marker: 'made-up' })))).toMatch(/Invalid Marker\.$/);
  });
});

describe('attachments', () => {
  test('are made once, counted, listed and undone', async () => {
    const UserName = await newUser();
    const PolicyArn = await newPolicy({ Path: '/attached/' });
    const attach = () => admin.send(new iam.AttachUserPolicyCommand({ UserName, PolicyArn }));
    await attach();
    await attach();
    await admin.send(
      new iam.AttachUserPolicyCommand({ UserName, PolicyArn: 'arn:aws:iam::aws:policy/job-function/ViewOnlyAccess' }),
    );
    const { Policy } = await admin.send(new iam.GetPolicyCommand({ PolicyArn }));
    expect(Policy?.AttachmentCount).toBe(1);

    const mine = { PolicyName: PolicyArn.split('/').at(-1), PolicyArn };
    const aws = { PolicyName: 'ViewOnlyAccess', PolicyArn: 'arn:aws:iam::aws:policy/job-function/ViewOnlyAccess' };
    const list = (input = {}) => admin.send(new iam.ListAttachedUserPoliciesCommand({ UserName, ...input }));
    expect((await list()).AttachedPolicies).toEqual([aws, mine]);
    expect((await list({ PathPrefix: '/attached/' })).AttachedPolicies).toEqual([mine]);
    const first = await list({ MaxItems: 1 });
    expect(first).toMatchObject({ AttachedPolicies: [aws], IsTruncated: true });
    expect(await list({ MaxItems: 1, Marker: first.Marker })).toMatchObject({
      AttachedPolicies: [mine],
      IsTruncated: false,
    });

    const detach = () => admin.send(new iam.DetachUserPolicyCommand({ UserName, PolicyArn }));
    await detach();
    expect(await refusal(detach())).toBe(`NoSuchEntityException: Policy ${PolicyArn} was not found.`);
    expect((await list()).AttachedPolicies).toEqual([aws]);
  });

  test('are ten at most', async () => {
    const UserName = await newUser();
    for (let i = 0; i < 10; i++) {
      await admin.send(new iam.AttachUserPolicyCommand({ UserName, PolicyArn: await newPolicy() }));
    }
    const PolicyArn = await newPolicy();
    expect(await refusal(admin.send(new iam.AttachUserPolicyCommand({ UserName, PolicyArn })))).toBe(
      'LimitExceededException: Cannot exceed quota for PoliciesPerUser: 10',
    );
  });

  test('need someone who exists, a policy that exists, and one that is not for AWS’s own roles', async () => {
    const UserName = await newUser();
    const attach = (name: string, PolicyArn: string) =>
      admin.send(new iam.AttachUserPolicyCommand({ UserName: name, PolicyArn }));
    expect(await refusal(attach('nobody', arnOf('nothing')))).toBe(
      'NoSuchEntityException: The user with name nobody cannot be found.',
    );
    expect(await refusal(attach(UserName, arnOf('nothing')))).toBe(
      `NoSuchEntityException: Policy ${arnOf('nothing')} does not exist or is not attachable.`,
    );
    const serviceRole =
      'arn:aws:iam::aws:policy/aws-service-role/AWSKeyManagementServiceMultiRegionKeysServiceRolePolicy';
    expect(await refusal(attach(UserName, serviceRole))).toMatch(/^PolicyNotAttachableException/);
  });
});

test('a group’s members have what is attached to the group', async () => {
  const GroupName = `group-${++made}`;
  const PolicyArn = await newPolicy();
  await admin.send(new iam.CreateGroupCommand({ GroupName }));
  await admin.send(new iam.AttachGroupPolicyCommand({ GroupName, PolicyArn }));
  const { kms, UserName } = await newCaller();
  await expect(kms.send(new ListKeysCommand({}))).rejects.toThrow(/not authorized/);
  await admin.send(new iam.AddUserToGroupCommand({ GroupName, UserName }));
  await kms.send(new ListKeysCommand({}));
  const { AttachedPolicies } = await admin.send(new iam.ListAttachedGroupPoliciesCommand({ GroupName }));
  expect(AttachedPolicies?.map((each) => each.PolicyArn)).toEqual([PolicyArn]);
  const entities = await admin.send(new iam.ListEntitiesForPolicyCommand({ PolicyArn }));
  expect(entities.PolicyGroups).toEqual([{ GroupName, GroupId: expect.stringMatching(/^AGPA/) }]);
  await admin.send(new iam.DetachGroupPolicyCommand({ GroupName, PolicyArn }));
  await expect(kms.send(new ListKeysCommand({}))).rejects.toThrow(/not authorized/);
});

test('roles have policies and boundaries too', async () => {
  const RoleName = `role-${++made}`;
  const AssumeRolePolicyDocument = trustOf({ AWS: server.accountId });
  await admin.send(new iam.CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }));
  const PolicyArn = await newPolicy();
  const Role = () => admin.send(new iam.GetRoleCommand({ RoleName }));
  await admin.send(new iam.AttachRolePolicyCommand({ RoleName, PolicyArn }));
  await admin.send(new iam.PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary: PolicyArn }));
  expect((await Role()).Role?.PermissionsBoundary?.PermissionsBoundaryArn).toBe(PolicyArn);
  const { AttachedPolicies } = await admin.send(new iam.ListAttachedRolePoliciesCommand({ RoleName }));
  expect(AttachedPolicies).toEqual([{ PolicyArn, PolicyName: PolicyArn.split('/').at(-1) }]);
  const entities = await admin.send(new iam.ListEntitiesForPolicyCommand({ PolicyArn }));
  expect(entities.PolicyRoles).toEqual([{ RoleName, RoleId: expect.stringMatching(/^AROA/) }]);
  await admin.send(new iam.DetachRolePolicyCommand({ RoleName, PolicyArn }));
  await admin.send(new iam.DeleteRolePermissionsBoundaryCommand({ RoleName }));
  await admin.send(new iam.DeletePolicyCommand({ PolicyArn }));
  expect((await Role()).Role).not.toHaveProperty('PermissionsBoundary');
});

describe('a deputy', () => {
  test('attaches and detaches the policies that iam:PolicyARN lets them, and no other', async () => {
    const mine = await newPolicy({ Path: '/deputy/' });
    const other = await newPolicy();
    const { iam: deputy } = await newCaller(
      allow(['iam:AttachUserPolicy', 'iam:DetachUserPolicy'], '*', {
        ArnLike: { 'iam:PolicyARN': arnOf('*', '/deputy/') },
      }),
    );
    const UserName = await newUser();
    await deputy.send(new iam.AttachUserPolicyCommand({ UserName, PolicyArn: mine }));
    await deputy.send(new iam.DetachUserPolicyCommand({ UserName, PolicyArn: mine }));
    const attach = deputy.send(new iam.AttachUserPolicyCommand({ UserName, PolicyArn: other }));
    expect(await refusal(attach)).toMatch(/^AccessDenied/);
    const AdministratorAccess = 'arn:aws:iam::aws:policy/AdministratorAccess';
    const rise = deputy.send(new iam.AttachUserPolicyCommand({ UserName, PolicyArn: AdministratorAccess }));
    expect(await refusal(rise)).toMatch(/^AccessDenied/);
  });

  test('gives permissions to those alone who have the boundary that iam:PermissionsBoundary wants', async () => {
    const boundary = await newPolicy();
    const { iam: deputy } = await newCaller(
      allow(['iam:AttachUserPolicy', 'iam:PutUserPermissionsBoundary'], '*', {
        StringEquals: { 'iam:PermissionsBoundary': boundary },
      }),
    );
    const UserName = await newUser();
    const PolicyArn = await newPolicy();
    const attach = () => deputy.send(new iam.AttachUserPolicyCommand({ UserName, PolicyArn }));
    const bound = (PermissionsBoundary: string) =>
      deputy.send(new iam.PutUserPermissionsBoundaryCommand({ UserName, PermissionsBoundary }));
    expect(await refusal(attach())).toMatch(/^AccessDenied/);
    expect(await refusal(bound(PolicyArn))).toMatch(/^AccessDenied/);
    await bound(boundary);
    await attach();
    const unbound = deputy.send(new iam.DeleteUserPermissionsBoundaryCommand({ UserName }));
    expect(await refusal(unbound)).toMatch(/^AccessDenied/);
  });
});

test('a boundary is a policy that exists, replaces the one before, and is gone once it is deleted', async () => {
  const UserName = await newUser();
  const [one, other] = [await newPolicy(), await newPolicy()];
  const put = (PermissionsBoundary: string) =>
    admin.send(new iam.PutUserPermissionsBoundaryCommand({ UserName, PermissionsBoundary }));
  const remove = () => admin.send(new iam.DeleteUserPermissionsBoundaryCommand({ UserName }));
  const uses = async (PolicyArn: string) =>
    (await admin.send(new iam.GetPolicyCommand({ PolicyArn }))).Policy?.PermissionsBoundaryUsageCount;

  expect(await refusal(put(arnOf('nothing')))).toMatch(/^NoSuchEntityException/);
  expect(await refusal(remove())).toMatch(/^NoSuchEntityException/);
  await put(one);
  await put(one);
  expect([await uses(one), await uses(other)]).toEqual([1, 0]);
  await put(other);
  expect([await uses(one), await uses(other)]).toEqual([0, 1]);
  const { User } = await admin.send(new iam.GetUserCommand({ UserName }));
  expect(User?.PermissionsBoundary?.PermissionsBoundaryArn).toBe(other);
  await remove();
  expect(await uses(other)).toBe(0);
});

describe('ListEntitiesForPolicy', () => {
  test('lists whoever has the policy, by kind, path and use', async () => {
    const PolicyArn = await newPolicy();
    const attached = await newUser();
    const bounded = await newUser();
    await admin.send(new iam.AttachUserPolicyCommand({ UserName: attached, PolicyArn }));
    await admin.send(new iam.PutUserPermissionsBoundaryCommand({ UserName: attached, PermissionsBoundary: PolicyArn }));
    await admin.send(new iam.PutUserPermissionsBoundaryCommand({ UserName: bounded, PermissionsBoundary: PolicyArn }));

    const users = async (input: Partial<iam.ListEntitiesForPolicyCommandInput> = {}) => {
      const found: (string | undefined)[] = [];
      for await (const page of iam.paginateListEntitiesForPolicy(
        { client: admin, pageSize: 1 },
        { PolicyArn, ...input },
      )) {
        found.push(...(page.PolicyUsers ?? []).map(({ UserName }) => UserName));
      }
      return found;
    };
    expect(await users()).toEqual([attached, bounded]);
    expect(await users({ PolicyUsageFilter: 'PermissionsPolicy' })).toEqual([attached]);
    expect(await users({ PolicyUsageFilter: 'PermissionsBoundary' })).toEqual([attached, bounded]);
    expect(await users({ EntityFilter: 'Role' })).toEqual([]);
    expect(await users({ PathPrefix: '/nowhere/' })).toEqual([]);
    const { PolicyUsers } = await admin.send(new iam.ListEntitiesForPolicyCommand({ PolicyArn }));
    expect(PolicyUsers?.[0]?.UserId).toMatch(/^AIDA/);
  });
});

test('what is attached, its default version and a boundary decide at once what a call to KMS may do', async () => {
  const { UserName, kms } = await newCaller();
  const { KeyMetadata } = await server.kms().send(new CreateKeyCommand({}));
  const outcome = async (call: Promise<unknown>) => {
    try {
      await call;
      return 'allowed';
    } catch (error) {
      return /because no ([\w-]+) /.exec((error as Error).message)?.[1];
    }
  };
  const lists = () => outcome(kms.send(new ListKeysCommand({})));
  const encrypts = () =>
    outcome(kms.send(new EncryptCommand({ KeyId: KeyMetadata?.Arn, Plaintext: Buffer.from('x') })));

  expect([await lists(), await encrypts()]).toEqual(['identity-based', 'identity-based']);
  const PolicyArn = await newPolicy({ PolicyDocument: allow('kms:ListKeys') });
  await admin.send(new iam.AttachUserPolicyCommand({ UserName, PolicyArn }));
  expect([await lists(), await encrypts()]).toEqual(['allowed', 'identity-based']);

  await admin.send(
    new iam.CreatePolicyVersionCommand({ PolicyArn, PolicyDocument: allow('kms:*'), SetAsDefault: true }),
  );
  expect([await lists(), await encrypts()]).toEqual(['allowed', 'allowed']);

  const PermissionsBoundary = 'arn:aws:iam::aws:policy/AWSKeyManagementServicePowerUser';
  await admin.send(new iam.PutUserPermissionsBoundaryCommand({ UserName, PermissionsBoundary }));
  expect([await lists(), await encrypts()]).toEqual(['allowed', 'permissions']);
  await admin.send(new iam.DeleteUserPermissionsBoundaryCommand({ UserName }));
  expect([await lists(), await encrypts()]).toEqual(['allowed', 'allowed']);

  await admin.send(new iam.SetDefaultPolicyVersionCommand({ PolicyArn, VersionId: 'v1' }));
  expect([await lists(), await encrypts()]).toEqual(['allowed', 'identity-based']);
  await admin.send(new iam.DetachUserPolicyCommand({ UserName, PolicyArn }));
  expect([await lists(), await encrypts()]).toEqual(['identity-based', 'identity-based']);
});
