import { beforeEach, expect, it } from 'vitest';
import { sealedMemoryStore } from '../../store/sealed-memory-store.test-helper.ts';
import type { Store } from '../../store/sealed-store.ts';
import { ACCOUNT, NOW } from '../scope.test-helper.ts';
import { namedPrincipals } from './principals.ts';
import { identityName, rolesTable, usersTable } from './records.ts';

const bearer = { accountId: ACCOUNT, createdAtMs: NOW, inlinePolicies: [], attachedPolicies: [], tags: [] };
let store: Store;

beforeEach(async () => {
  store = sealedMemoryStore();
  await store.transact(async (transaction) => {
    await transaction.create(usersTable, identityName(ACCOUNT, 'alice'), {
      ...bearer,
      userName: 'alice',
      userId: 'AIDAIOSFODNN7EXAMPLE1',
      path: '/a:b/',
      groups: [],
      accessKeyIds: [],
    });
    await transaction.create(rolesTable, identityName(ACCOUNT, 'reader'), {
      ...bearer,
      roleName: 'reader',
      roleId: 'AROAIOSFODNN7EXAMPLE1',
      path: '/',
      trustPolicy: { document: '', principalIds: {} },
      maxSessionDurationS: 3600,
    });
  });
});

it('an ARN means whom it names to the last character, colons included', async () => {
  const alice = `arn:aws:iam::${ACCOUNT}:user/a:b/alice`;
  const session = `arn:aws:sts::${ACCOUNT}:assumed-role/reader/session`;
  const others = [
    `arn:aws:iam::${ACCOUNT}:user/alice`,
    `arn:aws:iam::${ACCOUNT}:user/a:b/Alice`,
    `arn:aws:iam::${ACCOUNT}:user/a:b/alice:x`,
    `arn:aws:iam::${ACCOUNT}:role/reader:x`,
  ];
  expect(await namedPrincipals([alice, session, ...others], store)).toEqual({
    ids: { [alice]: 'AIDAIOSFODNN7EXAMPLE1', [session]: 'AROAIOSFODNN7EXAMPLE1:session' },
    unknown: others,
  });
  const { ids } = await namedPrincipals([`${session}:else`], store);
  expect(Object.values(ids)).not.toContain('AROAIOSFODNN7EXAMPLE1:session');
});
