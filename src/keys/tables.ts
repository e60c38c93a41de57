import { type Table, table } from '../store/sealed-store.ts';
import type { AliasRecord } from './alias.ts';
import type { GrantRecord } from './grant.ts';
import type { KeyIdentity, KeyOwner, KeyRecord } from './key.ts';
import type { LastUsage } from './last-usage.ts';
import type { MaterialRecord } from './material.ts';

/**
 * The tables of keys, and how their records are named: beginning with account and Region, so that one account's keys of one
 * Region stand together, and what belongs to a key with the key's own name. Otherwise named is what is looked for without
 * knowing the key: the owner of an id, the grants that a principal may retire, and the notes of what is due.
 */
export const keysTable: Table<KeyRecord> = table('keys');
/** Every key has a policy: a key without its row is refused. */
export const policiesTable: Table<KeyPolicyRecord> = table('policies');
/** One row for each version of a key's material. */
export const materialsTable: Table<MaterialRecord> = table('materials');
export const aliasesTable: Table<AliasRecord> = table('aliases');
/** Which aliases a key has: the same facts as `aliases`, the other way round. */
export const aliasesOfKeyTable: Table<{ readonly aliasName: string }> = table('aliases-of-key');
/** Whose key an id is, for ciphertexts that name a key of another account. */
export const keyOwnersTable: Table<{ readonly accountId: string }> = table('key-owners');
/** How many customer managed keys an account has in a Region, in whatever state: what its quota is measured by. */
export const keyCountsTable: Table<{ readonly customerManaged: number }> = table('key-counts');
export const grantsTable: Table<GrantRecord> = table('grants');
/**
 * Which grants a grantee has on a key, which a retiring principal may retire, and which was made under a name: they say
 * where to look in `grants`, and a name alone is believed by nobody.
 */
export const grantsOfGranteeTable: Table<GrantPlace> = table('grants-of-grantee');
export const grantsOfRetiringPrincipalTable: Table<GrantPlace> = table('grants-of-retiring-principal');
export const namedGrantsTable: Table<GrantPlace> = table('named-grants');
/** How many grants a key has. */
export const grantCountsTable: Table<{ readonly grants: number }> = table('grant-counts');
/** Keys whose deletion is scheduled, by the moment it is due. */
export const deletionsTable: Table<KeyIdentity> = table('deletions');
/** Keys of which some imported material expires, by the moment. */
export const expiriesTable: Table<KeyIdentity> = table('expiries');
/** Keys of which imported material was deleted, by the moment: until the write-ahead log has been emptied of it. */
export const materialDeletionsTable: Table<KeyIdentity> = table('material-deletions');
/** Keys with automatic rotation, by the moment of the next one. */
export const rotationsTable: Table<KeyIdentity> = table('rotations');
/** When each key was last used, and how; nothing of keys that never were. No cache holds it, and no change log tells of it. */
export const lastUsagesTable: Table<LastUsage> = table('last-usages');
/** Since when there are such records: one record, `this`. */
export const usageTrackingTable: Table<{ readonly sinceMs: number }> = table('usage-tracking');

export interface KeyPolicyRecord {
  /** As its author wrote it. */
  readonly policy: string;
  /**
   * The unique ids of the users, roles and sessions that it names, by ARN, as they were when it was saved: whoever has the
   * name later is someone else. Absent where it names none that existed; those are believed by their ARNs.
   */
  readonly principalIds?: PrincipalIds;
}

/** By ARN, in the partition `aws`. */
export type PrincipalIds = Readonly<Record<string, string>>;

export interface GrantPlace extends KeyIdentity {
  readonly grantId: string;
}

export function regionPrefix(owner: KeyOwner): string {
  return `${owner.accountId}/${owner.region}/`;
}

export function keyCountName(owner: KeyOwner): string {
  return `${owner.accountId}/${owner.region}`;
}

export function keyName(key: KeyIdentity): string {
  return `${regionPrefix(key)}${key.keyId}`;
}

export function materialsPrefix(key: KeyIdentity): string {
  return `${keyName(key)}/`;
}

export function materialName(key: KeyIdentity, materialId: string): string {
  return `${materialsPrefix(key)}${materialId}`;
}

export function aliasRecordName(owner: KeyOwner, name: string): string {
  return `${regionPrefix(owner)}${name}`;
}

export function aliasesOfKeyPrefix(key: KeyIdentity): string {
  return `${keyName(key)}/`;
}

export function keyOwnerName(region: string, keyId: string): string {
  return `${region}/${keyId}`;
}

export function grantsPrefix(key: KeyIdentity): string {
  return `${keyName(key)}/`;
}

export function grantName({ grantId, ...key }: GrantPlace): string {
  return `${grantsPrefix(key)}${grantId}`;
}

/** @param grantee a unique id, an ARN or a service's name: none contains the bar that ends it here */
export function grantsOfGranteePrefix(key: KeyIdentity, grantee: string): string {
  return `${keyName(key)}/${grantee}|`;
}

/** @param account that of the principal; of a service, `service` */
export function grantsOfRetiringPrincipalPrefix(account: string, region: string, principal: string): string {
  return `${account}/${region}/${principal}|`;
}

export function namedGrantName(key: KeyIdentity, fingerprint: string): string {
  return `${keyName(key)}/${fingerprint}`;
}

/** Names a note of something that is to happen to a key at a moment. */
export function dueName(atMs: number, key: KeyIdentity): string {
  return `${dueMoment(atMs)}/${keyName(key)}`;
}

/** What the names of the notes of one moment begin with: milliseconds in sixteen digits, which sort as time does. */
export function dueMoment(atMs: number): string {
  return String(atMs).padStart(16, '0');
}
