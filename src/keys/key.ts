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
  readonly origin: 'AWS_KMS';
  readonly keyManager: 'CUSTOMER';
  /** Which row of material encrypts; older rows still decrypt. */
  readonly currentMaterialId: string;
  readonly lifecycle: Lifecycle;
  /** At most 50, in the order of their names. */
  readonly tags: readonly Tag[];
}

export type KeySpec = 'SYMMETRIC_DEFAULT';
export type KeyUsage = 'ENCRYPT_DECRYPT';

/** How a key stands, as far as it is stored; `lifecycle.ts` tells the state and moves between them. */
export type Lifecycle =
  | { readonly status: 'Enabled' }
  | { readonly status: 'Disabled' }
  | { readonly status: 'PendingDeletion'; readonly deletionAtMs: number };

export interface Tag {
  readonly key: string;
  readonly value: string;
}

/** Names a key in the whole deployment. */
export interface KeyIdentity {
  readonly accountId: string;
  readonly region: string;
  readonly keyId: string;
}

export function keyArn(key: KeyIdentity): string {
  return `arn:aws:kms:${key.region}:${key.accountId}:key/${key.keyId}`;
}

export const MOST_TAGS_PER_KEY = 50;
export const MOST_ALIASES_PER_KEY = 50;
/** AWS's quota "Key policy document size": 32 KB. */
export const MOST_KEY_POLICY_BYTES = 32 * 1024;
