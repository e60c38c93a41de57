import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { awsCliFor, awsCliReadsEndpointUrl, environmentWith } from './support/aws-cli.ts';
import { awsCli, describeWith } from './support/clients.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

/** Temporary credentials through the AWS CLI, and as it makes them by itself for a profile that assumes a role. */
describeWith(awsCli, 'AWS STS through the AWS CLI', () => {
  let server: TestServer;
  let files: string;
  beforeAll(async () => {
    server = await startServer();
    files = mkdtempSync(join(tmpdir(), 'keyhold-cli-'));
  });
  afterAll(async () => {
    rmSync(files, { recursive: true, force: true });
    await cleanUp(server);
  });

  const aws = (args: readonly string[], environment?: NodeJS.ProcessEnv) =>
    awsCliFor(server, environment).answer(...args);
  const refusal = (args: readonly string[], environment?: NodeJS.ProcessEnv) =>
    awsCliFor(server, environment).refusal(...args);

  async function makeRole(name: string): Promise<string> {
    const document = (statement: object) => JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
    const trust = document({ Effect: 'Allow', Principal: { AWS: server.accountId }, Action: 'sts:AssumeRole' });
    const { Role } = await aws(['iam', 'create-role', '--role-name', name, '--assume-role-policy-document', trust]);
    const policy = document({ Effect: 'Allow', Action: 'kms:ListKeys', Resource: '*' });
    await aws(['iam', 'put-role-policy', '--role-name', name, '--policy-name', 'p', '--policy-document', policy]);
    return Role.Arn;
  }

  test('a role is assumed, and used', async () => {
    const roleArn = await makeRole('reader');
    const assume = ['sts', 'assume-role', '--role-arn', roleArn, '--role-session-name', 'cli'];
    const { Credentials, AssumedRoleUser } = await aws([...assume, '--duration-seconds', '900']);
    expect(AssumedRoleUser.Arn).toBe(`arn:aws:sts::${server.accountId}:assumed-role/reader/cli`);
    const session = environmentWith(Credentials);
    expect(await aws(['sts', 'get-caller-identity'], session)).toEqual({
      UserId: AssumedRoleUser.AssumedRoleId,
      Account: server.accountId,
      Arn: AssumedRoleUser.Arn,
    });
    await aws(['kms', 'list-keys'], session);
    expect(await refusal(['kms', 'create-key'], session)).toContain(
      `(AccessDeniedException) when calling the CreateKey operation: User: ${AssumedRoleUser.Arn} is not authorized to perform: kms:CreateKey`,
    );
  });

  test.runIf(awsCliReadsEndpointUrl())('a profile assumes its role by itself', async () => {
    const config = join(files, 'config');
    const roleArn = await makeRole('of-a-profile');
    writeFileSync(
      config,
      `[profile reader]\nrole_arn = ${roleArn}\nsource_profile = default\nrole_session_name = me\n`,
    );
    const environment = { AWS_CONFIG_FILE: config, AWS_PROFILE: 'reader' };
    const { Arn } = await aws(['sts', 'get-caller-identity'], environment);
    expect(Arn).toBe(`arn:aws:sts::${server.accountId}:assumed-role/of-a-profile/me`);
    await aws(['kms', 'list-keys'], environment);
  });

  test('users have session tokens, which IAM does not take, and federated users', async () => {
    const { Credentials } = await aws(['sts', 'get-session-token', '--duration-seconds', '900']);
    const session = environmentWith(Credentials);
    await aws(['kms', 'list-keys'], session);
    expect(await refusal(['iam', 'list-users'], session)).toContain(
      '(InvalidClientTokenId) when calling the ListUsers operation: The security token included in the request is invalid',
    );
    const bob = await aws(['sts', 'get-federation-token', '--name', 'bob']);
    expect(bob.FederatedUser.Arn).toBe(`arn:aws:sts::${server.accountId}:federated-user/bob`);
    expect(await refusal(['kms', 'list-keys'], environmentWith(bob.Credentials))).toContain('AccessDenied');
  });
});
