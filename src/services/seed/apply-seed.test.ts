import { expect, test } from 'vitest';
import type { AuditRecord } from '../../audit/record.ts';
import { softwareImport } from '../../custody/software/software-import.ts';
import { materialsPrefix, materialsTable } from '../../keys/tables.ts';
import { seededRandom } from '../../runtime/random.test-helper.ts';
import { sealedMemoryStore, testSealer } from '../../store/sealed-memory-store.test-helper.ts';
import type { Store, Table } from '../../store/sealed-store.ts';
import {
  attachmentsTable,
  boundariesTable,
  groupMembersTable,
  groupsTable,
  identityName,
  managedPoliciesTable,
  rolesTable,
  usersTable,
} from '../iam/records.ts';
import { grantTokens } from '../kms/grant-tokens.ts';
import { compileKeyPolicy } from '../kms/key-policy.ts';
import { machine } from '../kms/kms.test-helper.ts';
import { ACCOUNT, NOW, OTHER_ACCOUNT, REGION } from '../scope.test-helper.ts';
import { applySeed } from './apply-seed.ts';
import { readSeed } from './seed-file.ts';

/** What seeds do to records that no client sees yet; what clients see is in test/seed.test.ts. */

async function planter(store: Store = sealedMemoryStore()) {
  const worker = await machine(store).worker();
  const random = seededRandom('seed');
  const audited: AuditRecord[] = [];
  let auditFailure: Error | undefined;
  const plant = (account: object, more: readonly object[] = []) =>
    applySeed(readSeed('seed.yaml', JSON.stringify({ accounts: [{ id: ACCOUNT, ...account }, ...more] }), true), {
      kms: {
        store,
        directory: worker.directory,
        grants: { of: () => ({ size: 0, allows: () => false }) },
        grantTokens: grantTokens(testSealer()),
        custody: worker.custody,
        materialImport: softwareImport(testSealer(), testSealer()),
        random,
        compilePolicy: compileKeyPolicy,
        unknownPrincipals: 'refused',
        attestationRoots: [],
        serviceKeys: worker.serviceKeys,
        usages: worker.usages,
      },
      nowMs: NOW,
      version: '0.0.0',
      audit: {
        append: async (recordJson) => {
          if (auditFailure !== undefined) throw auditFailure;
          audited.push(JSON.parse(recordJson));
        },
        close: async () => {},
      },
    });
  return {
    store,
    worker,
    audited,
    plant,
    failAudit: (error: Error) => {
      auditFailure = error;
    },
  };
}

async function all<T>(store: Store, table: Table<T>): Promise<[name: string, value: T][]> {
  return (await store.list(table, { prefix: '', limit: 100 })).map(({ key, value }) => [key, value]);
}

function allow(Action: string): object {
  return { Version: '2012-10-17', Statement: { Effect: 'Allow', Action, Resource: '*' } };
}

function trust(AWS: string): object {
  return { Version: '2012-10-17', Statement: { Effect: 'Allow', Principal: { AWS }, Action: 'sts:AssumeRole' } };
}

const administratorAccess = 'arn:aws:iam::aws:policy/AdministratorAccess';
const policyArn = `arn:aws:iam::${ACCOUNT}:policy/own`;
const KEY_ID = '1234abcd-12ab-34cd-56ef-1234567890ab';

test('a managed policy has five versions at most, of which the newest counts, with numbers that are never used again', async () => {
  const { store, plant } = await planter();
  for (let n = 1; n <= 7; n++) {
    await plant({ managedPolicies: [{ name: 'own', document: allow(`kms:Action${n}`) }] });
  }
  const policy = (await store.get(managedPoliciesTable, identityName(ACCOUNT, 'own')))?.value;
  expect(policy?.versions.map(({ versionId }) => versionId)).toEqual(['v3', 'v4', 'v5', 'v6', 'v7']);
  expect(policy).toMatchObject({ defaultVersionId: 'v7', nextVersion: 8 });
  expect(policy?.versions.at(-1)?.document).toContain('kms:Action7');
});

test('what leads to a record is kept in step with it: attachments, members, boundaries', async () => {
  const { store, plant } = await planter();
  const managedPolicies = [{ name: 'own', document: allow('kms:*') }];
  const user = { name: 'Shop', groups: ['All'], managedPolicies: [policyArn] };
  const groups = [{ name: 'All', managedPolicies: [policyArn] }];
  await plant({ managedPolicies, groups, users: [{ ...user, permissionsBoundary: administratorAccess }] });
  await plant({ users: [{ name: 'Shop', permissionsBoundary: policyArn }] });
  const stored = (await store.get(usersTable, identityName(ACCOUNT, 'Shop')))?.value;
  const group = (await store.get(groupsTable, identityName(ACCOUNT, 'All')))?.value;
  expect(stored).toMatchObject({ groups: ['All'], attachedPolicies: [policyArn], permissionsBoundary: policyArn });
  const bearer = { policyArn, kind: 'User', name: 'Shop', id: stored?.userId };
  expect(await all(store, attachmentsTable)).toEqual([
    [`${ACCOUNT}/${policyArn}|Group/all`, { policyArn, kind: 'Group', name: 'All', id: group?.groupId }],
    [`${ACCOUNT}/${policyArn}|User/shop`, bearer],
  ]);
  expect(await all(store, boundariesTable)).toEqual([[`${ACCOUNT}/${policyArn}|User/shop`, bearer]]);
  expect(await all(store, groupMembersTable)).toEqual([[`${ACCOUNT}/all/shop`, { userName: 'Shop' }]]);
});

test('a trust policy may name whoever comes later in the file, and means who has the name now', async () => {
  const { store, audited, plant } = await planter();
  const guest = `arn:aws:iam::${OTHER_ACCOUNT}:user/guest`;
  const roles = [{ name: 'reader', trustPolicy: trust(guest) }];
  const name = identityName(OTHER_ACCOUNT, 'guest');
  const guestId = async () => (await store.get(usersTable, name))?.value.userId;
  const trusted = async () => (await store.get(rolesTable, identityName(ACCOUNT, 'reader')))?.value.trustPolicy;
  await plant({ roles }, [{ id: OTHER_ACCOUNT, users: [{ name: 'guest' }] }]);
  const firstId = await guestId();
  expect(await trusted()).toEqual({ document: JSON.stringify(trust(guest)), principalIds: { [guest]: firstId } });

  const version = (await store.get(usersTable, name))?.version ?? 0;
  await store.transact((transaction) => transaction.remove(usersTable, name, version));
  // Nobody has the name: the policy is there already, and means nobody.
  expect(await plant({ roles })).toBe(0);
  expect((await trusted())?.principalIds).toEqual({ [guest]: firstId });
  await expect(plant({ roles: [{ name: 'other', trustPolicy: trust(guest) }] })).rejects.toMatchObject({
    code: 'StartupRefused',
    message: expect.stringContaining(`MalformedPolicyDocumentException: Invalid principal in policy: "AWS":"${guest}"`),
  });

  await plant({ roles }, [{ id: OTHER_ACCOUNT, users: [{ name: 'guest' }] }]);
  expect(await guestId()).not.toBe(firstId);
  expect((await trusted())?.principalIds).toEqual({ [guest]: await guestId() });
  expect(audited.at(-1)).toMatchObject({ eventName: 'UpdateAssumeRolePolicy' });
});

test('an alias is moved, and a material is written once', async () => {
  const { store, worker, plant } = await planter();
  const material = Buffer.alloc(32, 1).toString('base64');
  const second = KEY_ID.replace('1234', 'aaaa');
  await plant({ keys: [{ id: KEY_ID, material, aliases: ['alias/orders'] }] });
  await plant({
    keys: [
      { id: KEY_ID, material },
      { id: second, aliases: ['alias/orders'] },
    ],
  });
  const identity = { accountId: ACCOUNT, region: REGION, keyId: KEY_ID };
  expect(await worker.directory.aliasTarget(identity, 'alias/orders')).toBe(second);
  expect(await store.list(materialsTable, { prefix: materialsPrefix(identity), limit: 10 })).toHaveLength(1);
});

test('a seed that fails at its end has done nothing, and left no record', async () => {
  const { store, audited, plant } = await planter();
  await plant({});
  const before = [await store.head(), audited.length];
  const keys = [
    { id: KEY_ID, aliases: ['alias/a'] },
    { id: KEY_ID.replace('1234', 'aaaa'), spec: 'SM2', usage: 'SIGN_VERIFY' },
  ];
  await expect(plant({ users: [{ name: 'new' }], keys })).rejects.toMatchObject({
    code: 'StartupRefused',
    message: expect.stringMatching(/^seed\.yaml:1:\d+: accounts\[0\]\.keys\[1\]: UnsupportedOperationException: /),
  });
  expect([await store.head(), audited.length]).toEqual(before);
});

test('a seed whose records cannot be written has done nothing', async () => {
  const { store, plant, failAudit } = await planter();
  const before = await store.head();
  failAudit(new Error('disk full'));
  await expect(plant({ users: [{ name: 'new' }], keys: [{ id: KEY_ID }] })).rejects.toThrow('disk full');
  expect(await store.head()).toBe(before);
});

test('an account gets no more of anything than IAM lets it make', async () => {
  const { store, plant } = await planter();
  const groups = Array.from({ length: 301 }, (_, n) => ({ name: `g${n}` }));
  await plant({ groups: groups.slice(0, 300) });
  await expect(plant({ groups: groups.slice(300) })).rejects.toMatchObject({
    code: 'StartupRefused',
    message: expect.stringMatching(
      /accounts\[0\]: LimitExceededException: Cannot exceed quota for GroupsPerAccount: 300$/,
    ),
  });
  expect(await store.get(groupsTable, identityName(ACCOUNT, 'g300'))).toBeUndefined();
});

test('what is as declared is neither written nor recorded again', async () => {
  const { store, audited, plant } = await planter();
  const account = {
    name: 'production',
    managedPolicies: [{ name: 'own', document: allow('kms:*'), description: 'all', tags: { a: 'b' } }],
    groups: [{ name: 'all', policies: { p: allow('kms:*') } }],
    users: [{ name: 'shop', tags: { Team: 'red' }, groups: ['all'], managedPolicies: [policyArn] }],
    roles: [{ name: 'r', trustPolicy: trust(`arn:aws:iam::${ACCOUNT}:root`), permissionsBoundary: policyArn }],
    oidcProviders: [{ url: 'https://idp.example', clientIds: ['a'], thumbprints: ['0'.repeat(40)] }],
    keys: [
      {
        id: KEY_ID,
        rotation: 100,
        tags: { a: 'b' },
        grants: [
          {
            name: 'g',
            grantee: `arn:aws:iam::${ACCOUNT}:role/r`,
            retiring: `arn:aws:iam::${ACCOUNT}:root`,
            operations: ['Decrypt', 'Encrypt', 'Decrypt'],
            encryptionContextEquals: { b: 'c', a: 'b' },
          },
        ],
      },
    ],
  };
  expect(await plant(account)).toBeGreaterThan(7);
  const before = [await store.head(), audited.length];
  expect(await plant(account)).toBe(0);
  expect([await store.head(), audited.length]).toEqual(before);
});
