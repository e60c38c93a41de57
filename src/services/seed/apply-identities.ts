import { isDeepStrictEqual } from 'node:util';
import { invalidPrincipal, parsePolicy } from '../../authorization/index.ts';
import type { Tag } from '../../keys/key.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { Random } from '../../runtime/random.ts';
import type { StoredRecord, Table, Transaction } from '../../store/sealed-store.ts';
import { MOST_ACCESS_KEYS } from '../iam/access-keys/create-access-key.ts';
import { MOST_ATTACHED, refuseServiceRolePolicy } from '../iam/attachments/attachment-operations.ts';
import { MOST_GROUPS_OF_A_USER } from '../iam/groups/add-user-to-group.ts';
import { MOST_GROUPS } from '../iam/groups/create-group.ts';
import { newUniqueId } from '../iam/identifiers.ts';
import { withPolicy } from '../iam/inline-policies.ts';
import { forgetBoundary, recordNewBoundary } from '../iam/permissions-boundaries.ts';
import { MOST_POLICIES } from '../iam/policies/create-policy.ts';
import { MOST_VERSIONS } from '../iam/policies/create-policy-version.ts';
import { attachablePolicy } from '../iam/policies/managed-policy.ts';
import { refuseLargerPolicies } from '../iam/policy-document.ts';
import { namedPrincipals } from '../iam/principals.ts';
import { MOST_PROVIDERS, newClientIds, newThumbprints } from '../iam/providers/provider-rules.ts';
import { refuseBeyondQuota } from '../iam/quotas.ts';
import {
  type AccessKeyRecord,
  type AccountRecord,
  type AttachmentRecord,
  accessKeysTable,
  accountPrefix,
  accountsTable,
  attachmentName,
  attachmentsTable,
  type GroupRecord,
  groupMemberName,
  groupMembersTable,
  groupsTable,
  identityName,
  type ManagedPolicyRecord,
  managedPoliciesTable,
  type OidcProviderRecord,
  oidcProviderName,
  oidcProvidersTable,
  type PolicyBearer,
  type PolicyVersion,
  type RoleRecord,
  rolesTable,
  type UserRecord,
  usersTable,
} from '../iam/records.ts';
import { MOST_ROLES, USUAL_SESSION_DURATION_S } from '../iam/roles/create-role.ts';
import { type TagKeyCase, withTags } from '../iam/tags.ts';
import { MOST_USERS } from '../iam/users/create-user.ts';
import { providerName } from '../sts/web-identity/provider-url.ts';
import { type Entry, type Named, refusedAt, refusingAt } from '../yaml-entries.ts';
import type { SeedAccount, SeedGroup, SeedManagedPolicy, SeedOidcProvider, SeedRole, SeedUser } from './seed-file.ts';

/** The part of a seed that IAM keeps: what is declared is brought about, and nothing else is touched. */

export interface IdentityChanges {
  readonly transaction: Transaction;
  readonly random: Random;
  readonly nowMs: number;
  /** Told of each change, by IAM's name of what would have made it. */
  readonly changed: (accountId: string, eventName: string, requestParameters: object) => void;
}

/** Accounts in full before the trust policies of any: a role may be trusted by what comes later in the file. */
export async function applyIdentities(accounts: readonly SeedAccount[], changes: IdentityChanges): Promise<void> {
  for (const account of accounts) await applyAccount(account, changes);
  for (const { id, roles } of accounts) {
    for (const role of roles) await refusingAt(role.at, () => applyTrustPolicy(id, role, changes));
  }
}

async function applyAccount(account: SeedAccount, changes: IdentityChanges): Promise<void> {
  const { id: accountId, name } = account;
  const stored = await changes.transaction.get(accountsTable, accountId);
  const base: AccountRecord = stored?.value ?? { accountId, createdAtMs: changes.nowMs };
  const wanted = name === undefined ? base : { ...base, name };
  await put(changes, accountsTable, accountId, stored, wanted, [
    'Account',
    accountId,
    { accountId, accountName: name },
  ]);
  for (const each of account.managedPolicies) {
    await refusingAt(each.at, () => applyManagedPolicy(accountId, each, changes));
  }
  for (const each of account.groups) await refusingAt(each.at, () => applyGroup(accountId, each, changes));
  for (const each of account.users) await refusingAt(each.at, () => applyUser(accountId, each, changes));
  for (const each of account.roles) await refusingAt(each.at, () => applyRole(accountId, each, changes));
  for (const each of account.oidcProviders) await refusingAt(each.at, () => applyProvider(accountId, each, changes));
  await refusingAt(account.at, () => refuseBeyondAccountQuotas(accountId, changes.transaction));
}

/** Counted when all is there, and not anew for each of thousands. */
async function refuseBeyondAccountQuotas(accountId: string, transaction: Transaction): Promise<void> {
  const refuse = async <T>(table: Table<T>, quota: string, most: number) => {
    const names = await transaction.names(table, { prefix: accountPrefix(accountId), limit: most + 1 });
    refuseBeyondQuota(quota, most, names.length - 1);
  };
  await refuse(managedPoliciesTable, 'PoliciesPerAccount', MOST_POLICIES);
  await refuse(groupsTable, 'GroupsPerAccount', MOST_GROUPS);
  await refuse(usersTable, 'UsersPerAccount', MOST_USERS);
  await refuse(rolesTable, 'RolesPerAccount', MOST_ROLES);
  await refuse(oidcProvidersTable, 'OpenIdConnectProvidersPerAccount', MOST_PROVIDERS);
}

async function applyManagedPolicy(accountId: string, entry: SeedManagedPolicy, changes: IdentityChanges) {
  const { transaction, random, nowMs } = changes;
  const { name, document, at } = entry;
  const recordName = identityName(accountId, name);
  const stored = await transaction.get(managedPoliciesTable, recordName);
  const record = stored?.value;
  refuseOtherName(at, 'policy', name, record?.policyName);
  refuseOtherPath(at, entry.path, record?.path);
  if (record !== undefined && entry.description !== undefined && entry.description !== (record.description ?? '')) {
    throw refusedAt(at, `the description of the policy ${name} is another one, and cannot be changed`);
  }
  const first = { versionId: 'v1', document, createdAtMs: nowMs };
  const base: ManagedPolicyRecord = record ?? {
    accountId,
    policyName: name,
    policyId: newUniqueId('ANPA', random),
    path: entry.path ?? '/',
    ...(entry.description === undefined ? {} : { description: entry.description }),
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    tags: [],
    defaultVersionId: 'v1',
    nextVersion: 2,
    versions: [first],
  };
  const current = base.versions.find(({ versionId }) => versionId === base.defaultVersionId);
  const versionId = `v${base.nextVersion}`;
  const renewed =
    current?.document === document
      ? base
      : {
          ...base,
          updatedAtMs: nowMs,
          defaultVersionId: versionId,
          nextVersion: base.nextVersion + 1,
          versions: [...newest(base.versions), { versionId, document, createdAtMs: nowMs }],
        };
  const wanted = { ...renewed, tags: withDeclaredTags(base.tags, entry.tags, 'told') };
  const parameters = { policyName: name, policyDocument: document };
  await put(changes, managedPoliciesTable, recordName, stored, wanted, ['Policy', accountId, parameters]);
}

/** Room for one more: the oldest goes, which AWS would have the caller delete. */
function newest(versions: readonly PolicyVersion[]): readonly PolicyVersion[] {
  return versions.slice(-(MOST_VERSIONS - 1));
}

async function applyGroup(accountId: string, entry: SeedGroup, changes: IdentityChanges): Promise<void> {
  const { transaction, random, nowMs } = changes;
  const { name, path, at } = entry;
  const recordName = identityName(accountId, name);
  const stored = await transaction.get(groupsTable, recordName);
  refuseOtherName(at, 'group', name, stored?.value.groupName);
  const base: GroupRecord = stored?.value ?? {
    ...noPolicies(accountId),
    groupName: name,
    groupId: newUniqueId('AGPA', random),
    path: '/',
    createdAtMs: nowMs,
  };
  const bearer: Bearer = { accountId, kind: 'Group', name, id: base.groupId };
  const wanted: GroupRecord = {
    ...base,
    path: path ?? base.path,
    ...(await withPolicies(bearer, base, entry, changes)),
  };
  await put(changes, groupsTable, recordName, stored, wanted, ['Group', accountId, { groupName: name }]);
}

async function applyUser(accountId: string, entry: SeedUser, changes: IdentityChanges): Promise<void> {
  const { transaction, random, nowMs } = changes;
  const { name, path, at } = entry;
  const recordName = identityName(accountId, name);
  const stored = await transaction.get(usersTable, recordName);
  refuseOtherName(at, 'user', name, stored?.value.userName);
  const base: UserRecord = stored?.value ?? {
    ...noPolicies(accountId),
    userName: name,
    userId: newUniqueId('AIDA', random),
    path: '/',
    createdAtMs: nowMs,
    groups: [],
    accessKeyIds: [],
    tags: [],
  };
  const bearer: Bearer = { accountId, kind: 'User', name, id: base.userId };
  const wanted: UserRecord = {
    ...base,
    path: path ?? base.path,
    tags: withDeclaredTags(base.tags, entry.tags, 'ignored'),
    groups: await withGroups(accountId, base, entry, changes),
    accessKeyIds: withAccessKeys(base, entry),
    ...(await withPolicies(bearer, base, entry, changes)),
    ...(await withBoundary(bearer, base.permissionsBoundary, entry, changes)),
  };
  await put(changes, usersTable, recordName, stored, wanted, ['User', accountId, { userName: name }]);
  for (const accessKey of entry.accessKeys) await applyAccessKey(accountId, name, accessKey, changes);
}

async function withGroups(accountId: string, user: UserRecord, entry: SeedUser, { transaction }: IdentityChanges) {
  const groups = [...user.groups];
  for (const groupName of entry.groups) {
    const group = (await transaction.get(groupsTable, identityName(accountId, groupName)))?.value;
    if (group?.groupName !== groupName) throw refusedAt(entry.at, `there is no group ${groupName}`);
    if (groups.includes(groupName)) continue;
    refuseBeyondQuota('GroupsPerUser', MOST_GROUPS_OF_A_USER, groups.length);
    groups.push(groupName);
    const member = { userName: entry.name };
    await transaction.create(groupMembersTable, groupMemberName(accountId, groupName, entry.name), member);
  }
  return groups.sort();
}

function withAccessKeys({ accessKeyIds }: UserRecord, entry: SeedUser): readonly string[] {
  const ids = [...new Set([...accessKeyIds, ...entry.accessKeys.map(({ id }) => id)])];
  refuseBeyondQuota('AccessKeysPerUser', MOST_ACCESS_KEYS, ids.length - 1);
  return ids.sort();
}

async function applyAccessKey(
  accountId: string,
  userName: string,
  { id, secret, status, at }: SeedUser['accessKeys'][number],
  changes: IdentityChanges,
): Promise<void> {
  const stored = await changes.transaction.get(accessKeysTable, id);
  const record = stored?.value;
  if (record !== undefined && (record.accountId !== accountId || record.userName !== userName)) {
    throw refusedAt(at, `the access key ${id} belongs to someone else`);
  }
  const wanted: AccessKeyRecord = {
    ...(record ?? { accessKeyId: id, accountId, userName, status: 'Active', createdAtMs: changes.nowMs }),
    secretAccessKey: secret,
    ...(status === undefined ? {} : { status }),
  };
  await put(changes, accessKeysTable, id, stored, wanted, ['AccessKey', accountId, { userName, accessKeyId: id }]);
}

async function applyRole(accountId: string, entry: SeedRole, changes: IdentityChanges): Promise<void> {
  const { transaction, random, nowMs } = changes;
  const { name, path, description, maxSessionDuration, at } = entry;
  const recordName = identityName(accountId, name);
  const stored = await transaction.get(rolesTable, recordName);
  refuseOtherName(at, 'role', name, stored?.value.roleName);
  refuseOtherPath(at, path, stored?.value.path);
  const base: RoleRecord = stored?.value ?? {
    ...noPolicies(accountId),
    roleName: name,
    roleId: newUniqueId('AROA', random),
    path: path ?? '/',
    createdAtMs: nowMs,
    trustPolicy: NOT_YET_TRUSTED,
    maxSessionDurationS: USUAL_SESSION_DURATION_S,
    tags: [],
  };
  const bearer: Bearer = { accountId, kind: 'Role', name, id: base.roleId };
  const wanted: RoleRecord = {
    ...base,
    ...(description === undefined ? {} : { description }),
    maxSessionDurationS: maxSessionDuration ?? base.maxSessionDurationS,
    tags: withDeclaredTags(base.tags, entry.tags, 'ignored'),
    ...(await withPolicies(bearer, base, entry, changes)),
    ...(await withBoundary(bearer, base.permissionsBoundary, entry, changes)),
  };
  await put(changes, rolesTable, recordName, stored, wanted, ['Role', accountId, { roleName: name }]);
}

/** Until all whom trust policies may name are there. No document is empty, so every role gets its own before the commit. */
const NOT_YET_TRUSTED = { document: '', principalIds: {} };

/**
 * What is declared means who has the names now: it is saved anew where one that it names was deleted and is there again. One
 * who was deleted and is not there makes no difference to a policy that is there already, as it makes none in AWS.
 */
async function applyTrustPolicy(
  accountId: string,
  { name, trustPolicy: document }: SeedRole,
  changes: IdentityChanges,
): Promise<void> {
  const { transaction } = changes;
  const recordName = identityName(accountId, name);
  const stored = await transaction.get(rolesTable, recordName);
  if (stored === undefined) throw new KeyholdError('TamperedRecord', `the role ${recordName} is gone`);
  const { trustPolicy } = stored.value;
  const { ids, unknown } = await namedPrincipals(parsePolicy(document, 'trust').principalArns, transaction);
  const isSaved = trustPolicy.document === document;
  const [nobody] = unknown;
  if (nobody !== undefined && !isSaved) throw invalidPrincipal('trust', 'AWS', nobody);
  const wanted = { document, principalIds: isSaved ? { ...trustPolicy.principalIds, ...ids } : ids };
  if (isDeepStrictEqual(trustPolicy, wanted)) return;
  await transaction.replace(rolesTable, recordName, { ...stored.value, trustPolicy: wanted }, stored.version);
  if (trustPolicy.document === NOT_YET_TRUSTED.document) return;
  changes.changed(accountId, 'UpdateAssumeRolePolicy', { roleName: name, policyDocument: document });
}

async function applyProvider(accountId: string, entry: SeedOidcProvider, changes: IdentityChanges): Promise<void> {
  const url = providerName(entry.url);
  const recordName = oidcProviderName(accountId, url);
  const stored = await changes.transaction.get(oidcProvidersTable, recordName);
  const base: OidcProviderRecord = stored?.value ?? {
    accountId,
    url,
    clientIds: [],
    thumbprints: [],
    tags: [],
    createdAtMs: changes.nowMs,
  };
  const wanted: OidcProviderRecord = {
    ...base,
    clientIds: newClientIds([...base.clientIds, ...entry.clientIds]),
    // As a whole, as IAM's UpdateOpenIDConnectProviderThumbprint has it: those that are gone are not trusted any more.
    thumbprints: entry.thumbprints.length === 0 ? base.thumbprints : newThumbprints(entry.thumbprints),
    tags: withDeclaredTags(base.tags, entry.tags, 'told'),
  };
  await put(changes, oidcProvidersTable, recordName, stored, wanted, [
    'OpenIDConnectProvider',
    accountId,
    { url: entry.url },
  ]);
}

/** Whoever has policies. */
interface Bearer {
  readonly accountId: string;
  readonly kind: AttachmentRecord['kind'];
  readonly name: string;
  readonly id: string;
}

function noPolicies(accountId: string): PolicyBearer {
  return { accountId, inlinePolicies: [], attachedPolicies: [] };
}

async function withPolicies(
  bearer: Bearer,
  { inlinePolicies, attachedPolicies }: PolicyBearer,
  entry: {
    readonly policies: readonly Named<string>[];
    readonly managedPolicies: readonly string[];
  },
  { transaction }: IdentityChanges,
): Promise<Pick<PolicyBearer, 'inlinePolicies' | 'attachedPolicies'>> {
  let inline = inlinePolicies;
  for (const { name, value } of entry.policies) inline = withPolicy(inline, name, value);
  refuseLargerPolicies(bearer.kind, bearer.name, inline);
  const attached = [...attachedPolicies];
  for (const policyArn of entry.managedPolicies) {
    if (attached.includes(policyArn)) continue;
    const { accountId, ...attachment } = { ...bearer, policyArn };
    refuseServiceRolePolicy(await attachablePolicy(policyArn, accountId, transaction));
    refuseBeyondQuota(`PoliciesPer${bearer.kind}`, MOST_ATTACHED, attached.length);
    attached.push(policyArn);
    await transaction.create(attachmentsTable, attachmentName(accountId, attachment), attachment);
  }
  return { inlinePolicies: inline, attachedPolicies: attached };
}

async function withBoundary(
  bearer: Bearer,
  current: string | undefined,
  { permissionsBoundary: wanted }: SeedUser | SeedRole,
  { transaction }: IdentityChanges,
): Promise<{ permissionsBoundary?: string }> {
  if (wanted === undefined || wanted === current) return current === undefined ? {} : { permissionsBoundary: current };
  const { accountId, ...boundary } = { ...bearer, policyArn: wanted };
  await forgetBoundary(transaction, {
    ...bearer,
    ...(current === undefined ? {} : { permissionsBoundary: current }),
  });
  await recordNewBoundary(transaction, accountId, boundary);
  return { permissionsBoundary: wanted };
}

function withDeclaredTags(existing: readonly Tag[], declared: readonly Named<string>[], keyCase: TagKeyCase) {
  const tags = declared.map(({ name, value }) => ({ Key: name, Value: value }));
  return withTags(existing, tags, keyCase);
}

/** Writes a record if it is not there as it is wanted. */
async function put<T extends object>(
  { transaction, changed }: IdentityChanges,
  table: Table<T>,
  name: string,
  stored: StoredRecord<T> | undefined,
  wanted: T,
  [noun, accountId, parameters]: readonly [noun: string, accountId: string, parameters: object],
): Promise<void> {
  if (stored === undefined) await transaction.create<T>(table, name, wanted);
  else if (isDeepStrictEqual(stored.value, wanted)) return;
  else await transaction.replace<T>(table, name, wanted, stored.version);
  changed(accountId, `${stored === undefined ? 'Create' : 'Update'}${noun}`, parameters);
}

function refuseOtherName(at: Entry, noun: string, name: string, existing: string | undefined): void {
  if (existing === undefined || existing === name) return;
  throw refusedAt(at, `there is a ${noun} ${existing}, and names cannot differ by case alone`);
}

function refuseOtherPath(at: Entry, path: string | undefined, existing: string | undefined): void {
  if (path === undefined || existing === undefined || path === existing) return;
  throw refusedAt(at, `its path is ${existing}, and cannot be changed`);
}
