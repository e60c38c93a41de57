import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import {
  AddUserToGroupCommand,
  AttachGroupPolicyCommand,
  AttachUserPolicyCommand,
  CreateAccessKeyCommand,
  CreateGroupCommand,
  CreateUserCommand,
  DeleteAccessKeyCommand,
  DeleteGroupCommand,
  DeleteGroupPolicyCommand,
  DeleteUserCommand,
  DeleteUserPolicyCommand,
  DetachGroupPolicyCommand,
  DetachUserPolicyCommand,
  GetAccessKeyLastUsedCommand,
  GetGroupCommand,
  GetGroupPolicyCommand,
  GetUserCommand,
  GetUserPolicyCommand,
  type IAMClient,
  ListAccessKeysCommand,
  ListEntitiesForPolicyCommand,
  ListGroupPoliciesCommand,
  ListGroupsCommand,
  ListGroupsForUserCommand,
  ListUserPoliciesCommand,
  ListUsersCommand,
  ListUserTagsCommand,
  PutGroupPolicyCommand,
  PutUserPolicyCommand,
  paginateGetGroup,
  paginateListAccessKeys,
  paginateListGroups,
  paginateListGroupsForUser,
  paginateListUserPolicies,
  paginateListUserTags,
  RemoveUserFromGroupCommand,
  TagUserCommand,
  UntagUserCommand,
  UpdateAccessKeyCommand,
  UpdateGroupCommand,
  UpdateUserCommand,
} from '@aws-sdk/client-iam';
import { ListKeysCommand } from '@aws-sdk/client-kms';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditRecordsOf } from './support/audit.ts';
import { document, iamClient } from './support/iam.ts';
import { cleanUp, readCredentials, startServer, type TestServer } from './support/server.ts';

const ADMINISTRATOR_ACCESS = 'arn:aws:iam::aws:policy/AdministratorAccess';
const READ_ONLY_ACCESS = 'arn:aws:iam::aws:policy/ReadOnlyAccess';

let server: TestServer;
let iam: IAMClient;
let root: IAMClient;

beforeAll(async () => {
  server = await startServer({ workers: 2 });
  iam = as(server.credentials);
  root = as(readCredentials(join(server.dataDir, 'root-credentials')));
});

afterAll(() => cleanUp(server));

interface AccessKeyPair {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const as = (credentials: AccessKeyPair) => iamClient(server, credentials);

let names = 0;
const newName = (kind: string) => `${kind}-${++names}`;

async function newUser(more: { Path?: string; Tags?: { Key: string; Value: string }[] } = {}): Promise<string> {
  const UserName = newName('user');
  await iam.send(new CreateUserCommand({ UserName, ...more }));
  return UserName;
}

async function newGroup(): Promise<string> {
  const GroupName = newName('group');
  await iam.send(new CreateGroupCommand({ GroupName }));
  return GroupName;
}

async function newAccessKey(UserName: string, client = iam): Promise<AccessKeyPair> {
  const { AccessKey } = await client.send(new CreateAccessKeyCommand({ UserName }));
  return { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' };
}

const statement = (Action: string | string[], more: object = {}) => ({
  Effect: 'Allow',
  Action,
  Resource: '*',
  ...more,
});

/** A user with one policy, and a client that speaks as it. */
async function userWho(...statements: object[]): Promise<{ userName: string; client: IAMClient; key: AccessKeyPair }> {
  const userName = await newUser();
  await iam.send(
    new PutUserPolicyCommand({ UserName: userName, PolicyName: 'p', PolicyDocument: document(...statements) }),
  );
  const key = await newAccessKey(userName);
  return { userName, key, client: as(key) };
}

const refusal = (name: string, message: string | RegExp) => ({
  name,
  message: typeof message === 'string' ? message : expect.stringMatching(message),
});
const noSuchUser = refusal('NoSuchEntityException', 'The user with name nobody cannot be found.');
const noSuchGroup = refusal('NoSuchEntityException', 'The group with name nothing cannot be found.');

async function collected<P, T>(
  pages: AsyncIterable<P>,
  itemsOf: (page: P) => readonly T[] | undefined,
): Promise<T[][]> {
  const all: T[][] = [];
  for await (const page of pages) all.push([...(itemsOf(page) ?? [])]);
  return all;
}

describe('users', () => {
  test('are told by their unique ids, and listed without tags', async () => {
    const UserName = newName('user');
    const Tags = [{ Key: 'Team', Value: 'blue' }];
    const { User } = await iam.send(new CreateUserCommand({ UserName, Path: '/division/', Tags }));
    expect(User).toEqual({
      Path: '/division/',
      UserName,
      UserId: expect.stringMatching(/^AIDA[A-Z2-7]{17}$/),
      Arn: `arn:aws:iam::${server.accountId}:user/division/${UserName}`,
      CreateDate: expect.any(Date),
      Tags,
    });
    expect((await iam.send(new GetUserCommand({ UserName }))).User).toEqual(User);
    const { Tags: _, ...listed } = User ?? {};
    const { Users } = await iam.send(new ListUsersCommand({ PathPrefix: '/div' }));
    expect(Users).toEqual([listed]);
  });

  test('have names that no other has, in whatever case, and are found by exactly theirs', async () => {
    const UserName = await newUser();
    const again = new CreateUserCommand({ UserName: UserName.toUpperCase() });
    await expect(iam.send(again)).rejects.toMatchObject(
      refusal('EntityAlreadyExistsException', `User with name ${UserName.toUpperCase()} already exists.`),
    );
    await expect(iam.send(new GetUserCommand({ UserName: UserName.toUpperCase() }))).rejects.toMatchObject({
      name: 'NoSuchEntityException',
    });
  });

  test('may be made with a boundary, which is a policy that is there', async () => {
    const UserName = newName('user');
    const { User } = await iam.send(new CreateUserCommand({ UserName, PermissionsBoundary: ADMINISTRATOR_ACCESS }));
    expect(User?.PermissionsBoundary).toEqual({
      PermissionsBoundaryType: 'Policy',
      PermissionsBoundaryArn: ADMINISTRATOR_ACCESS,
    });
    for (const policyArn of [`arn:aws:iam::${server.accountId}:policy/none`, 'arn:aws:iam::aws:policy/None']) {
      const request = new CreateUserCommand({ UserName: newName('user'), PermissionsBoundary: policyArn });
      await expect(iam.send(request)).rejects.toMatchObject(
        refusal('NoSuchEntityException', `Scope ARN: ${policyArn} does not exist or is not attachable.`),
      );
    }
    for (const policyArn of ['a text without any colon', `arn:aws:iam::${server.accountId}:not_a_policy/x`]) {
      const request = new CreateUserCommand({ UserName: newName('user'), PermissionsBoundary: policyArn });
      await expect(iam.send(request)).rejects.toMatchObject(
        refusal('InvalidInputException', `ARN ${policyArn} is not valid.`),
      );
    }
    await iam.send(new DeleteUserCommand({ UserName }));
    await iam.send(new CreateUserCommand({ UserName, PermissionsBoundary: ADMINISTRATOR_ACCESS }));
  });

  test('that are not there are missed by every operation', async () => {
    const UserName = 'nobody';
    const PolicyName = 'p';
    for (const request of [
      new GetUserCommand({ UserName }),
      new DeleteUserCommand({ UserName }),
      new UpdateUserCommand({ UserName, NewUserName: 'somebody' }),
      new TagUserCommand({ UserName, Tags: [{ Key: 'k', Value: 'v' }] }),
      new UntagUserCommand({ UserName, TagKeys: ['k'] }),
      new ListUserTagsCommand({ UserName }),
      new PutUserPolicyCommand({ UserName, PolicyName, PolicyDocument: document(statement('kms:*')) }),
      new GetUserPolicyCommand({ UserName, PolicyName }),
      new ListUserPoliciesCommand({ UserName }),
      new DeleteUserPolicyCommand({ UserName, PolicyName }),
      new ListGroupsForUserCommand({ UserName }),
      new CreateAccessKeyCommand({ UserName }),
      new ListAccessKeysCommand({ UserName }),
      new UpdateAccessKeyCommand({ UserName, AccessKeyId: 'AKIAIOSFODNN7EXAMPLE', Status: 'Inactive' }),
      new DeleteAccessKeyCommand({ UserName, AccessKeyId: 'AKIAIOSFODNN7EXAMPLE' }),
      new AddUserToGroupCommand({ UserName, GroupName: 'nothing' }),
      new RemoveUserFromGroupCommand({ UserName, GroupName: 'nothing' }),
    ]) {
      await expect(iam.send(request as GetUserCommand), request.constructor.name).rejects.toMatchObject(noSuchUser);
    }
  });

  test('keep their unique id, groups, policies and keys when they are renamed', async () => {
    const { userName, client, key } = await userWho(statement(['iam:GetUser', 'iam:ListAccessKeys']));
    const GroupName = await newGroup();
    await iam.send(new AddUserToGroupCommand({ UserName: userName, GroupName }));
    await iam.send(new TagUserCommand({ UserName: userName, Tags: [{ Key: 'Team', Value: 'blue' }] }));
    const { User: before } = await client.send(new GetUserCommand({}));
    const NewUserName = newName('renamed');
    await iam.send(new UpdateUserCommand({ UserName: userName, NewUserName, NewPath: '/there/' }));
    const after = {
      ...before,
      UserName: NewUserName,
      Path: '/there/',
      Arn: `arn:aws:iam::${server.accountId}:user/there/${NewUserName}`,
    };
    expect((await client.send(new GetUserCommand({}))).User).toEqual(after);
    const sts = new STSClient({ endpoint: server.url, region: 'us-east-1', credentials: key });
    expect(await sts.send(new GetCallerIdentityCommand({}))).toMatchObject({ Arn: after.Arn, UserId: before?.UserId });
    expect((await client.send(new ListAccessKeysCommand({}))).AccessKeyMetadata).toMatchObject([
      { UserName: NewUserName, AccessKeyId: key.accessKeyId },
    ]);
    expect((await iam.send(new GetGroupCommand({ GroupName }))).Users).toMatchObject([{ UserName: NewUserName }]);
    expect((await iam.send(new ListGroupsForUserCommand({ UserName: NewUserName }))).Groups).toHaveLength(1);
    await expect(iam.send(new GetUserCommand({ UserName: userName }))).rejects.toMatchObject({
      name: 'NoSuchEntityException',
    });
    // In other letters only: it is one name.
    await iam.send(new UpdateUserCommand({ UserName: NewUserName, NewUserName: NewUserName.toUpperCase() }));
    expect((await client.send(new GetUserCommand({}))).User?.UserName).toBe(NewUserName.toUpperCase());
    expect((await iam.send(new GetGroupCommand({ GroupName }))).Users).toMatchObject([
      { UserName: NewUserName.toUpperCase() },
    ]);
  });

  test('with a boundary and a managed policy take both to their new name', async () => {
    const UserName = newName('user');
    const create = new CreateUserCommand({ UserName, PermissionsBoundary: ADMINISTRATOR_ACCESS });
    await iam.send(create);
    await iam.send(new AttachUserPolicyCommand({ UserName, PolicyArn: READ_ONLY_ACCESS }));
    const NewUserName = newName('renamed');
    await iam.send(new UpdateUserCommand({ UserName, NewUserName }));
    const entities = (PolicyArn: string) => iam.send(new ListEntitiesForPolicyCommand({ PolicyArn }));
    expect((await entities(READ_ONLY_ACCESS)).PolicyUsers).toMatchObject([{ UserName: NewUserName }]);
    expect((await entities(ADMINISTRATOR_ACCESS)).PolicyUsers).toContainEqual(
      expect.objectContaining({ UserName: NewUserName }),
    );
    // The old name can have a boundary of its own, and the new one can be deleted with its own.
    await iam.send(create);
    await iam.send(new DetachUserPolicyCommand({ UserName: NewUserName, PolicyArn: READ_ONLY_ACCESS }));
    await iam.send(new DeleteUserCommand({ UserName: NewUserName }));
    expect((await entities(ADMINISTRATOR_ACCESS)).PolicyUsers?.map((user) => user.UserName)).not.toContain(NewUserName);
  });

  test('are not renamed to what another is called, nor by whoever may not touch the new name', async () => {
    const [one, other] = [await newUser(), await newUser()];
    await expect(
      iam.send(new UpdateUserCommand({ UserName: one, NewUserName: other.toUpperCase() })),
    ).rejects.toMatchObject(
      refusal('EntityAlreadyExistsException', `User with name ${other.toUpperCase()} already exists.`),
    );
    const Resource = `arn:aws:iam::${server.accountId}:user/${one}`;
    const { client } = await userWho(statement('iam:UpdateUser', { Resource }));
    await client.send(new UpdateUserCommand({ UserName: one }));
    await expect(client.send(new UpdateUserCommand({ UserName: one, NewUserName: 'robert' }))).rejects.toMatchObject(
      refusal('AccessDenied', /is not authorized to perform: iam:UpdateUser on resource: user robert because/),
    );
  });

  test('are deleted only when they have nothing left, and AWS says what, in its order', async () => {
    const { userName: UserName, key } = await userWho(statement('kms:*'));
    const GroupName = await newGroup();
    await iam.send(new AddUserToGroupCommand({ UserName, GroupName }));
    const conflict = async (what: string) =>
      expect(iam.send(new DeleteUserCommand({ UserName }))).rejects.toMatchObject({
        ...refusal('DeleteConflictException', `Cannot delete entity, must ${what} first.`),
        $metadata: { httpStatusCode: 409 },
      });
    await conflict('remove users from group');
    await iam.send(new RemoveUserFromGroupCommand({ UserName, GroupName }));
    await conflict('delete access keys');
    await iam.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId: key.accessKeyId }));
    await iam.send(new AttachUserPolicyCommand({ UserName, PolicyArn: READ_ONLY_ACCESS }));
    await conflict('detach all policies');
    await iam.send(new DetachUserPolicyCommand({ UserName, PolicyArn: READ_ONLY_ACCESS }));
    await conflict('delete policies');
    await iam.send(new DeleteUserPolicyCommand({ UserName, PolicyName: 'p' }));
    await iam.send(new DeleteUserCommand({ UserName }));
    await expect(as(key).send(new GetUserCommand({}))).rejects.toMatchObject({ name: 'InvalidClientTokenId' });
  });

  test('whose name was another’s before get nothing of theirs', async () => {
    const { userName: UserName, key } = await userWho(statement('iam:ListUsers'));
    const before = (await iam.send(new GetUserCommand({ UserName }))).User?.UserId;
    await iam.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId: key.accessKeyId }));
    await iam.send(new DeleteUserPolicyCommand({ UserName, PolicyName: 'p' }));
    await iam.send(new DeleteUserCommand({ UserName }));
    const { User } = await iam.send(new CreateUserCommand({ UserName }));
    expect(User?.UserId).not.toBe(before);
    const anew = as(await newAccessKey(UserName));
    await expect(anew.send(new ListUsersCommand({}))).rejects.toMatchObject({ name: 'AccessDenied' });
  });
});

describe('tags', () => {
  test('are set, replaced in whatever case, listed by key, and taken away', async () => {
    const UserName = await newUser({ Tags: [{ Key: 'Zone', Value: 'one' }] });
    await iam.send(
      new TagUserCommand({
        UserName,
        Tags: [
          { Key: 'zone', Value: 'two' },
          { Key: 'Cost', Value: '' },
        ],
      }),
    );
    const listed = (more = {}) => iam.send(new ListUserTagsCommand({ UserName, ...more }));
    expect(await listed()).toMatchObject({
      IsTruncated: false,
      Tags: [
        { Key: 'Cost', Value: '' },
        { Key: 'zone', Value: 'two' },
      ],
    });
    const pages = paginateListUserTags({ client: iam, pageSize: 1 }, { UserName });
    expect(await collected(pages, ({ Tags }) => Tags?.map(({ Key }) => Key))).toEqual([['Cost'], ['zone']]);
    await iam.send(new UntagUserCommand({ UserName, TagKeys: ['ZONE', 'no such tag'] }));
    expect((await listed()).Tags).toEqual([{ Key: 'Cost', Value: '' }]);
    await expect(listed({ Marker: 'made up' })).rejects.toMatchObject(refusal('ValidationError', 'Invalid Marker.'));
  });

  test('whose keys are longer than a marker are listed in pages as well', async () => {
    const keys = ['a', 'b', 'c'].map((last) => '鍵'.repeat(127) + last);
    const UserName = await newUser({ Tags: keys.map((Key) => ({ Key, Value: '' })).reverse() });
    const pages = paginateListUserTags({ client: iam, pageSize: 1 }, { UserName });
    expect(await collected(pages, ({ Tags }) => Tags?.map(({ Key }) => Key))).toEqual(keys.map((key) => [key]));
  });

  test('are 50 at most, each key once, and none of AWS’s own', async () => {
    const Tags = Array.from({ length: 50 }, (_, index) => ({ Key: `key-${index}`, Value: 'v' }));
    const UserName = await newUser({ Tags });
    const tag = (...keys: string[]) =>
      iam.send(new TagUserCommand({ UserName, Tags: keys.map((Key) => ({ Key, Value: 'w' })) }));
    await tag('KEY-7');
    await expect(tag('one-more')).rejects.toMatchObject(
      refusal('LimitExceededException', 'The number of tags has reached the maximum limit.'),
    );
    await expect(tag('Twice', 'twice')).rejects.toMatchObject(
      refusal('InvalidInputException', 'Duplicate tag keys found. Please note that Tag keys are case insensitive.'),
    );
    await expect(tag('AWS:mine')).rejects.toMatchObject({ name: 'InvalidInputException' });
    await expect(tag('what?')).rejects.toMatchObject(refusal('ValidationError', /regular expression pattern/));
    await expect(
      iam.send(new TagUserCommand({ UserName, Tags: [...Tags, { Key: 'x', Value: '' }] })),
    ).rejects.toMatchObject(refusal('ValidationError', /Member must have length less than or equal to 50/));
  });

  test('decide with aws:RequestTag, aws:TagKeys and iam:ResourceTag', async () => {
    const own = await newUser({ Tags: [{ Key: 'Team', Value: 'blue' }] });
    const others = await newUser({ Tags: [{ Key: 'Team', Value: 'red' }] });
    const { client } = await userWho(
      statement('iam:GetUser', { Condition: { StringEquals: { 'iam:ResourceTag/team': 'blue' } } }),
      statement(['iam:TagUser', 'iam:CreateUser'], {
        Condition: {
          StringEquals: { 'aws:RequestTag/Cost': '7' },
          'ForAllValues:StringEquals': { 'aws:TagKeys': ['Cost'] },
        },
      }),
      statement('iam:UntagUser', { Condition: { 'ForAllValues:StringEquals': { 'aws:TagKeys': ['Cost'] } } }),
    );
    const denied = { name: 'AccessDenied' };
    await client.send(new GetUserCommand({ UserName: own }));
    await expect(client.send(new GetUserCommand({ UserName: others }))).rejects.toMatchObject(denied);
    const tag = (Key: string, Value: string) =>
      client.send(new TagUserCommand({ UserName: own, Tags: [{ Key, Value }] }));
    await tag('Cost', '7');
    await expect(tag('Cost', '8')).rejects.toMatchObject(denied);
    await expect(tag('Team', '7')).rejects.toMatchObject(denied);
    const create = (Tags?: { Key: string; Value: string }[]) =>
      client.send(new CreateUserCommand({ UserName: newName('user'), ...(Tags && { Tags }) }));
    await create([{ Key: 'Cost', Value: '7' }]);
    await expect(create()).rejects.toMatchObject(denied);
    await client.send(new UntagUserCommand({ UserName: own, TagKeys: ['Cost'] }));
    await expect(client.send(new UntagUserCommand({ UserName: own, TagKeys: ['Team'] }))).rejects.toMatchObject(denied);
  });
});

describe('inline policies', () => {
  const policy = document(statement('kms:ListKeys', { Condition: { Null: { 'aws:username': 'false' } } }));

  test('of a user are put, read back URL-encoded, replaced, listed in pages and deleted', async () => {
    const UserName = await newUser();
    const put = (PolicyName: string, PolicyDocument = policy) =>
      iam.send(new PutUserPolicyCommand({ UserName, PolicyName, PolicyDocument }));
    for (const name of ['b', 'a', 'c']) await put(name);
    const spaced = JSON.stringify(JSON.parse(document(statement('kms:List*'))), null, 2);
    await put('b', spaced);
    const read = await iam.send(new GetUserPolicyCommand({ UserName, PolicyName: 'b' }));
    expect(read).toMatchObject({ UserName, PolicyName: 'b' });
    expect(read.PolicyDocument).toMatch(/^(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+$/);
    expect(read.PolicyDocument).toContain('kms%3AList%2A');
    expect(decodeURIComponent(read.PolicyDocument ?? '')).toBe(spaced);
    const pages = paginateListUserPolicies({ client: iam, pageSize: 2 }, { UserName });
    expect(await collected(pages, ({ PolicyNames }) => PolicyNames)).toEqual([['a', 'b'], ['c']]);
    await iam.send(new DeleteUserPolicyCommand({ UserName, PolicyName: 'b' }));
    for (const request of [GetUserPolicyCommand, DeleteUserPolicyCommand]) {
      await expect(iam.send(new request({ UserName, PolicyName: 'b' }) as GetUserPolicyCommand)).rejects.toMatchObject(
        refusal('NoSuchEntityException', 'The user policy with name b cannot be found.'),
      );
    }
    expect((await iam.send(new ListUserPoliciesCommand({ UserName }))).PolicyNames).toEqual(['a', 'c']);
  });

  test('act at once, on every worker', async () => {
    const { userName: UserName, client } = await userWho(statement('iam:ListUsers'));
    const lists = () =>
      client.send(new ListUsersCommand({})).then(
        () => true,
        () => false,
      );
    for (let turn = 0; turn < 5; turn++) {
      await iam.send(new DeleteUserPolicyCommand({ UserName, PolicyName: 'p' }));
      expect(await Promise.all(Array.from({ length: 4 }, lists))).toEqual([false, false, false, false]);
      const PolicyDocument = document(statement('iam:ListUsers'));
      await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: 'p', PolicyDocument }));
      expect(await Promise.all(Array.from({ length: 4 }, lists))).toEqual([true, true, true, true]);
    }
  });

  test('are measured together and without white space', async () => {
    const filled = (characters: number, space = '') => {
      const empty = document(statement('kms:ListKeys', { Sid: '' }));
      return document(statement('kms:ListKeys', { Sid: 'a'.repeat(characters - empty.length) })).replace(
        '{',
        `{${space}`,
      );
    };
    const UserName = await newUser();
    const put = (PolicyName: string, PolicyDocument: string) =>
      iam.send(new PutUserPolicyCommand({ UserName, PolicyName, PolicyDocument }));
    await put('one', filled(1024, ' \n\t'.repeat(1000)));
    await put('two', filled(1024));
    const tooLarge = refusal(
      'LimitExceededException',
      `Maximum policy size of 2048 bytes exceeded for user ${UserName}`,
    );
    await expect(put('two', filled(1025))).rejects.toMatchObject(tooLarge);
    await expect(put('three', filled(200))).rejects.toMatchObject(tooLarge);
    const GroupName = await newGroup();
    const putForGroup = (PolicyDocument: string) =>
      iam.send(new PutGroupPolicyCommand({ GroupName, PolicyName: 'p', PolicyDocument }));
    await putForGroup(filled(5120));
    await expect(putForGroup(filled(5121))).rejects.toMatchObject(
      refusal('LimitExceededException', `Maximum policy size of 5120 bytes exceeded for group ${GroupName}`),
    );
  });

  test('that are no identity policies are refused', async () => {
    const UserName = await newUser();
    for (const PolicyDocument of ['{', document({ ...statement('kms:*'), Principal: '*' })]) {
      await expect(
        iam.send(new PutUserPolicyCommand({ UserName, PolicyName: 'p', PolicyDocument })),
      ).rejects.toMatchObject({ name: 'MalformedPolicyDocumentException', $metadata: { httpStatusCode: 400 } });
    }
  });

  test('of a group are the same', async () => {
    const GroupName = await newGroup();
    await iam.send(new PutGroupPolicyCommand({ GroupName, PolicyName: 'p', PolicyDocument: policy }));
    const read = await iam.send(new GetGroupPolicyCommand({ GroupName, PolicyName: 'p' }));
    expect(decodeURIComponent(read.PolicyDocument ?? '')).toBe(policy);
    expect((await iam.send(new ListGroupPoliciesCommand({ GroupName }))).PolicyNames).toEqual(['p']);
    await iam.send(new DeleteGroupPolicyCommand({ GroupName, PolicyName: 'p' }));
    await expect(iam.send(new GetGroupPolicyCommand({ GroupName, PolicyName: 'p' }))).rejects.toMatchObject(
      refusal('NoSuchEntityException', 'The group policy with name p cannot be found.'),
    );
  });

  test('are put only where iam:PermissionsBoundary is what a condition asks', async () => {
    const bounded = newName('user');
    await iam.send(new CreateUserCommand({ UserName: bounded, PermissionsBoundary: ADMINISTRATOR_ACCESS }));
    const unbounded = await newUser();
    const Condition = { StringEquals: { 'iam:PermissionsBoundary': ADMINISTRATOR_ACCESS } };
    const { client } = await userWho(
      statement(['iam:PutUserPolicy', 'iam:DeleteUserPolicy', 'iam:CreateUser'], { Condition }),
    );
    const put = (UserName: string) =>
      client.send(new PutUserPolicyCommand({ UserName, PolicyName: 'q', PolicyDocument: policy }));
    await put(bounded);
    await client.send(new DeleteUserPolicyCommand({ UserName: bounded, PolicyName: 'q' }));
    await expect(put(unbounded)).rejects.toMatchObject({ name: 'AccessDenied' });
    const UserName = newName('user');
    await client.send(new CreateUserCommand({ UserName, PermissionsBoundary: ADMINISTRATOR_ACCESS }));
    await expect(client.send(new CreateUserCommand({ UserName: newName('user') }))).rejects.toMatchObject({
      name: 'AccessDenied',
    });
  });
});

describe('access keys', () => {
  test('sign as soon as they are made and while they are active, two for each user', async () => {
    const { userName: UserName, client, key } = await userWho(statement('iam:*'));
    const second = await newAccessKey(UserName);
    expect(second.accessKeyId).toMatch(/^AKIA[A-Z2-7]{16}$/);
    expect(second.secretAccessKey).toMatch(/^[A-Za-z0-9+/]{40}$/);
    await expect(newAccessKey(UserName)).rejects.toMatchObject(
      refusal('LimitExceededException', 'Cannot exceed quota for AccessKeysPerUser: 2'),
    );
    const set = (Status: 'Active' | 'Inactive') =>
      client.send(new UpdateAccessKeyCommand({ AccessKeyId: second.accessKeyId, Status }));
    const ask = () => as(second).send(new GetUserCommand({}));
    await ask();
    await set('Inactive');
    await expect(ask()).rejects.toMatchObject({ name: 'InvalidClientTokenId' });
    const pages = paginateListAccessKeys({ client: iam, pageSize: 1 }, { UserName });
    const listed = await collected(pages, ({ AccessKeyMetadata }) => AccessKeyMetadata);
    expect(listed.flat()).toHaveLength(2);
    expect(listed.flat()).toContainEqual({
      UserName,
      AccessKeyId: second.accessKeyId,
      Status: 'Inactive',
      CreateDate: expect.any(Date),
    });
    await set('Active');
    await ask();
    await client.send(new DeleteAccessKeyCommand({ AccessKeyId: second.accessKeyId }));
    await expect(ask()).rejects.toMatchObject({ name: 'InvalidClientTokenId' });
    expect(key.accessKeyId).not.toBe(second.accessKeyId);
  });

  test('of one user are not another’s', async () => {
    const { key } = await userWho(statement('iam:*'));
    const UserName = await newUser();
    const AccessKeyId = key.accessKeyId;
    const missing = refusal('NoSuchEntityException', `The Access Key with id ${AccessKeyId} cannot be found.`);
    await expect(
      iam.send(new UpdateAccessKeyCommand({ UserName, AccessKeyId, Status: 'Inactive' })),
    ).rejects.toMatchObject(missing);
    await expect(iam.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId }))).rejects.toMatchObject(missing);
    await as(key).send(new GetUserCommand({}));
    await expect(as(key).send(new UpdateAccessKeyCommand({ AccessKeyId, Status: 'Expired' }))).rejects.toMatchObject({
      name: 'InvalidInputException',
    });
  });

  test('show their secret once, and the audit trail never', async () => {
    const UserName = await newUser();
    const { accessKeyId, secretAccessKey } = await newAccessKey(UserName);
    const records = await auditRecordsOf(server);
    const made = records.filter(({ responseElements }) =>
      JSON.stringify(responseElements ?? null).includes(accessKeyId),
    );
    expect(made).toMatchObject([
      {
        eventName: 'CreateAccessKey',
        requestParameters: { userName: UserName },
        responseElements: { accessKey: { userName: UserName, accessKeyId, status: 'Active' } },
      },
    ]);
    expect(JSON.stringify(records)).not.toContain(secretAccessKey);
  });

  test('of root are root’s alone, and no user’s name leads to them', async () => {
    const { AccessKey } = await root.send(new CreateAccessKeyCommand({}));
    expect(AccessKey?.UserName).toBeUndefined();
    const AccessKeyId = AccessKey?.AccessKeyId;
    const second = as({ accessKeyId: AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' });
    expect((await second.send(new GetUserCommand({}))).User).toEqual({
      UserId: server.accountId,
      Arn: `arn:aws:iam::${server.accountId}:root`,
      CreateDate: expect.any(Date),
    });
    expect((await root.send(new ListAccessKeysCommand({}))).AccessKeyMetadata).toHaveLength(2);
    await expect(root.send(new CreateAccessKeyCommand({}))).rejects.toMatchObject({ name: 'LimitExceededException' });
    await root.send(new UpdateAccessKeyCommand({ AccessKeyId, Status: 'Inactive' }));
    await expect(second.send(new GetUserCommand({}))).rejects.toMatchObject({ name: 'InvalidClientTokenId' });
    await root.send(new DeleteAccessKeyCommand({ AccessKeyId }));
    expect((await root.send(new ListAccessKeysCommand({}))).AccessKeyMetadata).toHaveLength(1);
  });

  test('tell when they were last used, and for what, also by requests that were refused', async () => {
    const UserName = await newUser();
    const key = await newAccessKey(UserName);
    const lastUsed = () => iam.send(new GetAccessKeyLastUsedCommand({ AccessKeyId: key.accessKeyId }));
    const never = await lastUsed();
    expect(never).toMatchObject({ UserName, AccessKeyLastUsed: { ServiceName: 'N/A', Region: 'N/A' } });
    expect(never.AccessKeyLastUsed?.LastUsedDate).toBeUndefined();
    const before = Math.floor(Date.now() / 1000) * 1000;
    const kms = server.kms({ credentials: key, region: 'eu-west-1' });
    await expect(kms.send(new ListKeysCommand({}))).rejects.toMatchObject({ name: 'AccessDeniedException' });
    // The worker that has noted it tells at once, the other one when that is written down.
    const told = async (): Promise<Date> => {
      for (;;) {
        const { AccessKeyLastUsed: usage } = await lastUsed();
        if (usage?.LastUsedDate === undefined) await setTimeout(100);
        else {
          expect(usage).toMatchObject({ ServiceName: 'kms', Region: 'eu-west-1' });
          return usage.LastUsedDate;
        }
      }
    };
    expect((await told()).getTime()).toBeGreaterThanOrEqual(before);
    await setTimeout(5500);
    for (let turn = 0; turn < 4; turn++) expect((await lastUsed()).AccessKeyLastUsed?.ServiceName).toBe('kms');
  }, 20_000);

  test('that are not there may not be looked at', async () => {
    const AccessKeyId = 'AKIAIOSFODNN7EXAMPLE';
    await expect(iam.send(new GetAccessKeyLastUsedCommand({ AccessKeyId }))).rejects.toMatchObject(
      refusal(
        'AccessDenied',
        `User: arn:aws:iam::${server.accountId}:user/administrator is not authorized to perform ` +
          `iam:GetAccessKeyLastUsed on resource: access key ${AccessKeyId}`,
      ),
    );
  });
});

describe('groups', () => {
  test('are made, shown and listed, with names that no other has', async () => {
    const GroupName = newName('group');
    const { Group } = await iam.send(new CreateGroupCommand({ GroupName, Path: '/teams/' }));
    expect(Group).toEqual({
      Path: '/teams/',
      GroupName,
      GroupId: expect.stringMatching(/^AGPA[A-Z2-7]{17}$/),
      Arn: `arn:aws:iam::${server.accountId}:group/teams/${GroupName}`,
      CreateDate: expect.any(Date),
    });
    expect(await iam.send(new GetGroupCommand({ GroupName }))).toMatchObject({ Group, Users: [], IsTruncated: false });
    expect((await iam.send(new ListGroupsCommand({ PathPrefix: '/teams' }))).Groups).toEqual([Group]);
    await expect(iam.send(new CreateGroupCommand({ GroupName: GroupName.toUpperCase() }))).rejects.toMatchObject(
      refusal('EntityAlreadyExistsException', `Group with name ${GroupName.toUpperCase()} already exists.`),
    );
    const pages = paginateListGroups({ client: iam, pageSize: 1 }, {});
    const listed = await collected(pages, ({ Groups }) => Groups);
    expect(listed.every((page) => page.length <= 1)).toBe(true);
    expect(listed.flat()).toContainEqual(Group);
  });

  test('that are not there are missed by every operation', async () => {
    const GroupName = 'nothing';
    const UserName = await newUser();
    const PolicyName = 'p';
    for (const request of [
      new GetGroupCommand({ GroupName }),
      new DeleteGroupCommand({ GroupName }),
      new UpdateGroupCommand({ GroupName, NewGroupName: 'something' }),
      new AddUserToGroupCommand({ GroupName, UserName }),
      new RemoveUserFromGroupCommand({ GroupName, UserName }),
      new PutGroupPolicyCommand({ GroupName, PolicyName, PolicyDocument: document(statement('kms:*')) }),
      new GetGroupPolicyCommand({ GroupName, PolicyName }),
      new ListGroupPoliciesCommand({ GroupName }),
      new DeleteGroupPolicyCommand({ GroupName, PolicyName }),
    ]) {
      await expect(iam.send(request as GetGroupCommand), request.constructor.name).rejects.toMatchObject(noSuchGroup);
    }
  });

  test('give their members what their policies allow, for as long as they are members', async () => {
    const UserName = await newUser();
    const client = as(await newAccessKey(UserName));
    const GroupName = await newGroup();
    const PolicyDocument = document(statement('iam:ListUsers'));
    await iam.send(new PutGroupPolicyCommand({ GroupName, PolicyName: 'p', PolicyDocument }));
    const ask = () => client.send(new ListUsersCommand({}));
    await expect(ask()).rejects.toMatchObject({ name: 'AccessDenied' });
    const member = { UserName, GroupName };
    await iam.send(new AddUserToGroupCommand(member));
    await iam.send(new AddUserToGroupCommand(member));
    await ask();
    await iam.send(new RemoveUserFromGroupCommand(member));
    await iam.send(new RemoveUserFromGroupCommand(member));
    await expect(ask()).rejects.toMatchObject({ name: 'AccessDenied' });
    expect((await iam.send(new ListGroupsForUserCommand({ UserName }))).Groups).toEqual([]);
  });

  test('show their members in pages, and members their groups, ten at most', async () => {
    const GroupName = await newGroup();
    const members = [await newUser(), await newUser(), await newUser()];
    for (const UserName of members) await iam.send(new AddUserToGroupCommand({ UserName, GroupName }));
    const pages = paginateGetGroup({ client: iam, pageSize: 2 }, { GroupName });
    const shown = await collected(pages, ({ Users }) => Users?.map(({ UserName }) => UserName));
    expect(shown.map((page) => page.length)).toEqual([2, 1]);
    expect(shown.flat()).toEqual(members.toSorted());
    const UserName = members[0] as string;
    for (let count = 1; count < 10; count++) {
      await iam.send(new AddUserToGroupCommand({ UserName, GroupName: await newGroup() }));
    }
    await expect(iam.send(new AddUserToGroupCommand({ UserName, GroupName: await newGroup() }))).rejects.toMatchObject(
      refusal('LimitExceededException', 'Cannot exceed quota for GroupsPerUser: 10'),
    );
    const groupPages = paginateListGroupsForUser({ client: iam, pageSize: 4 }, { UserName });
    const groups = await collected(groupPages, ({ Groups }) => Groups);
    expect(groups.map((page) => page.length)).toEqual([4, 4, 2]);
  });

  test('keep their members and policies when they are renamed', async () => {
    const GroupName = await newGroup();
    const { userName: UserName, client } = await userWho(statement('iam:GetUser'));
    await iam.send(new AddUserToGroupCommand({ UserName, GroupName }));
    const PolicyDocument = document(statement('iam:ListUsers'));
    await iam.send(new PutGroupPolicyCommand({ GroupName, PolicyName: 'p', PolicyDocument }));
    await iam.send(new AttachGroupPolicyCommand({ GroupName, PolicyArn: READ_ONLY_ACCESS }));
    const { Group } = await iam.send(new GetGroupCommand({ GroupName }));
    const NewGroupName = newName('renamed');
    await iam.send(new UpdateGroupCommand({ GroupName, NewGroupName, NewPath: '/new/' }));
    await client.send(new ListUsersCommand({}));
    const after = await iam.send(new GetGroupCommand({ GroupName: NewGroupName }));
    expect(after.Group).toEqual({
      ...Group,
      GroupName: NewGroupName,
      Path: '/new/',
      Arn: `arn:aws:iam::${server.accountId}:group/new/${NewGroupName}`,
    });
    expect(after.Users).toMatchObject([{ UserName }]);
    expect((await iam.send(new ListGroupsForUserCommand({ UserName }))).Groups).toEqual([after.Group]);
    await iam.send(new DetachGroupPolicyCommand({ GroupName: NewGroupName, PolicyArn: READ_ONLY_ACCESS }));
    const other = await newGroup();
    await expect(
      iam.send(new UpdateGroupCommand({ GroupName: NewGroupName, NewGroupName: other })),
    ).rejects.toMatchObject(refusal('EntityAlreadyExistsException', `Group with name ${other} already exists.`));
    await iam.send(new RemoveUserFromGroupCommand({ UserName, GroupName: NewGroupName }));
    await expect(client.send(new ListUsersCommand({}))).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  test('are deleted only when they are empty', async () => {
    const GroupName = await newGroup();
    const UserName = await newUser();
    await iam.send(new AddUserToGroupCommand({ UserName, GroupName }));
    await iam.send(
      new PutGroupPolicyCommand({ GroupName, PolicyName: 'p', PolicyDocument: document(statement('kms:*')) }),
    );
    const conflict = (what: string) =>
      expect(iam.send(new DeleteGroupCommand({ GroupName }))).rejects.toMatchObject(
        refusal('DeleteConflictException', `Cannot delete entity, must ${what} first.`),
      );
    await conflict('remove users from group');
    await iam.send(new RemoveUserFromGroupCommand({ UserName, GroupName }));
    await iam.send(new AttachGroupPolicyCommand({ GroupName, PolicyArn: READ_ONLY_ACCESS }));
    await conflict('detach all policies');
    await iam.send(new DetachGroupPolicyCommand({ GroupName, PolicyArn: READ_ONLY_ACCESS }));
    await conflict('delete policies');
    await iam.send(new DeleteGroupPolicyCommand({ GroupName, PolicyName: 'p' }));
    await iam.send(new DeleteGroupCommand({ GroupName }));
    await expect(iam.send(new GetGroupCommand({ GroupName }))).rejects.toMatchObject({ name: 'NoSuchEntityException' });
  });
});
