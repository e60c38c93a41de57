import * as iam from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { document, iamClient, refusal, trustOf, userWith } from './support/iam.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

/**
 * What AWS was recorded to answer where its documentation says nothing, or something else. The records are LocalStack's
 * snapshots (tests/aws/services/iam/*.snapshot.json, taken from AWS in February 2026) and what users reported.
 */

let server: TestServer;
let admin: iam.IAMClient;
beforeAll(async () => {
  server = await startServer();
  admin = iamClient(server);
});
afterAll(() => cleanUp(server));

const anything = document({ Effect: 'Allow', Action: 'kms:*', Resource: '*' });
const arnOf = (resource: string) => `arn:aws:iam::${server.accountId}:${resource}`;

describe('a constraint that is broken', () => {
  const answer = (request: Promise<unknown>) => refusal(request);
  const broken = (path: string, constraint: string) =>
    `ValidationError: 1 validation error detected: Value at '${path}' failed to satisfy constraint: ${constraint}`;
  const invalid = (path: string, reason: string) =>
    `ValidationError: The specified value for ${path} is invalid. ${reason}`;
  const pattern = String.raw`[\p{L}\p{Z}\p{N}_.:/=+\-@]+`;

  test('of a name, a path or a document is told in a sentence, and alone', async () => {
    const UserName = 'not a name';
    const names = 'It must contain only alphanumeric characters and/or the following: +=,.@_-';
    expect(await answer(admin.send(new iam.CreateUserCommand({ UserName })))).toBe(invalid('userName', names));
    expect(await answer(admin.send(new iam.GetRoleCommand({ RoleName: 'a/b' })))).toBe(invalid('roleName', names));
    expect(await answer(admin.send(new iam.CreateGroupCommand({ GroupName: 'a b' })))).toBe(
      invalid('groupName', names),
    );
    expect(await answer(admin.send(new iam.CreateUserCommand({ UserName: 'a', Path: 'no slash' })))).toBe(
      invalid('path', 'It must begin and end with / and contain only alphanumeric characters and/or / characters.'),
    );
    expect(await answer(admin.send(new iam.ListUsersCommand({ PathPrefix: 'no slash' })))).toBe(
      invalid(
        'pathPrefix',
        'It must begin with the / character and contain only alphanumeric characters and/or / characters.',
      ),
    );
    const PolicyDocument = '{"Id":"🙂"}';
    expect(await answer(admin.send(new iam.CreatePolicyCommand({ PolicyName: 'p', PolicyDocument })))).toBe(
      invalid('policyDocument', 'It must contain only printable ASCII characters.'),
    );
  });

  test('is told without the value that breaks it', async () => {
    const PolicyArn = arnOf('policy/p');
    expect(await answer(admin.send(new iam.GetPolicyVersionCommand({ PolicyArn, VersionId: '1' })))).toBe(
      broken('versionId', String.raw`Member must satisfy regular expression pattern: v[1-9][0-9]*(\.[A-Za-z0-9-]*)?`),
    );
    const tagged = (Key: string, Value: string) =>
      answer(admin.send(new iam.CreateUserCommand({ UserName: 'u', Tags: [{ Key, Value }] })));
    expect(await tagged('k'.repeat(129), '')).toBe(
      broken('tags.1.member.key', 'Member must have length less than or equal to 128'),
    );
    expect(await tagged('k', 'v'.repeat(257))).toBe(
      broken('tags.1.member.value', 'Member must have length less than or equal to 256'),
    );
    expect(await tagged('k!', '')).toBe(
      broken('tags.1.member.key', `Member must satisfy regular expression pattern: ${pattern}`),
    );
    expect(await answer(admin.send(new iam.UntagUserCommand({ UserName: 'u', TagKeys: ['!'] })))).toBe(
      broken(
        'tagKeys',
        `Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: ${pattern}, Member must not be null]`,
      ),
    );
    expect(await answer(admin.send(new iam.CreateUserCommand({ UserName: 'u'.repeat(65) })))).toBe(
      broken('userName', 'Member must have length less than or equal to 64'),
    );
    const ClientIDList = ['c'.repeat(256)];
    const Url = 'https://example.com';
    expect(await answer(admin.send(new iam.CreateOpenIDConnectProviderCommand({ Url, ClientIDList })))).toBe(
      broken(
        'clientIDList',
        'Member must satisfy constraint: [Member must have length less than or equal to 255, Member must have length greater than or equal to 1]',
      ),
    );
  });
});

test('a managed policy that is not there is missed in the words of what was to be done with it', async () => {
  const PolicyArn = arnOf('policy/none');
  const missed = (request: Promise<unknown>, what: string) =>
    expect(refusal(request)).resolves.toBe(`NoSuchEntityException: Policy ${PolicyArn} ${what}`);
  const version = 'version v1 does not exist or is not attachable.';
  await missed(admin.send(new iam.GetPolicyVersionCommand({ PolicyArn, VersionId: 'v1' })), version);
  await missed(admin.send(new iam.SetDefaultPolicyVersionCommand({ PolicyArn, VersionId: 'v1' })), version);
  await missed(admin.send(new iam.ListEntitiesForPolicyCommand({ PolicyArn })), 'does not exist or is not attachable.');
  await missed(admin.send(new iam.GetPolicyCommand({ PolicyArn })), 'was not found.');
  await missed(admin.send(new iam.ListPolicyTagsCommand({ PolicyArn })), 'was not found.');
});

test('tags of policies are told by the case of their keys', async () => {
  const create = (PolicyName: string, ...keys: string[]) =>
    admin.send(
      new iam.CreatePolicyCommand({
        PolicyName,
        PolicyDocument: anything,
        Tags: keys.map((Key) => ({ Key, Value: Key })),
      }),
    );
  await create('of-two-cases', 'a', 'A');
  const { Tags } = await admin.send(new iam.ListPolicyTagsCommand({ PolicyArn: arnOf('policy/of-two-cases') }));
  expect(Tags?.map(({ Key }) => Key)).toEqual(['A', 'a']);
  expect(await refusal(create('twice', 'a', 'a'))).toBe('InvalidInputException: Duplicate tag keys found.');
});

describe('a denial calls', () => {
  let nobody: iam.IAMClient;
  beforeAll(async () => {
    nobody = await userWith(server, 'nobody', { Effect: 'Allow', Action: 'kms:*', Resource: '*' });
  });
  const called = async (action: string, request: Promise<unknown>, resource: string) =>
    expect(await refusal(request)).toBe(
      `AccessDenied: User: ${arnOf('user/nobody')} is not authorized to perform: iam:${action} on resource: ` +
        `${resource} because no identity-based policy allows the iam:${action} action`,
    );

  // aws-cdk issue 27067, terraform-aws-eks issue 2517.
  test('what there may be by its kind and name, and never by its path', async () => {
    await admin.send(new iam.CreateUserCommand({ UserName: 'hidden', Path: '/secret/' }));
    const PolicyArn = arnOf('policy/none');
    const RoleName = 'none';
    await called('GetUser', nobody.send(new iam.GetUserCommand({ UserName: 'hidden' })), 'user hidden');
    await called('GetUser', nobody.send(new iam.GetUserCommand({})), 'user nobody');
    await called('GetRole', nobody.send(new iam.GetRoleCommand({ RoleName })), 'role none');
    await called('GetGroup', nobody.send(new iam.GetGroupCommand({ GroupName: 'g' })), 'group g');
    await called('GetPolicy', nobody.send(new iam.GetPolicyCommand({ PolicyArn })), `policy ${PolicyArn}`);
    const attach = nobody.send(new iam.AttachRolePolicyCommand({ RoleName, PolicyArn }));
    await called('AttachRolePolicy', attach, 'role none');
  });

  test('what is to be made by its ARN, but for policies', async () => {
    const trust = trustOf({ Service: 'ec2.amazonaws.com' });
    const create = nobody.send(new iam.CreateRoleCommand({ RoleName: 'r', AssumeRolePolicyDocument: trust }));
    await called('CreateRole', create, arnOf('role/r'));
    await called('CreateUser', nobody.send(new iam.CreateUserCommand({ UserName: 'u' })), arnOf('user/u'));
    await called('CreateGroup', nobody.send(new iam.CreateGroupCommand({ GroupName: 'g' })), arnOf('group/g'));
    const policy = nobody.send(new iam.CreatePolicyCommand({ PolicyName: 'p', PolicyDocument: anything }));
    await called('CreatePolicy', policy, 'policy p');
  });

  test('a listing by the path that it is of', async () => {
    await called('ListUsers', nobody.send(new iam.ListUsersCommand({})), arnOf('user/'));
    await called('ListRoles', nobody.send(new iam.ListRolesCommand({ PathPrefix: '/a/' })), arnOf('role/a/'));
    await called('ListGroups', nobody.send(new iam.ListGroupsCommand({})), arnOf('group/'));
    await called('ListPolicies', nobody.send(new iam.ListPoliciesCommand({})), 'policy path /');
    await called('GetAccountSummary', nobody.send(new iam.GetAccountSummaryCommand({})), '*');
  });
});
