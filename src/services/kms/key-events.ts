import { type KeyIdentity, type KeyRecord, keyArn } from '../../keys/key.ts';
import type { RotationType } from '../../keys/material.ts';
import type { Consequence } from '../operation.ts';

/**
 * What happens to keys that no caller asks for in so many words, with CloudTrail's names and members for it ("CloudTrail log
 * entries" of RotateKey, DeleteKey, DeleteExpiredKeyMaterial and SynchronizeMultiRegionKey, AWS KMS developer guide).
 */

export function rotationEvent(
  key: KeyRecord,
  rotationType: RotationType,
  previousMaterialId: string | undefined,
  currentMaterialId: string,
): Consequence {
  return serviceEvent('RotateKey', key, {
    rotationType,
    keyOrigin: key.origin,
    ...(previousMaterialId === undefined ? {} : { previousKeyMaterialId: previousMaterialId }),
    currentKeyMaterialId: currentMaterialId,
  });
}

export function deletionEvent(key: KeyIdentity): Consequence {
  return serviceEvent('DeleteKey', key, {});
}

/** AWS tells the ids of material of symmetric encryption keys alone, for others have but one. */
export function expiryEvent(key: KeyRecord, materialId: string): Consequence {
  const told = key.keySpec === 'SYMMETRIC_DEFAULT' ? { keyMaterialId: materialId } : {};
  return serviceEvent('DeleteExpiredKeyMaterial', key, told);
}

/**
 * What related keys share is brought to a replica. The record is in the replica's Region, and its one resource is the primary
 * key, whose ARN names the primary's.
 */
export function synchronizationEvent(replica: KeyRecord, primary: KeyIdentity): Consequence {
  const { accountId, region } = replica;
  return { eventName: 'SynchronizeMultiRegionKey', accountId, region, resources: [keyResource(primary)] };
}

export function keyResource(key: KeyIdentity) {
  return { accountId: key.accountId, type: 'AWS::KMS::Key', ARN: keyArn(key) } as const;
}

function serviceEvent(eventName: string, key: KeyIdentity, details: object): Consequence {
  const { accountId, region, keyId } = key;
  return { eventName, accountId, region, resources: [keyResource(key)], details: { ...details, keyId } };
}
