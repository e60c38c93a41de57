import { beforeEach, describe, expect, test } from 'vitest';
import { sealedMemoryStore } from '../../../store/sealed-memory-store.test-helper.ts';
import type { Store, Table } from '../../../store/sealed-store.ts';
import { ACCOUNT, NOW, OTHER_ACCOUNT } from '../../scope.test-helper.ts';
import { documentToShow } from '../principals.ts';
import { identityName, type RoleRecord, rolesTable, type UserRecord, usersTable } from '../records.ts';
import { newTrustPolicy } from './trust-policy.ts';

let store: Store;

beforeEach(() => {
  store = sealedMemoryStore();
});

const bearer = (accountId: string) => ({ accountId, inlinePolicies: [], attachedPolicies: [], tags: [] });

function makeUser(userName: string, userId: string, accountId = ACCOUNT): Promise<void> {
  const user: UserRecord = {
    ...bearer(accountId),
    userName,
    userId,
    path: '/',
    createdAtMs: NOW,
    groups: [],
    accessKeyIds: [],
  };
  return store.transact((transaction) => transaction.create(usersTable, identityName(accountId, userName), user));
}

function makeRole(roleName: string, roleId: string): Promise<void> {
  const role: RoleRecord = {
    ...bearer(ACCOUNT),
    roleName,
    roleId,
    path: '/',
    createdAtMs: NOW,
    trustPolicy: { document: '', principalIds: {} },
    maxSessionDurationS: 3600,
  };
  return store.transact((transaction) => transaction.create(rolesTable, identityName(ACCOUNT, roleName), role));
}

const remove = <T>(table: Table<T>, name: string) =>
  store.transact((transaction) => transaction.remove(table, identityName(ACCOUNT, name), 1));

const trust = (Principal: unknown) =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal, Action: 'sts:AssumeRole' }] });
const user = (name: string, accountId = ACCOUNT) => `arn:aws:iam::${accountId}:user/${name}`;
const role = (name: string) => `arn:aws:iam::${ACCOUNT}:role/${name}`;
const session = (name: string) => `arn:aws:sts::${ACCOUNT}:assumed-role/${name}/s`;

describe('a new trust policy', () => {
  test('keeps the unique ids of the users, roles and sessions that it names, in whatever account', async () => {
    await makeUser('alice', 'AIDAALICE');
    await makeUser('bob', 'AIDABOB', OTHER_ACCOUNT);
    await makeRole('app', 'AROAAPP');
    const document = trust({ AWS: [user('alice'), user('bob', OTHER_ACCOUNT), role('app'), session('app')] });
    expect(await newTrustPolicy(document, store)).toEqual({
      document,
      principalIds: {
        [user('alice')]: 'AIDAALICE',
        [user('bob', OTHER_ACCOUNT)]: 'AIDABOB',
        [role('app')]: 'AROAAPP',
        [session('app')]: 'AROAAPP:s',
      },
    });
  });

  test('believes the names of accounts, services and OpenID providers as they are', async () => {
    const document = trust({
      AWS: [OTHER_ACCOUNT, `arn:aws:iam::${OTHER_ACCOUNT}:root`],
      Service: 'lambda.amazonaws.com',
      Federated: `arn:aws:iam::${ACCOUNT}:oidc-provider/example.com`,
    });
    expect(await newTrustPolicy(document, store)).toEqual({ document, principalIds: {} });
  });

  test.each([
    ['a user', user('nobody')],
    ['a user in another case', user('Alice')],
    ['a user under another path', user('team/alice')],
    ['a user of another account', user('alice', OTHER_ACCOUNT)],
    ['a role', role('nobody')],
    ['a session of a role', session('nobody')],
  ])('is refused where it names %s that there is not', async (_, arn) => {
    await makeUser('alice', 'AIDAALICE');
    await expect(newTrustPolicy(trust({ AWS: arn }), store)).rejects.toMatchObject({
      code: 'MalformedPolicyDocumentException',
      message: `Invalid principal in policy: "AWS":"${arn}"`,
    });
  });
});

describe('a trust policy is shown', () => {
  const shown = async (document: string, change: () => Promise<unknown>) => {
    const policy = await newTrustPolicy(document, store);
    await change();
    return JSON.parse(await documentToShow(policy.document, policy.principalIds, store)).Statement[0].Principal;
  };

  beforeEach(async () => {
    await makeUser('alice', 'AIDAALICE');
    await makeRole('app', 'AROAAPP');
  });

  test('as it was written, while those whom it names are there', async () => {
    const document = ` ${trust({ AWS: [user('alice'), role('app')] })}\n`;
    const policy = await newTrustPolicy(document, store);
    expect(await documentToShow(policy.document, policy.principalIds, store)).toBe(document);
  });

  test('with the ids of those who have gone', async () => {
    const gone = () => remove(rolesTable, 'app');
    expect(await shown(trust({ AWS: [user('alice'), role('app')] }), gone)).toEqual({
      AWS: [user('alice'), 'AROAAPP'],
    });
  });

  test('with the id of one whose name is now another’s, who inherits nothing', async () => {
    const replaced = async () => {
      await remove(usersTable, 'alice');
      await makeUser('alice', 'AIDASECOND');
    };
    expect(await shown(trust({ AWS: user('alice') }), replaced)).toEqual({ AWS: 'AIDAALICE' });
  });
});
