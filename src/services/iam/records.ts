import type { Tag } from '../../keys/key.ts';
import { type Table, table } from '../../store/sealed-store.ts';

/**
 * Identities as they are stored. Records are sealed, so a secret access key is never in the clear.
 *
 * Names begin with the account, so that one account's users stand together. IAM does not tell names by their case
 * ("you cannot create resources named both MyResource and myresource"), so in record names they are in lower case.
 */

export interface AccountRecord {
  readonly accountId: string;
  readonly createdAtMs: number;
  /** What `keyhold account create` was told to call it. */
  readonly name?: string;
  /** The account alias of IAM, of which there is a record in `accountAliasesTable`. */
  readonly alias?: string;
}

/** What a user, a group or a role may be given. */
export interface PolicyBearer {
  readonly accountId: string;
  /** Documents as written, in the order of their names. */
  readonly inlinePolicies: readonly InlinePolicy[];
  /** ARNs of managed policies, in the order in which they were attached. Of each there is a record in `attachmentsTable`. */
  readonly attachedPolicies: readonly string[];
}

export interface InlinePolicy {
  readonly policyName: string;
  readonly document: string;
}

export interface UserRecord extends PolicyBearer {
  readonly userName: string;
  /** AWS's unique id, `AIDA…`: a user made anew under an old name is another user. */
  readonly userId: string;
  readonly path: string;
  readonly createdAtMs: number;
  /** Names of groups, in order. Each has the user in `groupMembersTable`. */
  readonly groups: readonly string[];
  /** Two at most, in order. */
  readonly accessKeyIds: readonly string[];
  readonly tags: readonly Tag[];
  /** The ARN of a managed policy. */
  readonly permissionsBoundary?: string;
}

export interface GroupRecord extends PolicyBearer {
  readonly groupName: string;
  /** `AGPA…` */
  readonly groupId: string;
  readonly path: string;
  readonly createdAtMs: number;
}

export interface RoleRecord extends PolicyBearer {
  readonly roleName: string;
  /** `AROA…` */
  readonly roleId: string;
  readonly path: string;
  readonly createdAtMs: number;
  readonly trustPolicy: PolicyOfPrincipals;
  readonly description?: string;
  readonly maxSessionDurationS: number;
  readonly tags: readonly Tag[];
  readonly permissionsBoundary?: string;
}

/** A policy that names principals, with whom its names meant when it was saved. */
export interface PolicyOfPrincipals {
  /** As written. */
  readonly document: string;
  /**
   * The unique ids of the users and roles that it names, by ARN: whoever has the name later is someone else. Names that are
   * not here are believed as they are.
   */
  readonly principalIds: Readonly<Record<string, string>>;
}

export interface ManagedPolicyRecord {
  readonly accountId: string;
  readonly policyName: string;
  /** `ANPA…` */
  readonly policyId: string;
  readonly path: string;
  readonly description?: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly tags: readonly Tag[];
  readonly defaultVersionId: string;
  /** Numbers are never used again: the next version is `v` and this. */
  readonly nextVersion: number;
  /** Five at most, oldest first. */
  readonly versions: readonly PolicyVersion[];
}

export interface PolicyVersion {
  readonly versionId: string;
  readonly document: string;
  readonly createdAtMs: number;
}

/** That a managed policy is attached to someone, or is their permissions boundary. */
export interface AttachmentRecord {
  readonly policyArn: string;
  readonly kind: 'User' | 'Group' | 'Role';
  /** The bearer's name and unique id. */
  readonly name: string;
  readonly id: string;
}

export interface AccessKeyRecord {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly accountId: string;
  /** Absent where it is the account's root user who has it. */
  readonly userName?: string;
  readonly status: 'Active' | 'Inactive';
  readonly createdAtMs: number;
}

/** When and for what an access key or a role was last used, refused requests included. */
export interface IdentityUsage {
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** As in credential scopes: `kms`. */
  readonly service: string;
  readonly region: string;
}

export interface OidcProviderRecord {
  readonly accountId: string;
  /** As IAM shows it: without `https://`. */
  readonly url: string;
  readonly clientIds: readonly string[];
  /** SHA-1 of certificates, in hex. */
  readonly thumbprints: readonly string[];
  readonly tags: readonly Tag[];
  readonly createdAtMs: number;
}

export const accountsTable: Table<AccountRecord> = table('accounts');
/** Whose each account alias is: no two accounts have the same. */
export const accountAliasesTable: Table<{ readonly accountId: string }> = table('account-aliases');
export const usersTable: Table<UserRecord> = table('users');
export const groupsTable: Table<GroupRecord> = table('groups');
export const groupMembersTable: Table<{ readonly userName: string }> = table('group-members');
export const rolesTable: Table<RoleRecord> = table('roles');
export const managedPoliciesTable: Table<ManagedPolicyRecord> = table('managed-policies');
export const attachmentsTable: Table<AttachmentRecord> = table('policy-attachments');
export const boundariesTable: Table<AttachmentRecord> = table('permissions-boundaries');
export const accessKeysTable: Table<AccessKeyRecord> = table('access-keys');
/** Of an account's root user, by the account. Two at most, in order. */
export const rootAccessKeysTable: Table<{ readonly accessKeyIds: readonly string[] }> = table('root-access-keys');
/** By access key. Written without a change log, for no cache holds it. */
export const accessKeyUsagesTable: Table<IdentityUsage> = table('access-key-usages');
/** Of roles, likewise: by `roleUsageName`. */
export const roleUsagesTable: Table<IdentityUsage> = table('role-usages');
export const oidcProvidersTable: Table<OidcProviderRecord> = table('oidc-providers');

/** All of whose changes may change what some caller is allowed. */
export const identityTables: ReadonlySet<string> = new Set(
  [
    accountsTable,
    usersTable,
    groupsTable,
    groupMembersTable,
    rolesTable,
    managedPoliciesTable,
    accessKeysTable,
    oidcProvidersTable,
  ].map(({ name }) => name),
);

/** Of a user, group, role or managed policy. */
export function identityName(accountId: string, name: string): string {
  return `${accountPrefix(accountId)}${name.toLowerCase()}`;
}

export function accountPrefix(accountId: string): string {
  return `${accountId}/`;
}

export function groupMembersPrefix(accountId: string, groupName: string): string {
  return `${identityName(accountId, groupName)}/`;
}

export function groupMemberName(accountId: string, groupName: string, userName: string): string {
  return `${groupMembersPrefix(accountId, groupName)}${userName.toLowerCase()}`;
}

/** Of all bearers of a managed policy in an account. No ARN contains the bar that ends it. */
export function attachmentsPrefix(accountId: string, policyArn: string): string {
  return `${accountPrefix(accountId)}${policyArn}|`;
}

export function attachmentName(accountId: string, { policyArn, kind, name }: Omit<AttachmentRecord, 'id'>): string {
  return `${attachmentsPrefix(accountId, policyArn)}${kind}/${name.toLowerCase()}`;
}

export function oidcProviderName(accountId: string, url: string): string {
  return `${accountPrefix(accountId)}${url}`;
}
