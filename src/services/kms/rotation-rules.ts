import type { KeyRecord } from '../../keys/key.ts';
import { isReplica } from '../../keys/multi-region.ts';
import { notPrimary, unsupportedBySpec, wrongOrigin } from './errors.ts';
import type { LoadedKey } from './key-source.ts';

/**
 * Which keys can be rotated ("Rotate AWS KMS keys", developer guide): symmetric encryption keys, and of related
 * multi-Region keys the primary, which the others follow.
 */

export function isRotatable({ keySpec }: KeyRecord): boolean {
  return keySpec === 'SYMMETRIC_DEFAULT';
}

export function requireRotatable(key: LoadedKey): void {
  if (!isRotatable(key.record)) throw unsupportedBySpec();
  requireLead(key);
}

/** Of related multi-Region keys, the primary has the schedule. */
export function requireLead({ record, arn }: LoadedKey): void {
  if (isReplica(record)) throw notPrimary(arn);
}

/** New material can be made only where it is made here: imported material is rotated when its owner brings more. */
export function requireOwnMaterial({ record, arn }: LoadedKey): void {
  if (record.origin !== 'AWS_KMS') throw wrongOrigin(arn, record.origin);
}
