import type { TrustedRoots } from '../../crypto/attestation/trusted-roots.ts';
import type { Custody } from '../../custody/contract.ts';
import type { Random } from '../../runtime/random.ts';
import type { Store } from '../../store/sealed-store.ts';
import type { AnyOperation, Service } from '../perform.ts';
import { cancelKeyDeletion } from './cancel-key-deletion.ts';
import { createAlias } from './create-alias.ts';
import { createKey } from './create-key.ts';
import { decapsulate } from './decapsulate.ts';
import { decrypt } from './decrypt.ts';
import { deleteAlias } from './delete-alias.ts';
import { deriveSharedSecret } from './derive-shared-secret.ts';
import { describeKey } from './describe-key.ts';
import { disableKey } from './disable-key.ts';
import { disableKeyRotation } from './disable-key-rotation.ts';
import { enableKey } from './enable-key.ts';
import { enableKeyRotation } from './enable-key-rotation.ts';
import { encapsulate } from './encapsulate.ts';
import { encrypt } from './encrypt.ts';
import { generateDataKey } from './generate-data-key.ts';
import { generateDataKeyPair } from './generate-data-key-pair.ts';
import { generateDataKeyPairWithoutPlaintext } from './generate-data-key-pair-without-plaintext.ts';
import { generateDataKeyWithoutPlaintext } from './generate-data-key-without-plaintext.ts';
import { generateMac } from './generate-mac.ts';
import { generateRandom } from './generate-random.ts';
import { getKeyPolicy } from './get-key-policy.ts';
import { getKeyRotationStatus } from './get-key-rotation-status.ts';
import { getPublicKey } from './get-public-key.ts';
import { type KeySource, type PolicyCompiler, storeKeySource } from './key-source.ts';
import { listAliases } from './list-aliases.ts';
import { listKeyPolicies } from './list-key-policies.ts';
import { listKeyRotations } from './list-key-rotations.ts';
import { listKeys } from './list-keys.ts';
import { listResourceTags } from './list-resource-tags.ts';
import type { KeyHandles, KmsPorts } from './ports.ts';
import { putKeyPolicy } from './put-key-policy.ts';
import { reEncrypt } from './re-encrypt.ts';
import { replicateKey } from './replicate-key.ts';
import { rotateKeyOnDemand } from './rotate-key-on-demand.ts';
import { scheduleKeyDeletion } from './schedule-key-deletion.ts';
import { sign } from './sign.ts';
import { tagResource } from './tag-resource.ts';
import { untagResource } from './untag-resource.ts';
import { updateAlias } from './update-alias.ts';
import { updateKeyDescription } from './update-key-description.ts';
import { updatePrimaryRegion } from './update-primary-region.ts';
import { verify } from './verify.ts';
import { verifyMac } from './verify-mac.ts';

/** The table of AWS KMS's operations: one file each. */
const operations: readonly AnyOperation[] = [
  cancelKeyDeletion,
  createAlias,
  createKey,
  decapsulate,
  decrypt,
  deleteAlias,
  deriveSharedSecret,
  describeKey,
  disableKey,
  disableKeyRotation,
  enableKey,
  enableKeyRotation,
  encapsulate,
  encrypt,
  generateDataKey,
  generateDataKeyPair,
  generateDataKeyPairWithoutPlaintext,
  generateDataKeyWithoutPlaintext,
  generateMac,
  generateRandom,
  getKeyPolicy,
  getKeyRotationStatus,
  getPublicKey,
  listAliases,
  listKeyPolicies,
  listKeyRotations,
  listKeys,
  listResourceTags,
  putKeyPolicy,
  reEncrypt,
  replicateKey,
  rotateKeyOnDemand,
  scheduleKeyDeletion,
  sign,
  tagResource,
  untagResource,
  updateAlias,
  updateKeyDescription,
  updatePrimaryRegion,
  verify,
  verifyMac,
];

export const kmsOperations: ReadonlyMap<string, AnyOperation> = new Map(operations.map((each) => [each.name, each]));

export interface KmsDependencies {
  readonly store: Store;
  readonly directory: KeySource & KeyHandles;
  readonly custody: Custody;
  readonly random: Random;
  readonly compilePolicy: PolicyCompiler;
  readonly attestationRoots: TrustedRoots;
}

export function kmsService(dependencies: KmsDependencies): Service {
  const { store, directory, custody, random, compilePolicy, attestationRoots } = dependencies;
  const ports: KmsPorts = { keys: directory, handles: directory, store, custody, random, attestationRoots };
  return {
    name: 'kms',
    targetPrefix: 'TrentService',
    eventSource: 'kms.amazonaws.com',
    operations: kmsOperations,
    store,
    ports: (transaction) =>
      transaction === undefined
        ? ports
        : { ...ports, store: transaction, keys: storeKeySource(transaction, compilePolicy) },
  };
}
