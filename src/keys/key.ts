import type { KeySpec, KeyUsage } from '../crypto/key-specs.ts';

/** What is stored of a key: pure data, without its material and its policy, which have rows of their own. */
export interface KeyRecord {
  readonly accountId: string;
  readonly region: string;
  /** A UUID; multi-Region keys have `mrk-` and 32 hex digits. */
  readonly keyId: string;
  /** Milliseconds since the epoch. */
  readonly createdAtMs: number;
  readonly description: string;
  readonly keySpec: KeySpec;
  readonly keyUsage: KeyUsage;
  /** `EXTERNAL` for imported material. */
  readonly origin: 'AWS_KMS' | 'EXTERNAL';
  readonly keyManager: 'CUSTOMER' | 'AWS';
  /** Which row of material encrypts; older rows still decrypt. Absent until the first import. */
  readonly currentMaterialId?: string;
  readonly lifecycle: Lifecycle;
  /** At most 50, in the order of their names. */
  readonly tags: readonly Tag[];
  /** Automatic rotation; absent while it is off. */
  readonly rotation?: AutomaticRotation;
  /** What the rows of imported material come to; of keys with origin `EXTERNAL` that have some. */
  readonly imported?: ImportedMaterials;
  /** Absent for single-Region keys. */
  readonly multiRegion?: MultiRegion;
}

/** How a key stands, as far as it is stored; `lifecycle.ts` tells the state and moves between them. */
export type Lifecycle =
  | { readonly status: 'Enabled' }
  | { readonly status: 'Disabled' }
  | { readonly status: 'PendingDeletion'; readonly deletionAtMs: number }
  /** A primary key that waits for its replicas to go; only then its own waiting period begins. */
  | { readonly status: 'PendingReplicaDeletion'; readonly pendingWindowDays: number };

export interface AutomaticRotation {
  readonly periodDays: number;
  readonly nextAtMs: number;
}

/**
 * The availability of a key depends on all material that was ever imported into it and became current: a key with one of
 * them deleted or expired is pending import ("Key states of AWS KMS keys", developer guide).
 */
export interface ImportedMaterials {
  /** Whether all of it was there when it was last looked at. */
  readonly complete: boolean;
  /** When the first of it expires; absent if none does. */
  readonly expiresAtMs?: number;
}

/**
 * The same in every related key, and rewritten in all of them by one transaction: so a key is described from its own
 * record alone.
 */
export interface MultiRegion {
  readonly primaryRegion: string;
  /** All others, in the order of their names. */
  readonly replicaRegions: readonly string[];
}

export interface Tag {
  readonly key: string;
  readonly value: string;
}

/** Where keys and aliases stand: in one account and Region. */
export interface KeyOwner {
  readonly accountId: string;
  readonly region: string;
}

/** Names a key in the whole deployment. */
export interface KeyIdentity extends KeyOwner {
  readonly keyId: string;
}

/**
 * Stands where a key has its account, in AWS owned keys: those that services have for themselves.
 * INVARIANT: it is no account id, which has twelve digits, so no caller is of this account and no ARN that one writes is.
 */
export const AWS_OWNED = 'aws-owned';

export function keyArn(key: KeyIdentity): string {
  return `arn:${partitionOf(key.region)}:kms:${key.region}:${key.accountId}:key/${key.keyId}`;
}

/** Reads what {@link keyArn} wrote. */
export function parseKeyArn(arn: string): KeyIdentity {
  const [, , , region = '', accountId = '', resource = ''] = arn.split(':');
  return { accountId, region, keyId: resource.slice('key/'.length) };
}

/** The first part of ARNs, which differs in the China and GovCloud Regions ("Amazon Resource Names", IAM user guide). */
export function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}

/** AWS's quota "AWS KMS keys": customer managed keys in one account and Region, in whatever state. */
export const MOST_KEYS_PER_REGION = 100_000;
/**
 * AWS has as many replicas as there are other Regions, fewer than this. Here any name can be a Region's, and what related
 * keys share is rewritten in all of them at once, while all other changes wait.
 */
export const MOST_REPLICAS_PER_KEY = 60;
export const MOST_TAGS_PER_KEY = 50;
export const MOST_ALIASES_PER_KEY = 50;
/** AWS's quota "Key policy document size": 32 KB. */
export const MOST_KEY_POLICY_BYTES = 32 * 1024;
