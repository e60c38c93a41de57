import {
  DeleteImportedKeyMaterialCommand,
  GetParametersForImportCommand,
  ImportKeyMaterialCommand,
  type ImportKeyMaterialCommandInput,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { wrapMaterial } from '../../src/crypto/wrap-material.test-helper.ts';
import type { NewKey } from './kms.ts';

/** Imports key material as AWS's guide has its users do it; `wrap-with-openssl.ts` does so with a command of its own. */

export const FOR_GOOD = { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' } as const;

/** The request that imports this material, which can be sent for 24 hours. */
export async function importRequest(
  kms: KMSClient,
  KeyId: string,
  material: Uint8Array,
): Promise<ImportKeyMaterialCommandInput> {
  const WrappingAlgorithm = 'RSAES_OAEP_SHA_256';
  const { ImportToken, PublicKey } = await kms.send(
    new GetParametersForImportCommand({ KeyId, WrappingAlgorithm, WrappingKeySpec: 'RSA_2048' }),
  );
  const EncryptedKeyMaterial = wrapMaterial(PublicKey ?? new Uint8Array(), WrappingAlgorithm, material);
  return { KeyId, ImportToken, EncryptedKeyMaterial };
}

export async function importMaterial(kms: KMSClient, KeyId: string, material: Uint8Array, more: object = FOR_GOOD) {
  return kms.send(new ImportKeyMaterialCommand({ ...(await importRequest(kms, KeyId, material)), ...more }));
}

/** Does what takes a symmetric key with material. A key that is pending import has material for as long, and none again. */
export async function withMaterial<Done>(kms: KMSClient, key: NewKey, act: () => Promise<Done>): Promise<Done> {
  if (key.materialId !== '') return act();
  await importMaterial(kms, key.id, Buffer.alloc(32, 1));
  const done = await act();
  await kms.send(new DeleteImportedKeyMaterialCommand({ KeyId: key.id }));
  return done;
}
