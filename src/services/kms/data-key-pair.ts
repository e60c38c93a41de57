import type { EncryptionContext } from '../../crypto/ciphertext.ts';
import { isAvailableIn, type KeySpec } from '../../crypto/key-specs.ts';
import type { Scope } from '../caller.ts';
import type { ConditionTable } from '../condition-table.ts';
import { requireSymmetricKey } from './data-key.ts';
import { encryptBlob } from './encryption.ts';
import { unsupported } from './errors.ts';
import type { LoadedKey } from './key-source.ts';
import type { KmsPorts } from './ports.ts';

/** What GenerateDataKeyPair and GenerateDataKeyPairWithoutPlaintext share. */

interface DataKeyPairInput {
  readonly KeyPairSpec: KeySpec;
  readonly EncryptionContext?: EncryptionContext | undefined;
  readonly GrantTokens?: readonly string[] | undefined;
}

export const dataKeyPairConditions: ConditionTable<{ readonly input: DataKeyPairInput }> = {
  'kms:DataKeyPairSpec': ({ input }) => [input.KeyPairSpec],
};

/** Makes a key pair and encrypts its private key; the plaintext of that is the caller's to answer with or to wipe. */
export async function makeDataKeyPair(
  ports: KmsPorts,
  key: LoadedKey,
  input: DataKeyPairInput,
  scope: Scope,
): Promise<{ publicKey: Buffer; privateKey: Buffer; ciphertext: Buffer; materialId: string }> {
  requireSymmetricKey(key);
  if (!isAvailableIn(input.KeyPairSpec, scope.region)) {
    throw unsupported(`KeyPairSpec ${input.KeyPairSpec} is not supported in this region.`);
  }
  const { publicKey, privateKey } = await ports.custody.makeDataKeyPair(input.KeyPairSpec);
  return { publicKey, privateKey, ...(await encryptBlob(ports, key, privateKey, input.EncryptionContext)) };
}
