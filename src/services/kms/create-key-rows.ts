import type { NewMaterial } from '../../custody/contract.ts';
import { AWS_OWNED, type KeyRecord } from '../../keys/key.ts';
import {
  type KeyPolicyRecord,
  keyName,
  keyOwnerName,
  keyOwnersTable,
  keysTable,
  materialName,
  materialsTable,
  policiesTable,
} from '../../keys/tables.ts';
import type { Transaction } from '../../store/sealed-store.ts';
import { countNewKey } from './count-keys.ts';

/** Writes a new key with its first material, which becomes its current one. */
export async function createKeyWithMaterial(
  transaction: Transaction,
  key: KeyRecord,
  { materialId, material }: NewMaterial,
  policy: KeyPolicyRecord,
): Promise<KeyRecord> {
  const record = { ...key, currentMaterialId: materialId };
  const facts = { createdAtMs: key.createdAtMs, currentSinceMs: key.createdAtMs };
  await transaction.create(materialsTable, materialName(key, materialId), { ...material, ...facts });
  await createKeyRows(transaction, record, policy);
  return record;
}

/**
 * Writes a new key with its policy. `destroy-key.ts` is the counterpart, and takes everything else of a key as well.
 *
 * @throws KeyholdError LimitExceededException if the account has all the keys that it can have
 */
export async function createKeyRows(transaction: Transaction, key: KeyRecord, policy: KeyPolicyRecord): Promise<void> {
  const { accountId, region, keyId } = key;
  await countNewKey(transaction, key);
  await transaction.create(policiesTable, keyName(key), policy);
  // INVARIANT: a ciphertext leads nobody to an AWS owned key.
  if (accountId !== AWS_OWNED) await transaction.create(keyOwnersTable, keyOwnerName(region, keyId), { accountId });
  await transaction.create(keysTable, keyName(key), key);
}
