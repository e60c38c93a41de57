import type { KeyMetadata } from '@aws-sdk/client-kms';
import { type KeyRecord, keyArn } from '../../keys/key.ts';

/** A key as DescribeKey and CreateKey show it. */
export function keyMetadata(key: KeyRecord): KeyMetadata {
  const { lifecycle } = key;
  return {
    AWSAccountId: key.accountId,
    KeyId: key.keyId,
    Arn: keyArn(key),
    CreationDate: new Date(key.createdAtMs),
    Enabled: lifecycle.status === 'Enabled',
    Description: key.description,
    KeyUsage: key.keyUsage,
    KeyState: lifecycle.status,
    ...(lifecycle.status === 'PendingDeletion' ? { DeletionDate: new Date(lifecycle.deletionAtMs) } : {}),
    Origin: key.origin,
    KeyManager: key.keyManager,
    CustomerMasterKeySpec: key.keySpec,
    KeySpec: key.keySpec,
    EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
    MultiRegion: false,
    CurrentKeyMaterialId: key.currentMaterialId,
  };
}
