import { beforeEach, describe, expect, test } from 'vitest';
import { seededRandom } from '../../../runtime/random.test-helper.ts';
import { sealedMemoryStore } from '../../../store/sealed-memory-store.test-helper.ts';
import type { Store } from '../../../store/sealed-store.ts';
import type { Input } from '../../../wire/shapes.ts';
import { perform, type Service } from '../../perform.ts';
import { ACCOUNT, administratorAccess, NOW, OTHER_ACCOUNT, scopeOf, user } from '../../scope.test-helper.ts';
import { accessKeyUsages } from '../access-keys/usages.ts';
import { createAccount, newAccessKey } from '../administrator.ts';
import { iamService } from '../index.ts';
import { identityName, type RoleRecord, rolesTable } from '../records.ts';
import { roleUsages } from '../roles/usages.ts';

/** What takes several accounts, or more of them and in them than a client makes in a moment. */

const random = seededRandom('iam accounts');
let store: Store;
let service: Service;

beforeEach(async () => {
  store = sealedMemoryStore();
  service = iamService({ store, random, accessKeyUsages: accessKeyUsages(store), roleUsages: roleUsages(store) });
});

function makeAccount(accountId: string): Promise<void> {
  const keys = { rootKey: newAccessKey(random), administratorKey: newAccessKey(random) };
  return store.transact((transaction) => createAccount(transaction, { accountId, ...keys }, random, NOW));
}

async function call(accountId: string, name: string, input: object = {}): Promise<Record<string, unknown>> {
  const operation = service.operations.get(name);
  if (operation === undefined) throw new Error(`IAM has no ${name}`);
  const caller = user('caller', { accountId, identityPolicies: [administratorAccess] });
  let answer: object | undefined;
  await perform(service, operation, input as Input<object>, scopeOf(caller), [], async (output) => {
    answer = output;
  });
  return (answer ?? {}) as Record<string, unknown>;
}

describe('account aliases', () => {
  const create = (accountId: string, AccountAlias: string) => call(accountId, 'CreateAccountAlias', { AccountAlias });
  const remove = (accountId: string, AccountAlias: string) => call(accountId, 'DeleteAccountAlias', { AccountAlias });
  const aliases = async (accountId: string) => (await call(accountId, 'ListAccountAliases'))['AccountAliases'];

  beforeEach(async () => {
    await makeAccount(ACCOUNT);
    await makeAccount(OTHER_ACCOUNT);
  });

  test('are of one account each, and of another one once they are free', async () => {
    await create(ACCOUNT, 'first');
    await expect(create(OTHER_ACCOUNT, 'first')).rejects.toMatchObject({ code: 'EntityAlreadyExistsException' });
    await create(ACCOUNT, 'second');
    await create(OTHER_ACCOUNT, 'first');
    expect(await aliases(ACCOUNT)).toEqual(['second']);
    expect(await aliases(OTHER_ACCOUNT)).toEqual(['first']);
  });

  test('are deleted by the account that has them, and no other', async () => {
    await create(ACCOUNT, 'first');
    await expect(remove(OTHER_ACCOUNT, 'first')).rejects.toMatchObject({ code: 'NoSuchEntityException' });
    expect(await aliases(ACCOUNT)).toEqual(['first']);
  });

  test('may be had by an account of which nothing is kept, as in the sandbox', async () => {
    await create('999999999999', 'sandbox');
    expect(await aliases('999999999999')).toEqual(['sandbox']);
    await remove('999999999999', 'sandbox');
    expect(await aliases('999999999999')).toEqual([]);
  });
});

test('the summary and the details are of the caller’s account alone', async () => {
  await makeAccount(ACCOUNT);
  await makeAccount(OTHER_ACCOUNT);
  await call(OTHER_ACCOUNT, 'CreateUser', { UserName: 'alice' });
  const summary = async (accountId: string) =>
    (await call(accountId, 'GetAccountSummary'))['SummaryMap'] as ReadonlyMap<string, number>;
  expect((await summary(ACCOUNT)).get('Users')).toBe(1);
  expect((await summary(OTHER_ACCOUNT)).get('Users')).toBe(2);
  const { UserDetailList } = await call(ACCOUNT, 'GetAccountAuthorizationDetails', { Filter: ['User'] });
  expect(UserDetailList).toEqual([expect.objectContaining({ UserName: 'administrator' })]);
});

test('the summary says that root has no access key where it has none', async () => {
  const { SummaryMap } = await call('999999999999', 'GetAccountSummary');
  expect((SummaryMap as ReadonlyMap<string, number>).get('AccountAccessKeysPresent')).toBe(0);
});

test('an account has 1,000 roles at most', async () => {
  const role = (roleName: string): RoleRecord => ({
    accountId: ACCOUNT,
    roleName,
    roleId: `AROA${roleName}`,
    path: '/',
    createdAtMs: NOW,
    trustPolicy: { document: '{}', principalIds: {} },
    maxSessionDurationS: 3600,
    inlinePolicies: [],
    attachedPolicies: [],
    tags: [],
  });
  await store.transact(async (transaction) => {
    for (let index = 0; index < 999; index++) {
      await transaction.create(rolesTable, identityName(ACCOUNT, `role-${index}`), role(`role-${index}`));
    }
  });
  const AssumeRolePolicyDocument = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS: ACCOUNT }, Action: 'sts:AssumeRole' }],
  });
  await call(ACCOUNT, 'CreateRole', { RoleName: 'last', AssumeRolePolicyDocument });
  await expect(call(ACCOUNT, 'CreateRole', { RoleName: 'more', AssumeRolePolicyDocument })).rejects.toMatchObject({
    code: 'LimitExceededException',
    message: 'Cannot exceed quota for RolesPerAccount: 1000',
  });
});

test('authorization details come in pages that fit into the memory, however long the policies are', async () => {
  const document = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}';
  const PolicyDocument = document + '\n'.repeat(24_000);
  const names = Array.from({ length: 250 }, (_, index) => `policy-${String(index).padStart(3, '0')}`);
  for (const PolicyName of names) await call(ACCOUNT, 'CreatePolicy', { PolicyName, PolicyDocument });
  const pages: string[][] = [];
  let Marker: unknown;
  do {
    const more = Marker === undefined ? {} : { Marker };
    const page = await call(ACCOUNT, 'GetAccountAuthorizationDetails', { MaxItems: 1000, ...more });
    pages.push((page['Policies'] as { PolicyName: string }[]).map(({ PolicyName }) => PolicyName));
    Marker = page['Marker'];
  } while (Marker !== undefined);
  expect(pages.length).toBeGreaterThan(1);
  expect(pages.flat()).toEqual(names);
});
