import { type KeyOwner, partitionOf } from './key.ts';

export interface AliasRecord {
  /** With its prefix: `alias/orders`. */
  readonly aliasName: string;
  readonly targetKeyId: string;
  /** Milliseconds since the epoch. */
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export const ALIAS_PREFIX = 'alias/';
/** Names that AWS keeps for the keys it manages. */
export const AWS_MANAGED_ALIAS_PREFIX = 'alias/aws/';

export function aliasArn(owner: KeyOwner, aliasName: string): string {
  return `arn:${partitionOf(owner.region)}:kms:${owner.region}:${owner.accountId}:${aliasName}`;
}
