import type { CustomerMasterKeySpec, KeyMetadata } from '@aws-sdk/client-kms';
import { algorithmsOf } from '../../crypto/key-specs.ts';
import { type KeyRecord, keyArn } from '../../keys/key.ts';
import { keyState, lacksMaterial } from '../../keys/lifecycle.ts';
import { multiRegionKeyType } from '../../keys/multi-region.ts';

/** A key as DescribeKey, CreateKey and ReplicateKey show it. */
export function keyMetadata(key: KeyRecord, nowMs: number): KeyMetadata {
  const { lifecycle } = key;
  const state = keyState(key, nowMs);
  return {
    AWSAccountId: key.accountId,
    KeyId: key.keyId,
    Arn: keyArn(key),
    CreationDate: new Date(key.createdAtMs),
    Enabled: state === 'Enabled',
    Description: key.description,
    KeyUsage: key.keyUsage,
    KeyState: state,
    ...(lifecycle.status === 'PendingDeletion' ? { DeletionDate: new Date(lifecycle.deletionAtMs) } : {}),
    ...(lifecycle.status === 'PendingReplicaDeletion'
      ? { PendingDeletionWindowInDays: lifecycle.pendingWindowDays }
      : {}),
    Origin: key.origin,
    KeyManager: key.keyManager,
    // The deprecated member takes the newer specs too, whatever its published set of values says.
    CustomerMasterKeySpec: key.keySpec as CustomerMasterKeySpec,
    KeySpec: key.keySpec,
    ...algorithmsOf(key.keySpec, key.keyUsage),
    ...expiry(key, nowMs),
    ...multiRegion(key),
    // AWS names the material of symmetric encryption keys only, which alone can have several.
    ...(key.keySpec === 'SYMMETRIC_DEFAULT' && key.currentMaterialId !== undefined
      ? { CurrentKeyMaterialId: key.currentMaterialId }
      : {}),
  };
}

/** AWS shows when imported material expires while there is some ("KeyMetadata", API reference), whatever the key's state. */
function expiry(key: KeyRecord, nowMs: number): Partial<KeyMetadata> {
  const { origin, imported } = key;
  if (origin !== 'EXTERNAL' || lacksMaterial(key, nowMs)) return {};
  return expiryMembers(imported?.expiresAtMs);
}

/** Of imported material that is there, also in ListKeyRotations. */
export function expiryMembers(expiresAtMs: number | undefined): Pick<KeyMetadata, 'ExpirationModel' | 'ValidTo'> {
  if (expiresAtMs === undefined) return { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' };
  return { ExpirationModel: 'KEY_MATERIAL_EXPIRES', ValidTo: new Date(expiresAtMs) };
}

function multiRegion(key: KeyRecord): Partial<KeyMetadata> {
  if (key.multiRegion === undefined) return { MultiRegion: false };
  const { primaryRegion, replicaRegions } = key.multiRegion;
  const keyIn = (region: string) => ({ Arn: keyArn({ ...key, region }), Region: region });
  return {
    MultiRegion: true,
    MultiRegionConfiguration: {
      MultiRegionKeyType: multiRegionKeyType(key),
      PrimaryKey: keyIn(primaryRegion),
      ReplicaKeys: replicaRegions.map(keyIn),
    },
  };
}
