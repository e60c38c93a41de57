import { GetAccountSummaryCommand, GetRolePolicyCommand, type IAMClient } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ansibleWith, runPlaybook, type Task, type TaskResult } from './support/ansible.ts';
import { describeWith } from './support/clients.ts';
import { iamClient } from './support/iam.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

/**
 * Ansible's modules for IAM and STS: a task that is run again changes nothing, which it finds by reading back what it
 * wrote. This is Ansible itself. Some of these modules moved from community.aws to amazon.aws, where the old names lead too.
 */
const modules = ansibleWith(
  'amazon.aws.aws_caller_info',
  'amazon.aws.iam_policy',
  'amazon.aws.iam_user',
  'community.aws.iam_access_key',
  'community.aws.iam_group',
  'community.aws.iam_managed_policy',
  'community.aws.iam_role',
  'community.aws.sts_assume_role',
);

// A task takes a second of a machine that does nothing else, and playbooks here have up to twenty.
vi.setConfig({ testTimeout: 240_000 });

describeWith(modules, 'Ansible’s modules for IAM and STS', () => {
  let server: TestServer;
  let iam: IAMClient;
  let account: string;

  beforeAll(async () => {
    server = await startServer({ workers: 2 });
    iam = iamClient(server);
    account = `arn:aws:iam::${server.accountId}`;
  });

  afterAll(async () => {
    iam?.destroy();
    await cleanUp(server);
  });

  const user = (parameters: object): Task => ({ 'amazon.aws.iam_user': { state: 'present', ...parameters } });
  const group = (parameters: object): Task => ({ 'community.aws.iam_group': { state: 'present', ...parameters } });
  // An instance profile is what it would make too.
  const role = (parameters: object): Task => ({
    'community.aws.iam_role': { create_instance_profile: false, ...parameters },
  });
  const inlinePolicy = (parameters: object): Task => ({ 'amazon.aws.iam_policy': parameters });
  const managedPolicy = (parameters: object): Task => ({ 'community.aws.iam_managed_policy': parameters });
  const accessKey = (parameters: object): Task => ({ 'community.aws.iam_access_key': parameters });
  const absent = { state: 'absent' };

  const powerUser = 'arn:aws:iam::aws:policy/AWSKeyManagementServicePowerUser';
  const allowing = (...Action: string[]) => ({
    Version: '2012-10-17',
    Statement: [{ Sid: 'Keys', Effect: 'Allow', Action, Resource: '*' }],
  });
  const trusting = (...principals: string[]) => ({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS: principals }, Action: 'sts:AssumeRole' }],
  });

  /** Each task twice: the first time it must change something, the second time nothing. Gives what the first ones returned. */
  async function runTwice(tasks: readonly Task[]): Promise<TaskResult[]> {
    const results = await runPlaybook(
      server,
      tasks.flatMap((task) => [task, task]),
    );
    const changes = results.map(({ changed }) => changed);
    expect(changes).toEqual(tasks.flatMap(() => [true, false]));
    return results.filter((_, index) => index % 2 === 0);
  }

  test('a user comes, changes, and goes with what it has', async () => {
    const tags = { Team: 'orders', 'cost:center': '4711', empty: '' };
    const [created, changed, purged] = await runTwice([
      user({ name: 'alice', tags, managed_policies: ['AWSKeyManagementServicePowerUser'] }),
      user({ name: 'alice', tags: { Team: 'archive' } }),
      user({ name: 'alice', managed_policies: ['ReadOnlyAccess'], purge_policies: true }),
      inlinePolicy({ iam_type: 'user', iam_name: 'alice', policy_name: 'own', policy_json: allowing('kms:Decrypt') }),
      group({ name: 'readers', users: ['alice'] }),
    ]);
    expect(created?.['user']).toMatchObject({ arn: `${account}:user/alice`, user_name: 'alice', tags });
    expect(changed?.['user']).toMatchObject({ tags: { Team: 'archive' } });
    expect(purged?.['user']).toMatchObject({ tags: { Team: 'archive' } });
    await runPlaybook(server, [accessKey({ user_name: 'alice' })]);
    await runTwice([user({ name: 'alice', ...absent }), group({ name: 'readers', ...absent })]);
  });

  test('a group comes with its users and policies, and loses them', async () => {
    const [, , created] = await runTwice([
      user({ name: 'one' }),
      user({ name: 'two' }),
      group({ name: 'operators', users: ['one', 'two'], managed_policies: [powerUser] }),
      group({ name: 'operators', users: ['two'], purge_users: true }),
      group({ name: 'operators', purge_policies: true, purge_users: true }),
      group({ name: 'operators', ...absent }),
      user({ name: 'one', ...absent }),
      user({ name: 'two', ...absent }),
    ]);
    expect(created?.['iam_group']).toMatchObject({
      group: { arn: `${account}:group/operators`, path: '/' },
      users: [{ user_name: 'one' }, { user_name: 'two' }],
    });
  });

  test('a managed policy gets more versions than there may be, and is taken from everyone at its end', async () => {
    const policyOf = (...actions: string[]) => managedPolicy({ policy_name: 'keys', policy: allowing(...actions) });
    const own = `${account}:policy/keys`;
    const versions = ['kms:Encrypt', 'kms:Decrypt', 'kms:Sign', 'kms:Verify', 'kms:ReEncrypt*', 'kms:List*'];
    const results = await runTwice([
      ...versions.map((action) => policyOf(action)),
      managedPolicy({ policy_name: 'keys', policy: allowing('kms:Get*'), only_version: true }),
      group({ name: 'holders', managed_policies: [own] }),
      managedPolicy({ policy_name: 'keys', ...absent }),
      group({ name: 'holders', ...absent }),
    ]);
    expect(results[0]?.['policy']).toMatchObject({ arn: own, default_version_id: 'v1', attachment_count: 0 });
    expect(results[versions.length]?.['policy']).toMatchObject({ default_version_id: 'v7' });
  });

  test('a role comes with everything, changes, and goes', async () => {
    const assume_role_policy_document = trusting(`${account}:root`);
    const wish = {
      name: 'application',
      path: '/apps/',
      assume_role_policy_document,
      description: 'Bestellungen von "Müller & Söhne"',
      max_session_duration: 7200,
      boundary: powerUser,
      managed_policies: ['ReadOnlyAccess'],
      tags: { Team: 'orders' },
    };
    const [created, updated] = await runTwice([
      role(wish),
      role({
        ...wish,
        assume_role_policy_document: trusting(`${account}:root`, `${account}:user/administrator`),
        description: 'for archives',
        max_session_duration: 3600,
        boundary: 'arn:aws:iam::aws:policy/AdministratorAccess',
        managed_policies: [powerUser],
        tags: { Team: 'archive', new: 'yes' },
      }),
      inlinePolicy({ iam_type: 'role', iam_name: 'application', policy_name: 'own', policy_json: allowing('kms:*') }),
      role({ name: 'application', ...absent }),
    ]);
    expect(created?.['iam_role']).toMatchObject({
      arn: `${account}:role/apps/application`,
      assume_role_policy_document_raw: assume_role_policy_document,
      attached_policies: [{ policy_name: 'ReadOnlyAccess' }],
      description: wish.description,
      max_session_duration: 7200,
      permissions_boundary: { permissions_boundary_arn: powerUser },
      tags: wish.tags,
    });
    expect(updated?.['iam_role']).toMatchObject({
      attached_policies: [{ policy_arn: powerUser }],
      description: 'for archives',
      max_session_duration: 3600,
      tags: { Team: 'archive', new: 'yes' },
    });
  });

  test('an inline policy of a user, a group and a role comes, changes and goes', async () => {
    const bearers = ['user', 'group', 'role'].map((iam_type) => ({ iam_type, iam_name: 'bearer', policy_name: 'use' }));
    await runTwice([
      user({ name: 'bearer' }),
      group({ name: 'bearer' }),
      role({ name: 'bearer', assume_role_policy_document: trusting(`${account}:root`) }),
      ...bearers.flatMap((bearer) => [
        inlinePolicy({ ...bearer, policy_json: allowing('kms:Encrypt') }),
        inlinePolicy({ ...bearer, policy_json: allowing('kms:Decrypt', 'kms:Encrypt') }),
      ]),
    ]);
    const own = new GetRolePolicyCommand({ RoleName: 'bearer', PolicyName: 'use' });
    const { PolicyDocument = '' } = await iam.send(own);
    expect(JSON.parse(decodeURIComponent(PolicyDocument))).toEqual(allowing('kms:Decrypt', 'kms:Encrypt'));
    await runTwice([
      ...bearers.map((bearer) => inlinePolicy({ ...bearer, ...absent })),
      user({ name: 'bearer', ...absent }),
      group({ name: 'bearer', ...absent }),
      role({ name: 'bearer', ...absent }),
    ]);
  });

  test('an access key comes, is turned off, replaced by another, and goes', async () => {
    const user_name = 'key-owner';
    await runTwice([user({ name: user_name })]);
    const rotate = accessKey({ user_name, rotate_keys: true });
    const [first, second, third] = await runPlaybook(server, [rotate, rotate, rotate]);
    const idOf = (result: TaskResult | undefined) => String(result?.['access_key_id']);
    for (const key of [first, second, third]) {
      expect(key).toMatchObject({ changed: true, access_key: { status: 'Active', user_name } });
    }
    expect(first?.['deleted_access_key_id']).toBeUndefined();
    expect(third?.['deleted_access_key_id']).toBe(idOf(first));
    const [off] = await runTwice([
      accessKey({ user_name, id: idOf(second), active: false }),
      accessKey({ user_name, id: idOf(second), ...absent }),
      accessKey({ user_name, id: idOf(third), ...absent }),
      user({ name: user_name, ...absent }),
    ]);
    expect(off).toMatchObject({ access_key: { access_key_id: idOf(second), status: 'Inactive' } });
  });

  test('a role is assumed, and its session is someone else', async () => {
    const name = 'deployer';
    const role_arn = `${account}:role/${name}`;
    const assume: Task = {
      'community.aws.sts_assume_role': { role_arn, role_session_name: 'playbook', duration_seconds: 900 },
      register: 'assumed',
    };
    const credentials = {
      access_key: '{{ assumed.sts_creds.access_key }}',
      secret_key: '{{ assumed.sts_creds.secret_key }}',
      session_token: '{{ assumed.sts_creds.session_token }}',
    };
    const [, assumed, caller] = await runPlaybook(server, [
      role({ name, assume_role_policy_document: trusting(`${account}:user/administrator`) }),
      assume,
      { 'amazon.aws.aws_caller_info': credentials },
      role({ name, ...absent }),
    ]);
    const arn = `arn:aws:sts::${server.accountId}:assumed-role/${name}/playbook`;
    expect(assumed).toMatchObject({ sts_user: { arn } });
    expect(caller).toMatchObject({ account: server.accountId, arn });
  });

  test('nothing is left of any of it', async () => {
    const { SummaryMap } = await iam.send(new GetAccountSummaryCommand({}));
    expect(SummaryMap).toMatchObject({ Users: 1, Groups: 0, Roles: 0, Policies: 0 });
  });
});
