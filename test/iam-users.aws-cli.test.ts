import { afterAll, beforeAll, expect, test } from 'vitest';
import { awsCliFor, environmentWith } from './support/aws-cli.ts';
import { awsCli, describeWith } from './support/clients.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

/** `aws iam`, as people type it. */
describeWith(awsCli, 'the AWS CLI', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => cleanUp(server));

  const iam = (...args: readonly string[]) => awsCliFor(server).answer('iam', ...args);

  const policy = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'iam:Get*', Resource: '*' }] };

  test('takes a user from its making to its end', async () => {
    await iam('create-user', '--user-name', 'alice', '--path', '/staff/', '--tags', 'Key=Team,Value=blue + red');
    await iam('create-group', '--group-name', 'readers');
    await iam('add-user-to-group', '--user-name', 'alice', '--group-name', 'readers');
    await iam('put-user-policy', '--user-name=alice', '--policy-name=own', '--policy-document', JSON.stringify(policy));
    expect(await iam('get-user-policy', '--user-name=alice', '--policy-name=own')).toEqual({
      UserName: 'alice',
      PolicyName: 'own',
      PolicyDocument: policy,
    });
    const { AccessKey: key } = await iam('create-access-key', '--user-name', 'alice');
    const self = await awsCliFor(server, environmentWith(key)).answer('iam', 'get-user');
    expect(self.User).toMatchObject({
      UserName: 'alice',
      Arn: `arn:aws:iam::${server.accountId}:user/staff/alice`,
      Tags: [{ Key: 'Team', Value: 'blue + red' }],
    });
    expect((await iam('get-access-key-last-used', '--access-key-id', key.AccessKeyId)).AccessKeyLastUsed).toMatchObject(
      {
        ServiceName: 'iam',
        Region: 'us-east-1',
      },
    );
    await iam('update-user', '--user-name', 'alice', '--new-user-name', 'alicia');
    expect(await awsCliFor(server).refusal('iam', 'delete-user', '--user-name', 'alicia')).toContain(
      'An error occurred (DeleteConflict) when calling the DeleteUser operation: ' +
        'Cannot delete entity, must remove users from group first.',
    );
    await iam('remove-user-from-group', '--user-name', 'alicia', '--group-name', 'readers');
    await iam('delete-access-key', '--user-name', 'alicia', '--access-key-id', key.AccessKeyId);
    await iam('delete-user-policy', '--user-name', 'alicia', '--policy-name', 'own');
    await iam('delete-user', '--user-name', 'alicia');
    await iam('delete-group', '--group-name', 'readers');
  }, 60_000);

  test('reads listings to their end, page by page', async () => {
    for (const name of ['u1', 'u2', 'u3']) await iam('create-user', '--user-name', name, '--path', '/paged/');
    const { Users } = await iam('list-users', '--path-prefix', '/paged/', '--page-size', '1');
    expect(Users.map(({ UserName }: { UserName: string }) => UserName)).toEqual(['u1', 'u2', 'u3']);
    const first = await iam('list-users', '--max-items', '1');
    expect(first.Users).toHaveLength(1);
    expect(first.NextToken).toEqual(expect.any(String));
    const rest = await iam('list-users', '--starting-token', first.NextToken);
    expect(rest.Users).toHaveLength(3);
  }, 60_000);
});
