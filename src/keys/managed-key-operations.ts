import type { KeyRecord } from './key.ts';
import type { KeyOperation } from './key-state-table.ts';

/**
 * What can be called on an AWS managed key: what uses it, as its policy leaves it to its service, and what only looks. All
 * else would change the key, which is AWS's alone ("AWS managed keys", developer guide): "you can view", "you cannot
 * change any properties".
 */
const operations: ReadonlySet<KeyOperation> = new Set<KeyOperation>([
  'CreateGrant',
  'Decrypt',
  'DescribeKey',
  'Encrypt',
  'GenerateDataKey',
  'GenerateDataKeyPair',
  'GenerateDataKeyPairWithoutPlaintext',
  'GenerateDataKeyWithoutPlaintext',
  'GetKeyLastUsage',
  'GetKeyPolicy',
  'GetKeyRotationStatus',
  'GetParametersForImport',
  'GetPublicKey',
  'ListAliases',
  'ListGrants',
  'ListKeyPolicies',
  'ListKeyRotations',
  'ListResourceTags',
  'ReEncrypt',
  'RetireGrant',
  'RevokeGrant',
]);

/**
 * Whether an operation is one that nobody can call on this key.
 *
 * INVARIANT: it is so for every operation that is not listed above, whatever the key's policy says. The policies of managed
 * keys allow none of them either, and AWS's answer is theirs: AccessDeniedException.
 */
export function isRefusedByManager(key: KeyRecord, operation: KeyOperation): boolean {
  return key.keyManager === 'AWS' && !operations.has(operation);
}
