import * as iam from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { document, iamClient, refusal, trustOf, userWith } from './support/iam.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

/** Roles as clients of IAM see them. */

let server: TestServer;
let admin: iam.IAMClient;

beforeAll(async () => {
  server = await startServer();
  admin = iamClient(server);
});
afterAll(() => cleanUp(server));

const ec2 = trustOf({ Service: 'ec2.amazonaws.com' });
const arnOf = (kind: 'role' | 'user' | 'policy', name: string) => `arn:aws:iam::${server.accountId}:${kind}/${name}`;
const encoded = (text: string) => encodeURIComponent(text).replaceAll('*', '%2A');

let made = 0;

async function newRole(input: Partial<iam.CreateRoleCommandInput> = {}): Promise<string> {
  const RoleName = `role-${++made}`;
  await admin.send(new iam.CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: ec2, ...input }));
  return input.RoleName ?? RoleName;
}

async function newUser(UserName = `user-${++made}`): Promise<{ UserName: string; UserId: string; Arn: string }> {
  const { User } = await admin.send(new iam.CreateUserCommand({ UserName }));
  return User as { UserName: string; UserId: string; Arn: string };
}

const getRole = async (RoleName: string) => (await admin.send(new iam.GetRoleCommand({ RoleName }))).Role;
const trustShown = async (RoleName: string) =>
  JSON.parse(decodeURIComponent((await getRole(RoleName))?.AssumeRolePolicyDocument ?? ''));

describe('a role', () => {
  test('is answered with what AWS answers, and read back', async () => {
    const { Policy } = await admin.send(
      new iam.CreatePolicyCommand({
        PolicyName: 'limits',
        PolicyDocument: document({ Effect: 'Allow', Action: 'kms:*', Resource: '*' }),
      }),
    );
    const created = await admin.send(
      new iam.CreateRoleCommand({
        RoleName: 'Read.Back',
        Path: '/team/one/',
        AssumeRolePolicyDocument: ec2,
        Description: 'what it is for',
        MaxSessionDuration: 43_200,
        PermissionsBoundary: Policy?.Arn,
        Tags: [{ Key: 'Team', Value: 'one' }],
      }),
    );
    // AWS leaves some of it out until the role is read: LocalStack, test_iam_roles.snapshot.json (TestRoleLifecycle).
    const role = {
      Path: '/team/one/',
      RoleName: 'Read.Back',
      RoleId: expect.stringMatching(/^AROA[A-Z2-7]{17}$/),
      Arn: arnOf('role', 'team/one/Read.Back'),
      CreateDate: expect.any(Date),
      AssumeRolePolicyDocument: encoded(ec2),
    };
    const limited = {
      PermissionsBoundary: {
        PermissionsBoundaryType: 'Policy',
        PermissionsBoundaryArn: arnOf('policy', 'limits'),
      },
      Tags: [{ Key: 'Team', Value: 'one' }],
    };
    const described = { Description: 'what it is for', MaxSessionDuration: 43_200 };
    expect(created.Role).toEqual({ ...role, ...limited });
    expect(await getRole('Read.Back')).toEqual({ ...role, ...limited, ...described, RoleLastUsed: {} });
    const { Roles } = await admin.send(new iam.ListRolesCommand({ PathPrefix: '/team/' }));
    expect(Roles).toEqual([{ ...role, ...described }]);
  });

  test('has sessions of an hour at most, no path and no description unless told otherwise', async () => {
    const role = await getRole(await newRole());
    expect(role).toMatchObject({ Path: '/', MaxSessionDuration: 3600 });
    expect(role).not.toHaveProperty('Description');
    expect(role).not.toHaveProperty('Tags');
  });

  test('has a name that no other one of the account has, in whatever case and path', async () => {
    await newRole({ RoleName: 'Only-One' });
    const again = admin.send(
      new iam.CreateRoleCommand({ RoleName: 'only-one', Path: '/else/', AssumeRolePolicyDocument: ec2 }),
    );
    expect(await refusal(again)).toBe('EntityAlreadyExistsException: Role with name only-one already exists.');
    expect(await refusal(getRole('only-one'))).toBe(
      'NoSuchEntityException: The role with name only-one cannot be found.',
    );
  });

  test('has no sessions shorter than an hour at most, or longer than twelve', async () => {
    const lasting = (MaxSessionDuration: number) =>
      refusal(
        admin.send(new iam.CreateRoleCommand({ RoleName: 'r', AssumeRolePolicyDocument: ec2, MaxSessionDuration })),
      );
    expect(await lasting(3599)).toMatch(/maxSessionDuration.*greater than or equal to 3600/);
    expect(await lasting(43_201)).toMatch(/maxSessionDuration.*less than or equal to 43200/);
  });

  test('is not made with a boundary that there is not, or with the same tag key twice', async () => {
    const boundary = arnOf('policy', 'no-such');
    const bounded = newRole({ PermissionsBoundary: boundary });
    expect(await refusal(bounded)).toBe(
      `NoSuchEntityException: Scope ARN: ${boundary} does not exist or is not attachable.`,
    );
    const tagged = newRole({
      Tags: [
        { Key: 'team', Value: '1' },
        { Key: 'TEAM', Value: '2' },
      ],
    });
    expect(await refusal(tagged)).toBe(
      'InvalidInputException: Duplicate tag keys found. Please note that Tag keys are case insensitive.',
    );
  });

  test('changes its description and the length of its sessions', async () => {
    const RoleName = await newRole({ Description: 'old', MaxSessionDuration: 7200 });
    const { Role } = await admin.send(new iam.UpdateRoleDescriptionCommand({ RoleName, Description: 'new' }));
    expect(Role).toMatchObject({ RoleName, Description: 'new' });
    expect(Role).not.toHaveProperty('MaxSessionDuration');
    expect(await getRole(RoleName)).toMatchObject({ MaxSessionDuration: 7200 });
    await admin.send(new iam.UpdateRoleCommand({ RoleName, MaxSessionDuration: 10_800 }));
    expect(await getRole(RoleName)).toMatchObject({ Description: 'new', MaxSessionDuration: 10_800 });
    await admin.send(new iam.UpdateRoleCommand({ RoleName, Description: 'newer' }));
    expect(await getRole(RoleName)).toMatchObject({ Description: 'newer', MaxSessionDuration: 3600 });
  });

  test('is deleted once it has no policies, and its boundary is free then', async () => {
    const PolicyDocument = document({ Effect: 'Allow', Action: 'kms:Sign', Resource: '*' });
    const { Policy } = await admin.send(new iam.CreatePolicyCommand({ PolicyName: 'of-the-deleted', PolicyDocument }));
    const PolicyArn = Policy?.Arn as string;
    const RoleName = await newRole({ PermissionsBoundary: PolicyArn });
    const deleteRole = () => admin.send(new iam.DeleteRoleCommand({ RoleName }));

    await admin.send(new iam.PutRolePolicyCommand({ RoleName, PolicyName: 'inline', PolicyDocument }));
    await admin.send(new iam.AttachRolePolicyCommand({ RoleName, PolicyArn }));
    expect(await refusal(deleteRole())).toBe(
      'DeleteConflictException: Cannot delete entity, must detach all policies first.',
    );
    await admin.send(new iam.DetachRolePolicyCommand({ RoleName, PolicyArn }));
    expect(await refusal(deleteRole())).toBe(
      'DeleteConflictException: Cannot delete entity, must delete policies first.',
    );
    await admin.send(new iam.DeleteRolePolicyCommand({ RoleName, PolicyName: 'inline' }));
    await deleteRole();
    await admin.send(new iam.DeletePolicyCommand({ PolicyArn }));
    expect(await refusal(getRole(RoleName))).toMatch(/^NoSuchEntityException/);
  });

  test('that does not exist is NoSuchEntity, whatever is asked of it', async () => {
    const RoleName = 'nobody';
    const PolicyName = 'p';
    const requests = [
      new iam.GetRoleCommand({ RoleName }),
      new iam.UpdateRoleCommand({ RoleName }),
      new iam.UpdateRoleDescriptionCommand({ RoleName, Description: '' }),
      new iam.UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: ec2 }),
      new iam.DeleteRoleCommand({ RoleName }),
      new iam.TagRoleCommand({ RoleName, Tags: [] }),
      new iam.UntagRoleCommand({ RoleName, TagKeys: [] }),
      new iam.ListRoleTagsCommand({ RoleName }),
      new iam.PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument: ec2 }),
      new iam.GetRolePolicyCommand({ RoleName, PolicyName }),
      new iam.ListRolePoliciesCommand({ RoleName }),
      new iam.DeleteRolePolicyCommand({ RoleName, PolicyName }),
      new iam.ListInstanceProfilesForRoleCommand({ RoleName }),
    ];
    for (const request of requests) {
      expect(await refusal(admin.send(request as iam.GetRoleCommand)), request.constructor.name).toBe(
        'NoSuchEntityException: The role with name nobody cannot be found.',
      );
    }
  });

  test('has no instance profiles', async () => {
    const RoleName = await newRole();
    const listed = await admin.send(new iam.ListInstanceProfilesForRoleCommand({ RoleName }));
    expect(listed).toMatchObject({ InstanceProfiles: [], IsTruncated: false });
  });
});

describe('a trust policy', () => {
  test('is replaced, and kept as it was written', async () => {
    const RoleName = await newRole();
    const PolicyDocument = trustOf({ AWS: server.accountId }).replaceAll(',', ',\n  ');
    await admin.send(new iam.UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument }));
    expect((await getRole(RoleName))?.AssumeRolePolicyDocument).toBe(encoded(PolicyDocument));
  });

  test('names nobody who does not exist', async () => {
    const stranger = arnOf('user', 'stranger');
    const AssumeRolePolicyDocument = trustOf({ AWS: [server.accountId, stranger] });
    const message = `MalformedPolicyDocumentException: Invalid principal in policy: "AWS":"${stranger}"`;
    expect(await refusal(newRole({ AssumeRolePolicyDocument }))).toBe(message);
    const RoleName = await newRole();
    const update = new iam.UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: AssumeRolePolicyDocument });
    expect(await refusal(admin.send(update))).toBe(message);
    expect((await getRole(RoleName))?.AssumeRolePolicyDocument).toBe(encoded(ec2));
  });

  test('is refused where it is no trust policy', async () => {
    const AssumeRolePolicyDocument = document({ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '*' });
    expect(await refusal(newRole({ AssumeRolePolicyDocument }))).toMatch(/^MalformedPolicyDocumentException: ./);
    expect(await refusal(newRole({ AssumeRolePolicyDocument: '{' }))).toMatch(/^MalformedPolicyDocumentException: ./);
  });

  test('may have 2,048 characters, of which white space is none', async () => {
    const longest = (characters: number, between = '') => {
      const condition = { StringEquals: { 'aws:PrincipalTag/team': '' } };
      const empty = document({
        Effect: 'Allow',
        Principal: { AWS: '*' },
        Action: 'sts:AssumeRole',
        Condition: condition,
      });
      return empty
        .replace('team":""', `team":"${'t'.repeat(characters - empty.length)}"`)
        .replaceAll(',', `,${between}`);
    };
    await newRole({ AssumeRolePolicyDocument: longest(2048, '\n      ') });
    expect(await refusal(newRole({ AssumeRolePolicyDocument: longest(2049) }))).toBe(
      'LimitExceededException: Cannot exceed quota for ACLSizePerRole: 2048',
    );
  });

  test('shows the unique id of a user who was deleted, also once another one has the name', async () => {
    const bob = await newUser('bob');
    const carol = await newUser('carol');
    const RoleName = await newRole({ AssumeRolePolicyDocument: trustOf({ AWS: [bob.Arn, carol.Arn] }) });
    expect((await trustShown(RoleName)).Statement[0].Principal).toEqual({ AWS: [bob.Arn, carol.Arn] });

    await admin.send(new iam.DeleteUserCommand({ UserName: 'bob' }));
    expect((await trustShown(RoleName)).Statement[0].Principal).toEqual({ AWS: [bob.UserId, carol.Arn] });
    const again = await newUser('bob');
    expect(again.UserId).not.toBe(bob.UserId);
    expect((await trustShown(RoleName)).Statement[0].Principal).toEqual({ AWS: [bob.UserId, carol.Arn] });

    const { Roles = [] } = await admin.send(new iam.ListRolesCommand({}));
    const listed = Roles.find((role) => role.RoleName === RoleName);
    expect(decodeURIComponent(listed?.AssumeRolePolicyDocument ?? '')).toContain(bob.UserId);
  });
});

describe('what a role has', () => {
  test('are tags, which are told apart by their keys in whatever case', async () => {
    const RoleName = await newRole({ Tags: [{ Key: 'Team', Value: 'one' }] });
    const tags = [
      { Key: 'team', Value: 'two' },
      { Key: 'cost', Value: '' },
    ];
    await admin.send(new iam.TagRoleCommand({ RoleName, Tags: tags }));
    const first = await admin.send(new iam.ListRoleTagsCommand({ RoleName, MaxItems: 1 }));
    expect(first).toMatchObject({ Tags: [{ Key: 'cost', Value: '' }], IsTruncated: true });
    const next = await admin.send(new iam.ListRoleTagsCommand({ RoleName, Marker: first.Marker }));
    expect(next).toMatchObject({ Tags: [{ Key: 'team', Value: 'two' }], IsTruncated: false });
    await admin.send(new iam.UntagRoleCommand({ RoleName, TagKeys: ['TEAM', 'nothing'] }));
    expect((await getRole(RoleName))?.Tags).toEqual([{ Key: 'cost', Value: '' }]);
  });

  test('are inline policies of 10,240 characters together', async () => {
    const RoleName = await newRole();
    const policy = (characters: number) => {
      const empty = document({
        Effect: 'Allow',
        Action: 'kms:Sign',
        Resource: 'arn:aws:kms:us-east-1:111122223333:key/',
      });
      return empty.replace('key/', `key/${'k'.repeat(characters - empty.length)}`);
    };
    const put = (PolicyName: string, characters: number) =>
      admin.send(new iam.PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument: policy(characters) }));
    await put('a', 10_000);
    await put('b', 240);
    expect(await refusal(put('b', 241))).toBe(
      `LimitExceededException: Maximum policy size of 10240 bytes exceeded for role ${RoleName}`,
    );
    const read = await admin.send(new iam.GetRolePolicyCommand({ RoleName, PolicyName: 'b' }));
    expect(read).toMatchObject({ RoleName, PolicyName: 'b', PolicyDocument: encoded(policy(240)) });
    const { PolicyNames } = await admin.send(new iam.ListRolePoliciesCommand({ RoleName }));
    expect(PolicyNames).toEqual(['a', 'b']);
    await admin.send(new iam.DeleteRolePolicyCommand({ RoleName, PolicyName: 'a' }));
    const gone = admin.send(new iam.GetRolePolicyCommand({ RoleName, PolicyName: 'a' }));
    expect(await refusal(gone)).toBe('NoSuchEntityException: The role policy with name a cannot be found.');
  });
});

test('roles are listed page by page', async () => {
  for (let index = 0; index < 5; index++) await newRole({ RoleName: `paged-${index}` });
  const names: (string | undefined)[] = [];
  for await (const page of iam.paginateListRoles({ client: admin, pageSize: 2 }, {})) {
    expect(page.Roles?.length).toBeLessThanOrEqual(2);
    names.push(...(page.Roles ?? []).map(({ RoleName }) => RoleName));
  }
  expect(names.filter((name) => name?.startsWith('paged-'))).toEqual([0, 1, 2, 3, 4].map((index) => `paged-${index}`));
  expect(new Set(names).size).toBe(names.length);
  expect(await refusal(admin.send(new iam.ListRolesCommand({ Marker: 'made-up' })))).toBe(
    'ValidationError: Invalid Marker.',
  );
});

describe('policies decide about roles', () => {
  test('by the tags that a request brings and that a role has', async () => {
    const tagger = await userWith(
      server,
      'tagger',
      {
        Effect: 'Allow',
        Action: ['iam:CreateRole', 'iam:TagRole'],
        Resource: '*',
        Condition: {
          StringEquals: { 'aws:RequestTag/team': 'one' },
          'ForAllValues:StringEquals': { 'aws:TagKeys': ['team'] },
        },
      },
      {
        Effect: 'Allow',
        Action: 'iam:DeleteRole',
        Resource: '*',
        Condition: { StringEquals: { 'iam:ResourceTag/team': 'one' } },
      },
    );
    const create = (RoleName: string, Tags: iam.Tag[]) =>
      tagger.send(new iam.CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: ec2, Tags }));
    const one = { Key: 'team', Value: 'one' };
    await create('tagged', [one]);
    expect(await refusal(create('untagged', []))).toMatch(/^AccessDenied/);
    expect(await refusal(create('otherwise', [{ Key: 'team', Value: 'two' }]))).toMatch(/^AccessDenied/);
    expect(await refusal(create('more', [one, { Key: 'x', Value: '' }]))).toMatch(/^AccessDenied/);

    const other = await newRole();
    const refused = tagger.send(new iam.DeleteRoleCommand({ RoleName: other }));
    expect(await refusal(refused)).toBe(
      `AccessDenied: User: ${arnOf('user', 'tagger')} is not authorized to perform: iam:DeleteRole on resource: role ${other} because no identity-based policy allows the iam:DeleteRole action`,
    );
    await tagger.send(new iam.DeleteRoleCommand({ RoleName: 'tagged' }));
    // Who may not delete it is not told whether there is one.
    const nothing = tagger.send(new iam.DeleteRoleCommand({ RoleName: 'nobody' }));
    expect(await refusal(nothing)).toMatch(/^AccessDenied/);
  });

  test('and refusals do not tell by a path that there is such a user, group, role or policy', async () => {
    const stranger = await userWith(server, 'outsider', { Effect: 'Allow', Action: 'kms:*', Resource: '*' });
    const name = 'hidden';
    const PolicyArn = arnOf('policy', `secret/${name}`);
    const asked = (): Promise<unknown>[] => [
      stranger.send(new iam.GetUserCommand({ UserName: name })),
      stranger.send(new iam.GetGroupCommand({ GroupName: name })),
      stranger.send(new iam.GetRoleCommand({ RoleName: name })),
      stranger.send(new iam.GetPolicyCommand({ PolicyArn })),
    ];
    const before = await Promise.all(asked().map(refusal));
    const Path = '/secret/';
    await admin.send(new iam.CreateUserCommand({ UserName: name, Path }));
    await admin.send(new iam.CreateGroupCommand({ GroupName: name, Path }));
    await admin.send(new iam.CreateRoleCommand({ RoleName: name, Path, AssumeRolePolicyDocument: ec2 }));
    const PolicyDocument = document({ Effect: 'Allow', Action: 'kms:*', Resource: '*' });
    await admin.send(new iam.CreatePolicyCommand({ PolicyName: name, Path, PolicyDocument }));
    expect(await Promise.all(asked().map(refusal))).toEqual(before);
    for (const [index, shown] of ['user hidden', 'group hidden', 'role hidden', `policy ${PolicyArn}`].entries()) {
      expect(before[index]).toContain(`on resource: ${shown} because no identity-based policy allows`);
    }
  });

  test('by the boundary that a request sets and that a role has', async () => {
    const PolicyDocument = document({ Effect: 'Allow', Action: 'kms:*', Resource: '*' });
    const { Policy } = await admin.send(new iam.CreatePolicyCommand({ PolicyName: 'demanded', PolicyDocument }));
    const boundary = Policy?.Arn as string;
    const delegate = await userWith(server, 'delegate', {
      Effect: 'Allow',
      Action: ['iam:CreateRole', 'iam:PutRolePolicy'],
      Resource: '*',
      Condition: { StringEquals: { 'iam:PermissionsBoundary': boundary } },
    });
    const create = (RoleName: string, more: object) =>
      delegate.send(new iam.CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: ec2, ...more }));
    await create('bounded', { PermissionsBoundary: boundary });
    expect(await refusal(create('unbounded', {}))).toMatch(/^AccessDenied/);

    const put = (RoleName: string) =>
      delegate.send(new iam.PutRolePolicyCommand({ RoleName, PolicyName: 'p', PolicyDocument }));
    await put('bounded');
    expect(await refusal(put(await newRole()))).toMatch(/^AccessDenied/);
  });
});
