import { beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../store/sealed-store.ts';
import type { Caller } from '../caller.ts';
import {
  accountsTable,
  identityName,
  type RoleRecord,
  rolesTable,
  type UserRecord,
  usersTable,
} from '../iam/records.ts';
import { ACCOUNT, administratorAccess, keyPolicy, OTHER_ACCOUNT, user } from '../scope.test-helper.ts';
import { createKey, machine, refusal, type Worker } from './kms.test-helper.ts';

/** Principals are whoever had the name when a policy or grant was saved: nobody inherits from who had it before. */

const ROOT = `arn:aws:iam::${ACCOUNT}:root`;
const ALICE = `arn:aws:iam::${ACCOUNT}:user/staff/alice`;
const ROLE = `arn:aws:iam::${ACCOUNT}:role/app`;
const SESSION = `arn:aws:sts::${ACCOUNT}:assumed-role/app/blue`;

const bearer = { accountId: ACCOUNT, createdAtMs: 0, tags: [], inlinePolicies: [], attachedPolicies: [] };

function alice(userId: string): UserRecord {
  return { ...bearer, userName: 'alice', userId, path: '/staff/', groups: [], accessKeyIds: [] };
}

function role(roleId: string): RoleRecord {
  const trustPolicy = { document: '{}', principalIds: {} };
  return { ...bearer, roleName: 'app', roleId, path: '/', trustPolicy, maxSessionDurationS: 3600 };
}

/** As credentials would find her. */
function asAlice(userId: string): Caller {
  const plain = user('alice');
  return { ...plain, principal: { type: 'User', arn: ALICE, accountId: ACCOUNT, id: userId } };
}

function asSession(roleId: string, session = 'blue'): Caller {
  const { userName: _, ...plain } = user('session');
  const arn = `arn:aws:sts::${ACCOUNT}:assumed-role/app/${session}`;
  return {
    ...plain,
    principal: { type: 'AssumedRole', arn, accountId: ACCOUNT, id: `${roleId}:${session}`, roleArn: ROLE },
  };
}

const first = { user: 'AIDAFIRSTFIRSTFIRSTFI', role: 'AROAFIRSTFIRSTFIRSTFI' };
const second = { user: 'AIDASECONDSECONDSECON', role: 'AROASECONDSECONDSECON' };

const administration = { Effect: 'Allow', Principal: { AWS: ROOT }, Action: 'kms:*', Resource: '*' };
const use = (principal: unknown) => ({ Effect: 'Allow', Principal: principal, Action: 'kms:Encrypt', Resource: '*' });

let store: Store;
let worker: Worker;
let keyId: string;

async function populate(ids: { readonly user: string; readonly role: string }): Promise<void> {
  await store.transact(async (transaction) => {
    await transaction.create(usersTable, identityName(ACCOUNT, 'alice'), alice(ids.user));
    await transaction.create(rolesTable, identityName(ACCOUNT, 'app'), role(ids.role));
  });
}

async function remove(): Promise<void> {
  await store.transact(async (transaction) => {
    await transaction.remove(usersTable, identityName(ACCOUNT, 'alice'), 1);
    await transaction.remove(rolesTable, identityName(ACCOUNT, 'app'), 1);
  });
}

async function recreate(): Promise<void> {
  await remove();
  await populate(second);
}

const encrypt = (caller: Caller) => worker.call('Encrypt', { KeyId: keyId, Plaintext: Buffer.from('x') }, caller);
const putPolicy = (policy: string) => worker.call('PutKeyPolicy', { KeyId: keyId, Policy: policy });
const getPolicy = async () => (await worker.call('GetKeyPolicy', { KeyId: keyId }))['Policy'] as string;
const createGrant = (input: object) =>
  worker.call('CreateGrant', { KeyId: keyId, Operations: ['Encrypt', 'RetireGrant'], ...input });
const listGrants = async (input: object = {}) =>
  (await worker.call('ListGrants', { KeyId: keyId, ...input }))['Grants'] as Record<string, unknown>[];

beforeEach(async () => {
  const records = machine();
  store = records.store;
  worker = await records.worker(100, [], 'refused');
  await store.transact((transaction) =>
    transaction.create(accountsTable, ACCOUNT, { accountId: ACCOUNT, createdAtMs: 0 }),
  );
  await populate(first);
  keyId = await createKey(worker);
});

const denied = expect.objectContaining({ code: 'AccessDeniedException' });

describe('a key policy', () => {
  test.each<[what: string, named: unknown, before: Caller, after: Caller]>([
    ['user', { AWS: ALICE }, asAlice(first.user), asAlice(second.user)],
    ['role', { AWS: [ROLE] }, asSession(first.role), asSession(second.role)],
    ['role’s session', { AWS: SESSION }, asSession(first.role), asSession(second.role)],
    [
      'user in another partition',
      { AWS: ALICE.replace('arn:aws:', 'arn:aws-cn:') },
      asAlice(first.user),
      asAlice(second.user),
    ],
  ])('allows a %s that is deleted and created again nothing', async (_, named, before, after) => {
    await putPolicy(keyPolicy(administration, use(named)));
    await encrypt(before);
    await recreate();
    await expect(encrypt(after)).rejects.toThrow(denied);
    await putPolicy(keyPolicy(administration, use(named)));
    await encrypt(after);
    await expect(encrypt(before)).rejects.toThrow(denied);
  });

  test.each(['CreateKey', 'ReplicateKey'])('is so from the first one on, by %s', async (operation) => {
    const policy = keyPolicy(administration, use({ AWS: ALICE }));
    let region = 'us-east-1';
    if (operation === 'CreateKey') keyId = await createKey(worker, { Policy: policy });
    else {
      keyId = await createKey(worker, { MultiRegion: true });
      region = 'eu-west-1';
      await worker.call('ReplicateKey', { KeyId: keyId, ReplicaRegion: region, Policy: policy });
    }
    const encryptThere = (id: string) =>
      worker.call('Encrypt', { KeyId: keyId, Plaintext: Buffer.from('x') }, asAlice(id), { region });
    await encryptThere(first.user);
    await recreate();
    await expect(encryptThere(second.user)).rejects.toThrow(denied);
  });

  test('does not deny them what it denied who had the name before, either', async () => {
    const statement = { ...use({ AWS: ALICE }), Effect: 'Deny' };
    await putPolicy(keyPolicy(administration, use({ AWS: ROOT }), statement));
    const may = (id: string): Caller => ({ ...asAlice(id), identityPolicies: [administratorAccess] });
    await expect(encrypt(may(first.user))).rejects.toThrow(denied);
    await recreate();
    await encrypt(may(second.user));
  });

  test('shows the ids of those who are gone, and all else as it was written', async () => {
    const written = ` ${keyPolicy(administration, use({ AWS: [ALICE, ROOT] }), use({ AWS: SESSION }))}\n`;
    await putPolicy(written);
    expect(await getPolicy()).toBe(written);
    await remove();
    const shown = written.replace(ALICE, first.user).replace(SESSION, `${first.role}:blue`);
    expect(await getPolicy()).toBe(shown);
    await populate(second);
    expect(await getPolicy(), 'also when the name has another bearer').toBe(shown);
  });

  test('that names accounts, users or roles which do not exist is refused', async () => {
    const { role: roleId } = first;
    for (const named of [
      `arn:aws:iam::${ACCOUNT}:user/bob`,
      `arn:aws:iam::${ACCOUNT}:user/alice`,
      `arn:aws:iam::${ACCOUNT}:role/staff/app`,
      `arn:aws:sts::${ACCOUNT}:assumed-role/other/blue`,
      `arn:aws:iam::${OTHER_ACCOUNT}:root`,
      OTHER_ACCOUNT,
    ]) {
      for (const principal of [{ AWS: named }, { AWS: [ROOT, roleId, named] }]) {
        const policy = keyPolicy(administration, use(principal));
        const expected = {
          code: 'MalformedPolicyDocumentException',
          message: 'Policy contains a statement with one or more invalid principals.',
        };
        expect(await refusal(putPolicy(policy)), named).toEqual(expected);
        expect(await refusal(worker.call('CreateKey', { Policy: policy })), named).toEqual(expected);
      }
    }
    expect(await getPolicy()).not.toContain('bob');
  });

  test('is judged for lockout by the ids that it will have', async () => {
    const policy = keyPolicy({ ...administration, Principal: { AWS: ALICE } });
    const put = (id: string) => worker.call('PutKeyPolicy', { KeyId: keyId, Policy: policy }, asAlice(id));
    await worker.call('PutKeyPolicy', { KeyId: keyId, Policy: policy, BypassPolicyLockoutSafetyCheck: true });
    await put(first.user);
    // Her session outlived her, while somebody else was made under her name, whom alone the new policy would mean.
    await recreate();
    expect(await refusal(put(first.user))).toEqual({
      code: 'MalformedPolicyDocumentException',
      message: 'The new key policy will not allow you to update the key policy in the future.',
    });
  });
});

describe('a grant', () => {
  test.each<[what: string, grantee: string, before: Caller, after: Caller]>([
    ['user', ALICE, asAlice(first.user), asAlice(second.user)],
    ['role', ROLE, asSession(first.role), asSession(second.role)],
    ['role’s session', SESSION, asSession(first.role), asSession(second.role)],
  ])('allows a %s that is deleted and created again nothing', async (_, grantee, before, after) => {
    const { GrantId } = await createGrant({ GranteePrincipal: grantee });
    await encrypt(before);
    await recreate();
    await expect(encrypt(after)).rejects.toThrow(denied);
    await expect(worker.call('RetireGrant', { KeyId: keyId, GrantId }, after)).rejects.toThrow(denied);
    await createGrant({ GranteePrincipal: grantee });
    await encrypt(after);
  });

  test('is retired by nobody who has the name of its retiring principal later', async () => {
    const input = { GranteePrincipal: ROLE, RetiringPrincipal: ALICE };
    const { GrantId } = await createGrant(input);
    const retire = (id: string) => worker.call('RetireGrant', { KeyId: keyId, GrantId }, asAlice(id));
    const retirable = async () => {
      const { Grants } = await worker.call('ListRetirableGrants', { RetiringPrincipal: ALICE });
      return (Grants as { GrantId: string }[]).map((grant) => grant.GrantId);
    };
    expect(await retirable()).toEqual([GrantId]);
    await recreate();
    await expect(retire(second.user)).rejects.toThrow(denied);
    expect(await retirable()).toEqual([]);
    await retire(first.user);
  });

  test('of one name is another grant when the name means somebody else', async () => {
    const input = { GranteePrincipal: ALICE, Name: 'retried' };
    const { GrantId } = await createGrant(input);
    expect((await createGrant(input))['GrantId']).toBe(GrantId);
    await recreate();
    expect((await createGrant(input))['GrantId']).not.toBe(GrantId);
  });

  test('is listed by the ids of those who are gone', async () => {
    const { GrantId } = await createGrant({ GranteePrincipal: ALICE, RetiringPrincipal: SESSION });
    const principals = { GranteePrincipal: ALICE, RetiringPrincipal: SESSION };
    expect(await listGrants()).toMatchObject([principals]);
    expect(await listGrants({ GranteePrincipal: ALICE })).toMatchObject([principals]);
    expect(await listGrants({ GranteePrincipal: ALICE, GrantId })).toMatchObject([principals]);
    await recreate();
    expect(await listGrants()).toMatchObject([
      { GranteePrincipal: first.user, RetiringPrincipal: `${first.role}:blue` },
    ]);
    expect(await listGrants({ GranteePrincipal: ALICE })).toEqual([]);
    expect(await listGrants({ GranteePrincipal: ALICE, GrantId })).toEqual([]);
  });

  test.each(['GranteePrincipal', 'RetiringPrincipal'])('whose %s does not exist is refused', async (member) => {
    for (const arn of [
      `arn:aws:iam::${ACCOUNT}:user/bob`,
      `arn:aws:iam::${OTHER_ACCOUNT}:root`,
      `arn:aws:sts::${OTHER_ACCOUNT}:federated-user/bob`,
    ]) {
      expect(await refusal(createGrant({ GranteePrincipal: ALICE, [member]: arn }))).toEqual({
        code: 'InvalidArnException',
        message: `ARN does not refer to a valid principal: ${arn}`,
      });
    }
    await createGrant({ GranteePrincipal: ALICE, [member]: ROOT });
    await createGrant({ GranteePrincipal: ALICE, [member]: `arn:aws:sts::${ACCOUNT}:federated-user/bob` });
  });
});

test('where unknown principals are believed, a policy and a grant mean them by their ARNs', async () => {
  const records = machine();
  const sandbox = await records.worker();
  const name = `arn:aws:iam::${OTHER_ACCOUNT}:user/bob`;
  const bob: Caller = { ...user('bob', { accountId: OTHER_ACCOUNT, identityPolicies: [administratorAccess] }) };
  const Plaintext = Buffer.from('x');
  const byPolicy = await createKey(sandbox, { Policy: keyPolicy(administration, use({ AWS: name })) });
  const byGrant = await createKey(sandbox);
  const keyArn = (id: string) => `arn:aws:kms:us-east-1:${ACCOUNT}:key/${id}`;
  await sandbox.call('CreateGrant', { KeyId: byGrant, GranteePrincipal: name, Operations: ['Encrypt'] });
  await sandbox.call('Encrypt', { KeyId: keyArn(byPolicy), Plaintext }, bob);
  await sandbox.call('Encrypt', { KeyId: keyArn(byGrant), Plaintext }, bob);
});
