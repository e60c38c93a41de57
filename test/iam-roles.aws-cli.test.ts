import { afterAll, beforeAll, expect, test } from 'vitest';
import { awsCliFor } from './support/aws-cli.ts';
import { awsCli, describeWith } from './support/clients.ts';
import { document, trustOf } from './support/iam.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

/** What people type at roles, OpenID providers and their account. */
describeWith(awsCli, 'roles, OpenID providers and the account with the AWS CLI', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => cleanUp(server));

  const answer = (...args: readonly string[]) => awsCliFor(server).answer('iam', ...args);
  const refused = (...args: readonly string[]) => awsCliFor(server).refusal('iam', ...args);

  test('a role comes and goes', async () => {
    const role = ['--role-name', 'app'];
    const trust = trustOf({ AWS: `arn:aws:iam::${server.accountId}:user/administrator` });
    const policy = document({ Effect: 'Allow', Action: 'kms:Decrypt', Resource: '*' });
    await answer('create-role', ...role, '--assume-role-policy-document', trust, '--tags', 'Key=team,Value=one');
    await answer('wait', 'role-exists', ...role);
    await answer('put-role-policy', ...role, '--policy-name', 'decrypt', '--policy-document', policy);
    await answer('update-role', ...role, '--description', 'an application', '--max-session-duration', '7200');
    // The CLI decodes documents, and reads them.
    expect(await answer('get-role', ...role)).toMatchObject({
      Role: {
        Arn: `arn:aws:iam::${server.accountId}:role/app`,
        AssumeRolePolicyDocument: JSON.parse(trust),
        Description: 'an application',
        MaxSessionDuration: 7200,
        Tags: [{ Key: 'team', Value: 'one' }],
      },
    });
    expect(await answer('get-role-policy', ...role, '--policy-name', 'decrypt')).toMatchObject({
      PolicyDocument: JSON.parse(policy),
    });
    expect(await answer('get-account-authorization-details', '--filter', 'Role')).toMatchObject({
      RoleDetailList: [{ RoleName: 'app', RolePolicyList: [{ PolicyDocument: JSON.parse(policy) }] }],
    });
    expect(await refused('delete-role', ...role)).toBe(
      'An error occurred (DeleteConflict) when calling the DeleteRole operation: Cannot delete entity, must delete policies first.',
    );
    expect(await answer('list-instance-profiles-for-role', ...role)).toMatchObject({ InstanceProfiles: [] });
    await answer('delete-role-policy', ...role, '--policy-name', 'decrypt');
    await answer('delete-role', ...role);
    expect(await refused('get-role', ...role)).toBe(
      'An error occurred (NoSuchEntity) when calling the GetRole operation: The role with name app cannot be found.',
    );
  });

  test('an OpenID provider comes and goes', async () => {
    const arn = `arn:aws:iam::${server.accountId}:oidc-provider/example.com`;
    const named = ['--open-id-connect-provider-arn', arn];
    // Older ones of the CLI demand a thumbprint.
    const described = ['--url', 'https://example.com', '--thumbprint-list', 'a'.repeat(40)];
    const created = await answer('create-open-id-connect-provider', ...described);
    expect(created).toEqual({ OpenIDConnectProviderArn: arn });
    await answer('add-client-id-to-open-id-connect-provider', ...named, '--client-id', 'app');
    expect(await answer('get-open-id-connect-provider', ...named)).toMatchObject({
      Url: 'example.com',
      ClientIDList: ['app'],
    });
    await answer('delete-open-id-connect-provider', ...named);
    expect(await answer('list-open-id-connect-providers')).toEqual({ OpenIDConnectProviderList: [] });
  });

  test('the account tells of itself', async () => {
    await answer('create-account-alias', '--account-alias', 'our-keys');
    expect(await answer('list-account-aliases')).toMatchObject({ AccountAliases: ['our-keys'] });
    expect(await answer('get-account-summary')).toMatchObject({ SummaryMap: { Users: 1, RolesQuota: 1000 } });
    expect(await refused('get-account-password-policy')).toBe(
      `An error occurred (NoSuchEntity) when calling the GetAccountPasswordPolicy operation: The Password Policy with domain name ${server.accountId} cannot be found.`,
    );
  });
});
