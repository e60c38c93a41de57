import type { Sealer } from '../../../custody/domain-keys.ts';
import { seededRandom } from '../../../runtime/random.test-helper.ts';
import { announcing, changeFeed, sharedEpoch } from '../../../store/change-feed.ts';
import { sealedMemoryStore, testSealer } from '../../../store/sealed-memory-store.test-helper.ts';
import type { Store } from '../../../store/sealed-store.ts';
import { type Credentials, credentials } from '../../iam/credentials.ts';
import {
  accessKeysTable,
  identityName,
  type RoleRecord,
  rolesTable,
  type UserRecord,
  usersTable,
} from '../../iam/records.ts';
import { ACCOUNT, NOW, scopeOf, user } from '../../scope.test-helper.ts';
import { assumerOf } from '../role-session.ts';
import { issueCredentials, type SessionTerms, type TemporaryCredentials } from './issue-credentials.ts';
import { type LiveSessions, liveSessions } from './live-sessions.ts';
import type { RoleAssumption, SessionBearer } from './session.ts';
import { type SessionTokens, sessionTokens } from './session-token.ts';

/** Sessions for tests below the wire: a store in memory, the change feed over it, and tokens that are sealed for real. */

export const ALICE: UserRecord = {
  accountId: ACCOUNT,
  userName: 'alice',
  userId: 'AIDAIOSFODNN7EXAMPLE1',
  path: '/',
  createdAtMs: NOW,
  inlinePolicies: [],
  attachedPolicies: ['arn:aws:iam::aws:policy/AdministratorAccess'],
  groups: [],
  accessKeyIds: ['AKIAIOSFODNN7EXAMPLE'],
  tags: [{ key: 'Team', value: 'blue' }],
};

export const ALICES_KEY = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'a secret of forty characters, or thereby',
};

export function role(trust: object, more: Partial<RoleRecord> = {}): RoleRecord {
  return {
    accountId: ACCOUNT,
    roleName: 'reader',
    roleId: 'AROAIOSFODNN7EXAMPLE1',
    path: '/',
    createdAtMs: NOW,
    trustPolicy: { document: JSON.stringify({ Version: '2012-10-17', Statement: trust }), principalIds: {} },
    maxSessionDurationS: 3600,
    tags: [{ key: 'Team', value: 'red' }],
    inlinePolicies: [],
    attachedPolicies: [],
    ...more,
  };
}

/** By Alice. */
export function assumption(more: Partial<RoleAssumption> = {}): RoleAssumption {
  const { principal, ...caller } = user('alice');
  const alice = { ...caller, principal: { ...principal, id: ALICE.userId } };
  return {
    action: 'sts:AssumeRole',
    by: assumerOf(scopeOf(alice)),
    sessionName: 'session',
    tags: [],
    transitiveTagKeys: [],
    inheritedTags: [],
    ...more,
  };
}

export function roleBearer(more: Partial<RoleAssumption> = {}): SessionBearer {
  const { roleName, roleId } = role({});
  return { kind: 'role', roleName, roleId, assumption: assumption(more), policies: { arns: [] } };
}

export interface SessionWorld {
  readonly store: Store;
  readonly tokens: SessionTokens;
  readonly sealer: Sealer;
  readonly sessions: LiveSessions;
  readonly accessKeys: Credentials;
  issue(bearer: SessionBearer, more?: Partial<SessionTerms>, nowMs?: number): TemporaryCredentials;
  putRole(record: RoleRecord): Promise<void>;
  removeRole(): Promise<void>;
}

/** A world in which Alice has an access key, and the role that she may have assumed trusts her account. */
export async function sessionWorld(options: { readonly revokeSessionsBeforeMs?: number } = {}): Promise<SessionWorld> {
  const epoch = sharedEpoch(new SharedArrayBuffer(4));
  const store = announcing(sealedMemoryStore(), epoch);
  const feed = await changeFeed(store, epoch);
  const sealer = testSealer();
  const tokens = sessionTokens(sealer);
  const random = seededRandom('sessions');
  const name = identityName(ACCOUNT, 'reader');
  await store.transact(async (transaction) => {
    await transaction.create(usersTable, identityName(ACCOUNT, ALICE.userName), ALICE);
    await transaction.create(accessKeysTable, ALICES_KEY.accessKeyId, {
      ...ALICES_KEY,
      accountId: ACCOUNT,
      userName: ALICE.userName,
      status: 'Active',
      createdAtMs: NOW,
    });
    await transaction.create(rolesTable, name, role(TRUSTS_ACCOUNT));
  });
  return {
    store,
    tokens,
    sealer,
    sessions: liveSessions({ store, feed, tokens, ...options }),
    accessKeys: credentials(store, feed),
    issue: (bearer, more = {}, nowMs = NOW) =>
      issueCredentials({ accountId: ACCOUNT, bearer, durationSeconds: 3600, ...more }, nowMs, {
        random,
        sessionTokens: tokens,
      }),
    putRole: (record) =>
      store.transact(async (transaction) => {
        const stored = await transaction.get(rolesTable, name);
        if (stored === undefined) await transaction.create(rolesTable, name, record);
        else await transaction.replace(rolesTable, name, record, stored.version);
      }),
    removeRole: () =>
      store.transact(async (transaction) => {
        const stored = await transaction.get(rolesTable, name);
        if (stored !== undefined) await transaction.remove(rolesTable, name, stored.version);
      }),
  };
}

export const TRUSTS_ACCOUNT = {
  Effect: 'Allow',
  Principal: { AWS: ACCOUNT },
  Action: ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'],
};
