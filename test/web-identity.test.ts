import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CreateOpenIDConnectProviderCommand,
  CreateRoleCommand,
  DeleteOpenIDConnectProviderCommand,
  IAMClient,
  PutRolePolicyCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { GenerateRandomCommand, KMSClient, ListKeysCommand } from '@aws-sdk/client-kms';
import {
  AssumeRoleWithWebIdentityCommand,
  type AssumeRoleWithWebIdentityCommandInput,
  GetCallerIdentityCommand,
  STSClient,
} from '@aws-sdk/client-sts';
import { generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditRecordsOf } from './support/audit.ts';
import { awsCliFor, awsCliReadsEndpointUrl } from './support/aws-cli.ts';
import { awsCli, describeWith } from './support/clients.ts';
import { type OpenIdProvider, startOpenIdProvider } from './support/openid-provider.ts';
import { advanceClock } from './support/sandbox-clock.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

/** Federation as its users see it: a real OpenID provider, AWS's own clients, and a role that trusts the one. */

const READER = 'reader';

let server: TestServer;
let openId: OpenIdProvider;
let name: string;
let providerArn: string;
let roleArn: string;

const iam = () => new IAMClient({ endpoint: server.url, region: 'us-east-1', credentials: server.credentials });
/** Of those who have no credentials, which is everyone who comes with a token. */
const sts = () => new STSClient({ endpoint: server.url, region: 'us-east-1', maxAttempts: 1, ...nobody });
const nobody = { credentials: { accessKeyId: 'nobody', secretAccessKey: 'nothing' } };

function assume(token: string, more: Partial<AssumeRoleWithWebIdentityCommandInput> = {}) {
  return sts().send(
    new AssumeRoleWithWebIdentityCommand({
      RoleArn: roleArn,
      RoleSessionName: 'application',
      WebIdentityToken: token,
      ...more,
    }),
  );
}

/** A token that the provider's own key signs. */
function signed(claims: JWTPayload): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return openId.sign({ iss: openId.url, sub: 'someone', aud: openId.clientId, iat: now, exp: now + 60, ...claims });
}

const allow = (more: object = {}) => ({
  Effect: 'Allow',
  Principal: { Federated: providerArn },
  Action: 'sts:AssumeRoleWithWebIdentity',
  ...more,
});

function policy(...statements: readonly object[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}

async function makeRole(RoleName: string, ...trust: readonly object[]): Promise<string> {
  const { Role } = await iam().send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: policy(...trust) }));
  return Role?.Arn ?? '';
}

beforeAll(async () => {
  [server, openId] = await Promise.all([startServer({ workers: 2 }), startOpenIdProvider()]);
  name = openId.url.replace('http://', '');
  const made = await iam().send(
    new CreateOpenIDConnectProviderCommand({ Url: openId.url, ClientIDList: [openId.clientId] }),
  );
  providerArn = made.OpenIDConnectProviderArn ?? '';
  roleArn = await makeRole(
    READER,
    allow({
      Condition: { StringEquals: { [`${name}:aud`]: openId.clientId }, StringLike: { [`${name}:sub`]: 'some*' } },
    }),
    allow({
      Action: ['sts:TagSession', 'sts:SetSourceIdentity'],
      Condition: { StringEqualsIfExists: { 'aws:RequestTag/Team': ['blue', 'red'] } },
    }),
  );
  await iam().send(
    new PutRolePolicyCommand({
      RoleName: READER,
      PolicyName: 'read',
      PolicyDocument: policy(
        { Effect: 'Allow', Action: 'kms:ListKeys', Resource: '*' },
        {
          Effect: 'Allow',
          Action: 'kms:GenerateRandom',
          Resource: '*',
          Condition: { StringEquals: { 'aws:PrincipalTag/Team': 'blue' } },
        },
      ),
    }),
  );
});

afterAll(async () => {
  await openId?.stop();
  await cleanUp(server);
});

describe('a token of a provider that the role trusts', () => {
  it('is worth the role, whose permissions the session has', async () => {
    const answer = await assume(await openId.logIn('someone'));
    expect(providerArn).toBe(`arn:aws:iam::${server.accountId}:oidc-provider/${name}`);
    expect(answer).toMatchObject({
      SubjectFromWebIdentityToken: 'someone',
      Audience: openId.clientId,
      Provider: providerArn,
      AssumedRoleUser: {
        Arn: `arn:aws:sts::${server.accountId}:assumed-role/${READER}/application`,
        AssumedRoleId: expect.stringMatching(/^AROA[A-Z2-7]{17}:application$/),
      },
      Credentials: { AccessKeyId: expect.stringMatching(/^ASIA/), Expiration: expect.any(Date) },
    });
    const lastsMs = (answer.Credentials?.Expiration?.getTime() ?? 0) - Date.now();
    expect(lastsMs).toBeGreaterThan(3590_000);
    expect(lastsMs).toBeLessThanOrEqual(3600_000);

    const { url: endpoint } = server;
    const credentials = credentialsOf(answer);
    const who = await new STSClient({ endpoint, region: 'us-east-1', credentials }).send(
      new GetCallerIdentityCommand(),
    );
    expect(who).toMatchObject({ Arn: answer.AssumedRoleUser?.Arn, UserId: answer.AssumedRoleUser?.AssumedRoleId });
    const kms = new KMSClient({ endpoint, region: 'us-east-1', credentials });
    await expect(kms.send(new ListKeysCommand())).resolves.toMatchObject({ Truncated: false });
    await expect(kms.send(new GenerateRandomCommand({ NumberOfBytes: 8 }))).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
  });

  it('brings tags and a source identity, by which policies decide', async () => {
    const claims = (Team: string) => ({
      'https://aws.amazon.com/tags': { principal_tags: { Team: [Team] } },
      'https://aws.amazon.com/source_identity': 'Admin',
    });
    const generateRandom = async (token: string) => {
      const answer = await assume(token);
      expect(answer.SourceIdentity).toBe('Admin');
      expect(answer.PackedPolicySize).toBeGreaterThan(0);
      const kms = new KMSClient({ endpoint: server.url, region: 'us-east-1', credentials: credentialsOf(answer) });
      return kms.send(new GenerateRandomCommand({ NumberOfBytes: 8 }));
    };
    await expect(generateRandom(await openId.logIn('someone', claims('blue')))).resolves.toBeDefined();
    await expect(generateRandom(await openId.logIn('someone', claims('red')))).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
    await expect(assume(await openId.logIn('someone', claims('green')))).rejects.toMatchObject({
      name: 'AccessDenied',
      message: 'Not authorized to perform sts:TagSession',
    });
  });

  it('gives a session that its own policies narrow', async () => {
    const answer = await assume(await openId.logIn('someone'), {
      Policy: policy({ Effect: 'Allow', Action: 'kms:GenerateRandom', Resource: '*' }),
    });
    const kms = new KMSClient({ endpoint: server.url, region: 'us-east-1', credentials: credentialsOf(answer) });
    await expect(kms.send(new ListKeysCommand())).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });

  it('is not worth more time than the role allows', async () => {
    const token = await openId.logIn('someone');
    await expect(assume(token, { DurationSeconds: 7200 })).rejects.toMatchObject({
      name: 'ValidationError',
      message: 'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    });
    await expect(assume(token, { DurationSeconds: 899 })).rejects.toMatchObject({ name: 'ValidationError' });
    const { Credentials } = await assume(token, { DurationSeconds: 900 });
    expect((Credentials?.Expiration?.getTime() ?? 0) - Date.now()).toBeLessThanOrEqual(900_000);
  });

  it('is not worth a role that trusts others, or that does not exist', async () => {
    const other = await makeRole('other', allow({ Principal: { Federated: `${providerArn}/other` } }));
    for (const RoleArn of [other, `${roleArn}-of-nobody`]) {
      await expect(assume(await openId.logIn('someone'), { RoleArn })).rejects.toMatchObject({
        name: 'AccessDenied',
        message: 'Not authorized to perform sts:AssumeRoleWithWebIdentity',
      });
    }
    await expect(assume(await openId.logIn('another'))).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  it('leaves a record that tells who it was, and no token and no secret', async () => {
    const token = await openId.logIn('someone-recorded');
    const answer = await assume(token);
    const records = await auditRecordsOf(server);
    const record = records.find(({ userIdentity }) => userIdentity.userName === 'someone-recorded');
    expect(record).toMatchObject({
      eventSource: 'sts.amazonaws.com',
      eventName: 'AssumeRoleWithWebIdentity',
      userIdentity: {
        type: 'WebIdentityUser',
        principalId: `${providerArn}:${openId.clientId}:someone-recorded`,
        identityProvider: providerArn,
      },
      requestParameters: { roleArn, roleSessionName: 'application' },
      responseElements: {
        provider: providerArn,
        subjectFromWebIdentityToken: 'someone-recorded',
        credentials: { accessKeyId: answer.Credentials?.AccessKeyId },
      },
    });
    const text = JSON.stringify(records);
    for (const secret of [token, answer.Credentials?.SecretAccessKey, answer.Credentials?.SessionToken]) {
      expect(text).not.toContain(secret);
    }
  });
});

describe('a token is refused', () => {
  it('for another audience', async () => {
    await expect(assume(await signed({ aud: 'another-client' }))).rejects.toMatchObject({
      name: 'InvalidIdentityTokenException',
      message: 'Incorrect token audience',
    });
  });

  it('when it has expired', async () => {
    await expect(assume(await signed({ exp: Math.floor(Date.now() / 1000) - 301 }))).rejects.toMatchObject({
      name: 'ExpiredTokenException',
      message: expect.stringMatching(/^Token expired: current date\/time \d+ must be before the expiration date/),
    });
  });

  it('when another key signed it', async () => {
    const [header = '', payload = ''] = (await openId.logIn('someone')).split('.');
    const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());
    const { privateKey } = await generateKeyPair('RS256');
    const forged = await new SignJWT(read(payload)).setProtectedHeader(read(header)).sign(privateKey);
    await expect(assume(forged)).rejects.toMatchObject({ name: 'InvalidIdentityTokenException' });
  });

  it('when nobody has told IAM of its provider', async () => {
    await expect(assume(await signed({ iss: 'https://nobody.example' }))).rejects.toMatchObject({
      name: 'InvalidIdentityTokenException',
      message: 'No OpenIDConnect provider found in your account for https://nobody.example',
    });
  });

  it('when it is none', async () => {
    await expect(assume('not a token')).rejects.toMatchObject({
      name: 'InvalidIdentityTokenException',
      message: 'The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)',
    });
  });

  it('when its provider cannot be reached', async () => {
    const gone = await startOpenIdProvider();
    const { OpenIDConnectProviderArn: arn } = await iam().send(
      new CreateOpenIDConnectProviderCommand({ Url: gone.url, ClientIDList: [gone.clientId] }),
    );
    const RoleArn = await makeRole('of-one-who-has-gone', allow({ Principal: { Federated: arn } }));
    const token = await gone.logIn('someone');
    await gone.stop();
    await expect(assume(token, { RoleArn })).rejects.toMatchObject({ name: 'IDPCommunicationErrorException' });
  });
});

describe('what an administrator changes', () => {
  it('counts at once: trust, and the provider itself', async () => {
    const passing = await startOpenIdProvider();
    const { OpenIDConnectProviderArn: arn } = await iam().send(
      new CreateOpenIDConnectProviderCommand({ Url: passing.url, ClientIDList: [passing.clientId] }),
    );
    const trusted = policy(allow({ Principal: { Federated: arn } }));
    const RoleArn = await makeRole('passing', allow({ Effect: 'Deny', Principal: { Federated: arn } }));
    const token = await passing.logIn('someone');
    await expect(assume(token, { RoleArn })).rejects.toMatchObject({ name: 'AccessDenied' });
    await iam().send(new UpdateAssumeRolePolicyCommand({ RoleName: 'passing', PolicyDocument: trusted }));
    for (let worker = 0; worker < 4; worker++) await expect(assume(token, { RoleArn })).resolves.toBeDefined();
    await iam().send(new DeleteOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: arn }));
    for (let worker = 0; worker < 4; worker++) {
      await expect(assume(token, { RoleArn })).rejects.toMatchObject({ name: 'InvalidIdentityTokenException' });
    }
    await passing.stop();
  });
});

describe('when the provider takes new keys', () => {
  it('new tokens are worth the role after half a minute at most, and old ones no more', async () => {
    const sandbox = await startServer({ args: ['--sandbox'] });
    const rotating = await startOpenIdProvider();
    const client = { endpoint: sandbox.url, region: 'us-east-1', maxAttempts: 1 };
    const root = { credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
    const administrator = new IAMClient({ ...client, ...root });
    const { OpenIDConnectProviderArn: Federated } = await administrator.send(
      new CreateOpenIDConnectProviderCommand({ Url: rotating.url, ClientIDList: [rotating.clientId] }),
    );
    const { Role } = await administrator.send(
      new CreateRoleCommand({
        RoleName: READER,
        AssumeRolePolicyDocument: policy(allow({ Principal: { Federated } })),
      }),
    );
    const isWorthTheRole = (token: string) =>
      new STSClient({ ...client, ...nobody })
        .send(
          new AssumeRoleWithWebIdentityCommand({
            RoleArn: Role?.Arn,
            RoleSessionName: 'application',
            WebIdentityToken: token,
          }),
        )
        .then(
          () => true,
          ({ message }) => {
            expect(message).toContain("Couldn't retrieve verification key from your identity provider");
            return false;
          },
        );

    const old = await rotating.logIn('someone');
    expect(await isWorthTheRole(old)).toBe(true);
    await rotating.rotateKeys();
    const renewed = await rotating.logIn('someone');
    expect(await isWorthTheRole(renewed)).toBe(false);
    expect(await isWorthTheRole(old)).toBe(true);
    await advanceClock(sandbox, 30);
    expect(await isWorthTheRole(renewed)).toBe(true);
    expect(await isWorthTheRole(old)).toBe(false);
    await rotating.stop();
    await cleanUp(sandbox);
  });
});

describeWith(awsCli, 'the AWS CLI', () => {
  /** Without any credentials but the token. */
  const environment = { AWS_SHARED_CREDENTIALS_FILE: '/dev/null' };

  it('assumes a role with a token', async () => {
    const role = ['--role-arn', roleArn, '--role-session-name', 'cli'];
    const token = ['--web-identity-token', await openId.logIn('someone')];
    const assumed = await awsCliFor(server, environment).answer(
      'sts',
      'assume-role-with-web-identity',
      ...role,
      ...token,
    );
    expect(assumed).toMatchObject({
      AssumedRoleUser: { Arn: `arn:aws:sts::${server.accountId}:assumed-role/${READER}/cli` },
      Provider: providerArn,
    });
  });

  it.runIf(awsCliReadsEndpointUrl())('takes the token from a file for whatever it does', async () => {
    const tokenFile = join(server.dataDir, '..', 'token');
    writeFileSync(tokenFile, await openId.logIn('someone'));
    const aws = awsCliFor(server, {
      ...environment,
      AWS_ROLE_ARN: roleArn,
      AWS_ROLE_SESSION_NAME: 'from-a-file',
      AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile,
    });
    expect(await aws.answer('kms', 'list-keys')).toHaveProperty('Keys');
  });
});

function credentialsOf({ Credentials }: Awaited<ReturnType<typeof assume>>) {
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {};
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
}
