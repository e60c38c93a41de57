import type { AssumeRoleWithWebIdentityResponse } from '@aws-sdk/client-sts';
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../runtime/random.test-helper.ts';
import { sealedMemoryStore, testSealer } from '../../store/sealed-memory-store.test-helper.ts';
import type { Store } from '../../store/sealed-store.ts';
import { awsQuery } from '../../wire/protocol.ts';
import { identityName, oidcProviderName, oidcProvidersTable, rolesTable } from '../iam/records.ts';
import { type AnyOperation, perform } from '../perform.ts';
import { ACCOUNT, NOW, OTHER_ACCOUNT, scopeOf } from '../scope.test-helper.ts';
import { assumeRoleWithWebIdentity } from './assume-role-with-web-identity.ts';
import type { Session } from './sessions/session.ts';
import { sessionTokens } from './sessions/session-token.ts';
import type { FetchJson } from './web-identity/fetch-json.ts';
import { providerKeys } from './web-identity/provider-keys.ts';

/**
 * What a token and a trust policy come to: `begun` is the session, as its token holds it. A real provider is in
 * `test/web-identity.test.ts`.
 */

const ISSUER = 'https://provider.example/path';
const NAME = 'provider.example/path';
const CLIENT = 'client';
const PROVIDER_ARN = `arn:aws:iam::${ACCOUNT}:oidc-provider/${NAME}`;
const ROLE_ARN = `arn:aws:iam::${ACCOUNT}:role/team/reader`;
const now = Math.floor(NOW / 1000);

let key: JWK;
let store: Store;
let begun: Session | undefined;

const tokens = sessionTokens(testSealer());

beforeAll(async () => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  key = { ...(await exportJWK(privateKey)), kid: '1', alg: 'ES256' };
});

beforeEach(async () => {
  store = sealedMemoryStore();
  begun = undefined;
  await store.transact((transaction) =>
    transaction.create(oidcProvidersTable, oidcProviderName(ACCOUNT, NAME), {
      accountId: ACCOUNT,
      url: NAME,
      clientIds: [CLIENT],
      thumbprints: [],
      tags: [],
      createdAtMs: NOW,
    }),
  );
});

function token(claims: JWTPayload = {}): Promise<string> {
  return new SignJWT({ iss: ISSUER, sub: 'someone', aud: CLIENT, iat: now, exp: now + 60, ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: '1' })
    .sign(key);
}

/** Makes the role `reader`, trusted by these statements. */
async function trust(...statements: readonly object[]): Promise<void> {
  await store.transact(async (transaction) => {
    await transaction.create(rolesTable, identityName(ACCOUNT, 'reader'), {
      accountId: ACCOUNT,
      roleName: 'reader',
      roleId: 'AROAIOSFODNN7EXAMPLE1',
      path: '/team/',
      createdAtMs: NOW,
      trustPolicy: { document: JSON.stringify({ Version: '2012-10-17', Statement: statements }), principalIds: {} },
      maxSessionDurationS: 3600,
      tags: [{ key: 'Team', value: 'blue' }],
      inlinePolicies: [],
      attachedPolicies: [],
    });
  });
}

const allow = (more: object = {}) => ({
  Effect: 'Allow',
  Principal: { Federated: PROVIDER_ARN },
  Action: 'sts:AssumeRoleWithWebIdentity',
  ...more,
});

/** As the provider itself answers. */
async function published({ pathname }: URL): Promise<unknown> {
  return pathname.endsWith('/jwks')
    ? { keys: [{ ...key, d: undefined }] }
    : { issuer: ISSUER, jwks_uri: `${ISSUER}/jwks` };
}

async function assume(webIdentityToken: string, more: Record<string, unknown> = {}, fetched: FetchJson = published) {
  const keys = providerKeys(fetched);
  const ports = {
    store,
    random: seededRandom('sessions'),
    sessionTokens: tokens,
    providerKeys: keys,
  };
  const input = assumeRoleWithWebIdentity.input.parse({
    RoleArn: ROLE_ARN,
    RoleSessionName: 'session',
    WebIdentityToken: webIdentityToken,
    ...more,
  });
  const { caller: _, ...facts } = scopeOf(undefined as never);
  const caller = await assumeRoleWithWebIdentity.identify?.(input, ports, facts);
  if (caller === undefined) throw new Error('nobody identified');
  const operation: AnyOperation = assumeRoleWithWebIdentity;
  const service = {
    name: 'sts',
    spoken: [{ protocol: awsQuery(), address: '' }],
    eventSource: '',
    operations: new Map(),
    store,
    ports: () => ports,
  };
  let answer: AssumeRoleWithWebIdentityResponse = {};
  await perform(service, operation, input, scopeOf(caller), [], async (output) => {
    answer = output as AssumeRoleWithWebIdentityResponse;
  });
  const { SessionToken = '', AccessKeyId = '' } = answer.Credentials ?? {};
  begun = tokens.open(SessionToken, AccessKeyId);
  return answer;
}

const denied = (permission = 'sts:AssumeRoleWithWebIdentity') => ({
  code: 'AccessDeniedException',
  message: `Not authorized to perform ${permission}`,
});

describe('a role', () => {
  it('is had by who comes with a token of a provider that it trusts', async () => {
    await trust(allow({ Condition: { StringEquals: { [`${NAME}:aud`]: CLIENT, [`${NAME}:sub`]: 'someone' } } }));
    const Policy = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:*","Resource":"*"}}';
    const answer = await assume(await token({ amr: ['pwd'], email: 'a@b.example' }), {
      DurationSeconds: 900,
      Policy,
      PolicyArns: [{ arn: 'arn:aws:iam::aws:policy/AdministratorAccess' }],
      MinimumSessionTokenSize: 4000,
    });
    expect(answer).toEqual({
      Credentials: {
        AccessKeyId: expect.stringMatching(/^ASIA[A-Z2-7]{16}$/),
        SecretAccessKey: expect.any(String),
        SessionToken: expect.any(String),
        Expiration: new Date((now + 900) * 1000),
      },
      AssumedRoleUser: {
        AssumedRoleId: 'AROAIOSFODNN7EXAMPLE1:session',
        Arn: `arn:aws:sts::${ACCOUNT}:assumed-role/reader/session`,
      },
      PackedPolicySize: expect.any(Number),
      SubjectFromWebIdentityToken: 'someone',
      Audience: CLIENT,
      Provider: PROVIDER_ARN,
    });
    expect(answer.Credentials?.SessionToken?.length).toBeGreaterThanOrEqual(4000);
    expect(begun?.bearer).toMatchObject({
      kind: 'role',
      roleName: 'reader',
      assumption: {
        action: 'sts:AssumeRoleWithWebIdentity',
        sessionName: 'session',
        tags: [],
        transitiveTagKeys: [],
        by: { principal: { type: 'WebIdentity', arn: PROVIDER_ARN } },
      },
      policies: { document: Policy, arns: ['arn:aws:iam::aws:policy/AdministratorAccess'] },
    });
  });

  it('is not had where a condition on the token, the session or the role does not hold', async () => {
    await trust(
      allow({
        Condition: {
          StringLike: { [`${NAME}:sub`]: 'some*', 'sts:RoleSessionName': 'session' },
          'ForAnyValue:StringEquals': { [`${NAME}:amr`]: ['otp', 'hwk'] },
          StringEquals: { [`${NAME}:oaud`]: CLIENT, 'aws:ResourceTag/Team': 'blue' },
        },
      }),
    );
    await expect(assume(await token({ amr: ['pwd', 'otp'] }))).resolves.toBeDefined();
    await expect(assume(await token({ amr: ['pwd'] }))).rejects.toMatchObject(denied());
    await expect(assume(await token({}))).rejects.toMatchObject(denied());
    await expect(assume(await token({ amr: ['otp'], sub: 'other' }))).rejects.toMatchObject(denied());
    await expect(assume(await token({ amr: ['otp'], aud: 'x', azp: CLIENT }))).rejects.toMatchObject(denied());
    await expect(assume(await token({ amr: ['otp'] }), { RoleSessionName: 'other' })).rejects.toMatchObject(denied());
  });

  it('is not had from one that trusts someone else', async () => {
    const other = PROVIDER_ARN.replace('path', 'other');
    await trust(
      allow({ Principal: { Federated: other } }),
      allow({ Principal: { Federated: PROVIDER_ARN.replace(ACCOUNT, OTHER_ACCOUNT) } }),
      allow({ Principal: { AWS: ACCOUNT }, Action: 'sts:*' }),
      allow({ Action: 'sts:AssumeRole' }),
    );
    await expect(assume(await token())).rejects.toMatchObject(denied());
    // Whatever the provider calls its subjects, they are not whom policies name.
    for (const sub of [other, ACCOUNT, `arn:aws:iam::${ACCOUNT}:root`, '*', 'AROAIOSFODNN7EXAMPLE1']) {
      await expect(assume(await token({ sub }))).rejects.toMatchObject(denied());
    }
  });

  it('is denied by an explicit deny, whatever else allows', async () => {
    await trust(
      allow(),
      allow({ Effect: 'Deny', Condition: { StringEquals: { [`${NAME}:email`]: 'bad@example.com' } } }),
    );
    await expect(assume(await token({ email: 'good@example.com' }))).resolves.toBeDefined();
    await expect(assume(await token({ email: 'bad@example.com' }))).rejects.toMatchObject(denied());
  });

  it('that does not exist is refused as one that does not trust', async () => {
    await expect(assume(await token())).rejects.toMatchObject(denied());
    await trust(allow());
    const withoutPath = `arn:aws:iam::${ACCOUNT}:role/reader`;
    await expect(assume(await token(), { RoleArn: withoutPath })).rejects.toMatchObject(denied());
    await expect(assume(await token(), { RoleArn: ROLE_ARN.replace('reader', 'Reader') })).rejects.toMatchObject(
      denied(),
    );
    await expect(assume(await token(), { RoleArn: ROLE_ARN.replace('aws', 'aws-cn') })).resolves.toBeDefined();
  });
});

describe('what a token asks for besides the role', () => {
  const tagged = {
    'https://aws.amazon.com/tags': { principal_tags: { Team: ['blue'] }, transitive_tag_keys: ['Team'] },
  };

  it('is let by the trust policy: tags by sts:TagSession, with their own conditions', async () => {
    await trust(
      allow(),
      allow({
        Action: 'sts:TagSession',
        Condition: {
          StringEquals: { 'aws:RequestTag/Team': 'blue' },
          'ForAllValues:StringEquals': { 'aws:TagKeys': ['Team'], 'sts:TransitiveTagKeys': ['Team'] },
        },
      }),
    );
    await assume(await token(tagged));
    expect(begun?.bearer).toMatchObject({
      assumption: { tags: [{ key: 'Team', value: 'blue' }], transitiveTagKeys: ['Team'] },
    });
    for (const tags of [{ Team: ['red'] }, { Team: ['blue'], Other: ['x'] }]) {
      const claims = { 'https://aws.amazon.com/tags': { principal_tags: tags } };
      await expect(assume(await token(claims))).rejects.toMatchObject(denied('sts:TagSession'));
    }
  });

  it('is refused where the trust policy says nothing of it', async () => {
    await trust(allow());
    await expect(assume(await token(tagged))).rejects.toMatchObject(denied('sts:TagSession'));
    const source = { 'https://aws.amazon.com/source_identity': 'Admin' };
    await expect(assume(await token(source))).rejects.toMatchObject(denied('sts:SetSourceIdentity'));
  });

  it('has one value for each key, or the session would not be what the policy was asked about', async () => {
    await trust(allow({ Action: 'sts:*' }));
    for (const claims of [
      { 'https://aws.amazon.com/tags': { principal_tags: { Team: ['blue'], team: ['red'] } } },
      { ...tagged, 'https://aws.amazon.com/tags/principal_tags/team': 'red' },
      { 'https://aws.amazon.com/tags': { principal_tags: { Team: ['blue'] }, transitive_tag_keys: ['Other'] } },
    ]) {
      await expect(assume(await token(claims))).rejects.toMatchObject({ code: 'InvalidParameterValue' });
    }
  });

  it('can be demanded: a source identity', async () => {
    const Condition = { StringEquals: { 'sts:SourceIdentity': 'Admin' } };
    await trust(allow({ Action: ['sts:AssumeRoleWithWebIdentity', 'sts:SetSourceIdentity'], Condition }));
    const answer = await assume(await token({ 'https://aws.amazon.com/source_identity': 'Admin' }));
    expect(answer).toMatchObject({ SourceIdentity: 'Admin' });
    expect(begun?.bearer).toMatchObject({ assumption: { sourceIdentity: 'Admin' } });
    await expect(assume(await token())).rejects.toMatchObject(denied());
    const other = await token({ 'https://aws.amazon.com/source_identity': 'Other' });
    await expect(assume(other)).rejects.toMatchObject(denied());
  });
});

describe('before any role is looked for', () => {
  it('the provider must be the role’s own account’s', async () => {
    await trust(allow());
    const message = `No OpenIDConnect provider found in your account for ${ISSUER}`;
    const elsewhere = ROLE_ARN.replace(ACCOUNT, OTHER_ACCOUNT);
    await expect(assume(await token(), { RoleArn: elsewhere })).rejects.toMatchObject({ message });
    await expect(assume(await token({ iss: 'https://other.example' }))).rejects.toMatchObject({
      code: 'InvalidIdentityTokenException',
      message: 'No OpenIDConnect provider found in your account for https://other.example',
    });
  });

  it('a provider over https is not the one over http of the same name', async () => {
    await expect(assume(await token({ iss: ISSUER.replace('https', 'http') }))).rejects.toMatchObject({
      code: 'InvalidIdentityTokenException',
    });
  });

  // URL parsers forgive a lot in front of a host: each of these leads to keys on evil.example, whose tokens would be believed
  // to be the provider's if only the end of the issuer were compared.
  it('a token whose issuer merely ends in the provider’s name is not the provider’s', async () => {
    await trust(allow());
    for (const iss of [
      `https:evil.example/x://${NAME}`,
      `https:/evil.example/x://${NAME}`,
      `https:\\\\evil.example/x://${NAME}`,
      `https://evil.example/://${NAME}`,
      `http:127.0.0.1:9000/x://${NAME}`,
      `ftp://${NAME}`,
      `HTTPS://${NAME}`,
      `a:${NAME}`,
    ]) {
      const asked: string[] = [];
      const fetched = async ({ host, pathname }: URL) => {
        asked.push(host);
        return pathname.endsWith('/jwks')
          ? { keys: [{ ...key, d: undefined }] }
          : { issuer: iss, jwks_uri: 'https://evil.example/jwks' };
      };
      await expect(assume(await token({ iss }), {}, fetched), iss).rejects.toMatchObject({
        code: 'InvalidIdentityTokenException',
        message: `No OpenIDConnect provider found in your account for ${iss}`,
      });
      expect(asked).toEqual([]);
    }
  });

  it('the ARN must be a role’s', async () => {
    const refused = { code: 'ValidationException' };
    for (const RoleArn of [
      `arn:aws:iam::${ACCOUNT}:user/reader`,
      `arn:aws:iam::${ACCOUNT}:root`,
      'not an ARN, but long',
    ]) {
      await expect(assume(await token(), { RoleArn })).rejects.toMatchObject(refused);
    }
  });

  it('access tokens of OAuth 2.0 providers are refused', async () => {
    await expect(assume('Atza|opaque', { ProviderId: 'www.amazon.com' })).rejects.toMatchObject({
      code: 'InvalidIdentityTokenException',
      message: 'Provided Token is not a Login With Amazon token',
    });
    await expect(assume(await token(), { ProviderId: 'graph.facebook.com' })).rejects.toMatchObject({
      code: 'InvalidIdentityTokenException',
    });
  });

  it('a token longer than AWS takes is not read', async () => {
    await expect(assume('a'.repeat(20_001))).rejects.toMatchObject({ code: 'ValidationException' });
  });
});
