import { beforeEach, describe, expect, test } from 'vitest';
import { identityName, managedPoliciesTable, usersTable } from '../../iam/records.ts';
import { ACCOUNT, NOW } from '../../scope.test-helper.ts';
import type { SessionBearer } from './session.ts';
import { ALICE, role, roleBearer, type SessionWorld, sessionWorld, TRUSTS_ACCOUNT } from './sessions.test-helper.ts';

let world: SessionWorld;
beforeEach(async () => {
  world = await sessionWorld();
});

const invalid = expect.objectContaining({
  code: 'UnrecognizedClientException',
  message: 'The security token included in the request is invalid.',
});
const expired = expect.objectContaining({
  code: 'ExpiredSessionToken',
  message: 'The security token included in the request is expired',
});

function begin(bearer: SessionBearer = roleBearer(), nowMs = NOW) {
  const { AccessKeyId, SessionToken } = world.issue(bearer, {}, nowMs);
  return {
    accessKeyId: AccessKeyId,
    token: SessionToken,
    find: (atMs = nowMs) => world.sessions.find(SessionToken, AccessKeyId, atMs),
    caller: async () => (await world.sessions.find(SessionToken, AccessKeyId, nowMs))?.caller,
  };
}

const alice = { userName: ALICE.userName, userId: ALICE.userId };

describe('a session', () => {
  test('is found by its token and its access key together, whether or not it is known already', async () => {
    const [one, other] = [begin(), begin()];
    for (let time = 0; time < 2; time++) {
      expect(await world.sessions.find(one.token, other.accessKeyId, NOW)).toBeUndefined();
      expect((await one.find())?.caller.accessKeyId).toBe(one.accessKeyId);
    }
    expect(await world.sessions.find(one.token, other.accessKeyId, NOW)).toBeUndefined();
  });

  test('expires, also while it is known', async () => {
    const session = begin();
    const end = NOW - (NOW % 1000) + 3600_000;
    expect(await session.find(end - 1)).toBeDefined();
    await expect(session.find(end)).rejects.toEqual(expired);
    await expect(begin().find(end)).rejects.toEqual(expired);
  });

  test('is opened once, and then found in memory', async () => {
    const session = begin();
    const first = await session.find();
    expect(await session.find()).toBe(first);
    await world.putRole(role(TRUSTS_ACCOUNT, { tags: [] }));
    expect(await session.find()).not.toBe(first);
  });

  test('that began before sessions were revoked is dead, and one that began then is not', async () => {
    world = await sessionWorld({ revokeSessionsBeforeMs: NOW });
    await expect(begin(roleBearer(), NOW - 1).find(NOW)).rejects.toEqual(invalid);
    await expect(begin({ kind: 'user', user: alice }, NOW - 1).find(NOW)).rejects.toEqual(invalid);
    expect(await begin(roleBearer(), NOW).find()).toBeDefined();
  });
});

describe('a role’s session', () => {
  test('has the principal, the tags and the facts of AWS’s global condition keys', async () => {
    const session = begin(
      roleBearer({
        sourceIdentity: 'alice',
        tags: [{ key: 'TEAM', value: 'green' }],
        transitiveTagKeys: ['team'],
        inheritedTags: [{ key: 'Cost', value: '1' }],
      }),
    );
    const caller = await session.caller();
    expect(caller).toMatchObject({
      principal: {
        type: 'AssumedRole',
        arn: `arn:aws:sts::${ACCOUNT}:assumed-role/reader/session`,
        id: 'AROAIOSFODNN7EXAMPLE1:session',
        roleArn: `arn:aws:iam::${ACCOUNT}:role/reader`,
      },
      session: {
        kind: 'role',
        sourceIdentity: 'alice',
        transitiveTags: [
          { key: 'Cost', value: '1' },
          { key: 'TEAM', value: 'green' },
        ],
      },
    });
    expect(Object.fromEntries(caller?.conditions ?? [])).toEqual({
      'aws:principaltag/team': ['green'],
      'aws:principaltag/cost': ['1'],
      'aws:sourceidentity': ['alice'],
      'aws:tokenissuetime': ['2026-11-22T10:30:15Z'],
      'aws:multifactorauthpresent': ['false'],
    });
    expect(caller?.userName).toBeUndefined();
  });

  test('lives where the trust policy asks for what it could ask for when the session began', async () => {
    const Condition = {
      StringEquals: {
        'aws:ResourceAccount': ACCOUNT,
        'aws:RequestedRegion': 'us-east-1',
        'aws:PrincipalAccount': ACCOUNT,
      },
    };
    await world.putRole(role({ ...TRUSTS_ACCOUNT, Condition }));
    expect(await begin().find()).toBeDefined();
  });

  test('dies with the role, and another role of that name does not bring it back', async () => {
    const session = begin();
    expect(await session.find()).toBeDefined();
    await world.removeRole();
    await expect(session.find()).rejects.toEqual(invalid);
    await world.putRole(role(TRUSTS_ACCOUNT, { roleId: 'AROAIOSFODNN7EXAMPLE2' }));
    await expect(session.find()).rejects.toEqual(invalid);
  });

  test.each([
    ['another account', { ...TRUSTS_ACCOUNT, Principal: { AWS: '444455556666' } }],
    ['another user', { ...TRUSTS_ACCOUNT, Principal: { AWS: `arn:aws:iam::${ACCOUNT}:user/bob` } }],
    ['nobody for this operation', { ...TRUSTS_ACCOUNT, Action: 'sts:AssumeRoleWithWebIdentity' }],
    ['nobody who passes tags', { ...TRUSTS_ACCOUNT, Action: ['sts:AssumeRole', 'sts:SetSourceIdentity'] }],
    ['nobody with a source identity', { ...TRUSTS_ACCOUNT, Action: ['sts:AssumeRole', 'sts:TagSession'] }],
    ['another external id', { ...TRUSTS_ACCOUNT, Condition: { StringEquals: { 'sts:ExternalId': '43' } } }],
    ['another address', { ...TRUSTS_ACCOUNT, Condition: { IpAddress: { 'aws:SourceIp': '198.51.100.0/24' } } }],
    ['nobody without TLS', { ...TRUSTS_ACCOUNT, Condition: { Bool: { 'aws:SecureTransport': 'true' } } }],
    ['another source identity', { ...TRUSTS_ACCOUNT, Condition: { StringEquals: { 'sts:SourceIdentity': 'bob' } } }],
    ['other tags', { ...TRUSTS_ACCOUNT, Condition: { StringEquals: { 'aws:RequestTag/a': '2' } } }],
    ['another session name', { ...TRUSTS_ACCOUNT, Condition: { StringNotLike: { 'sts:RoleSessionName': 's*' } } }],
    ['nobody of this name now', { ...TRUSTS_ACCOUNT, Condition: { StringNotEquals: { 'aws:username': 'alice' } } }],
  ])('dies when the role comes to trust %s', async (_, trust) => {
    const facts = { externalId: '42', sourceIdentity: 'alice', tags: [{ key: 'a', value: '1' }] };
    const session = begin(roleBearer(facts));
    expect(await session.find()).toBeDefined();
    await world.putRole(role(trust));
    await expect(session.find()).rejects.toEqual(invalid);
    await world.putRole(role(TRUSTS_ACCOUNT));
    expect(await session.find()).toBeDefined();
  });

  test('lives on where the trust is still in whoever assumed it, as the request was', async () => {
    const session = begin(roleBearer({ externalId: '42' }));
    const Condition = {
      StringEquals: { 'sts:ExternalId': '42', 'sts:RoleSessionName': 'session', 'aws:username': 'alice' },
      IpAddress: { 'aws:SourceIp': '192.0.2.0/24' },
      DateEquals: { 'aws:CurrentTime': new Date(NOW).toISOString() },
    };
    await world.putRole(
      role({ ...TRUSTS_ACCOUNT, Principal: { AWS: `arn:aws:iam::${ACCOUNT}:user/alice` }, Condition }),
    );
    expect(await session.find(NOW + 1000)).toBeDefined();
  });

  test('is not one of whoever bears the name of whom the role trusts', async () => {
    const session = begin();
    const arn = `arn:aws:iam::${ACCOUNT}:user/alice`;
    const trusted = role({ ...TRUSTS_ACCOUNT, Principal: { AWS: arn } });
    const { document } = trusted.trustPolicy;
    await world.putRole({ ...trusted, trustPolicy: { document, principalIds: { [arn]: ALICE.userId } } });
    expect(await session.find()).toBeDefined();
    await world.putRole({ ...trusted, trustPolicy: { document, principalIds: { [arn]: 'AIDAIOSFODNN7EXAMPLE9' } } });
    await expect(session.find()).rejects.toEqual(invalid);
  });

  test('does not outlive a managed policy that limits it', async () => {
    const arn = `arn:aws:iam::${ACCOUNT}:policy/limit`;
    const name = identityName(ACCOUNT, 'limit');
    const document = '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}';
    await world.store.transact((transaction) =>
      transaction.create(managedPoliciesTable, name, {
        accountId: ACCOUNT,
        policyName: 'limit',
        policyId: 'ANPAIOSFODNN7EXAMPLE1',
        path: '/',
        createdAtMs: NOW,
        updatedAtMs: NOW,
        tags: [],
        defaultVersionId: 'v1',
        nextVersion: 2,
        versions: [{ versionId: 'v1', document, createdAtMs: NOW }],
      }),
    );
    const session = begin({ ...roleBearer(), policies: { arns: [arn] } } as SessionBearer);
    expect((await session.caller())?.sessionPolicies).toHaveLength(1);
    await world.store.transact((transaction) => transaction.remove(managedPoliciesTable, name, 1));
    await expect(session.find()).rejects.toEqual(invalid);
  });
});

describe('the sessions of users and federated users', () => {
  test.each<[string, SessionBearer]>([
    ['user', { kind: 'user', user: alice }],
    ['federated user', { kind: 'federated', name: 'bob', user: alice, policies: { arns: [] }, tags: [] }],
  ])('die with the user: a %s', async (_, bearer) => {
    const session = begin(bearer);
    expect(await session.find()).toBeDefined();
    const name = identityName(ACCOUNT, 'alice');
    await world.store.transact((transaction) =>
      transaction.replace(usersTable, name, { ...ALICE, userId: 'AIDAIOSFODNN7EXAMPLE2' }, 1),
    );
    await expect(session.find()).rejects.toEqual(invalid);
    await world.store.transact((transaction) => transaction.remove(usersTable, name, 2));
    await expect(session.find()).rejects.toEqual(invalid);
  });

  test('a user is the same user, but for what says that the credentials are temporary', async () => {
    const caller = await begin({ kind: 'user', user: alice }).caller();
    expect(caller).toMatchObject({
      principal: { type: 'User', arn: `arn:aws:iam::${ACCOUNT}:user/alice`, id: ALICE.userId },
      userName: 'alice',
      session: { kind: 'user' },
    });
    expect(caller?.identityPolicies).toHaveLength(1);
    expect(Object.fromEntries(caller?.conditions ?? [])).toEqual({
      'aws:principaltag/team': ['blue'],
      'aws:tokenissuetime': ['2026-11-22T10:30:15Z'],
      'aws:multifactorauthpresent': ['false'],
    });
  });

  test('a federated user of root has what the session policy gives', async () => {
    const document = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:*","Resource":"*"}}';
    const caller = await begin({ kind: 'federated', name: 'bob', policies: { document, arns: [] }, tags: [] }).caller();
    expect(caller?.principal).toEqual({
      type: 'FederatedUser',
      arn: `arn:aws:sts::${ACCOUNT}:federated-user/bob`,
      accountId: ACCOUNT,
      id: `${ACCOUNT}:bob`,
    });
    expect(caller?.identityPolicies).toHaveLength(1);
    expect(caller?.sessionPolicies).toHaveLength(1);
    expect(caller?.auditIdentity.sessionContext?.sessionIssuer?.type).toBe('Root');
  });
});
