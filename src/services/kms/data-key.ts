import type { EncryptionContext } from '../../crypto/ciphertext.ts';
import type { Target } from '../operation.ts';
import { validationFailure } from './errors.ts';
import type { LoadedKey } from './key-source.ts';
import { refuseGrantTokens } from './not-yet.ts';
import type { KmsPorts } from './ports.ts';
import { currentHandle, limitContext, SYMMETRIC_DEFAULT } from './symmetric.ts';
import { type KeyResource, keyTarget } from './targets.ts';

/** What GenerateDataKey and GenerateDataKeyWithoutPlaintext share: all but what they answer. */

const DATA_KEY_BYTES = { AES_256: 32, AES_128: 16 } as const;

interface DataKeyInput {
  readonly KeyId: string;
  readonly EncryptionContext?: EncryptionContext | undefined;
  readonly GrantTokens?: readonly string[] | undefined;
  readonly NumberOfBytes?: number | undefined;
  readonly KeySpec?: keyof typeof DATA_KEY_BYTES | undefined;
}

/** The key under which a data key is encrypted. */
export function dataKeyTarget<Input extends DataKeyInput>(
  operation: 'GenerateDataKey' | 'GenerateDataKeyWithoutPlaintext',
): Target<Input, KeyResource, KmsPorts> {
  return keyTarget({
    operation,
    reference: (input) => input.KeyId,
    accepts: 'key or alias',
    crossAccount: true,
    usage: 'ENCRYPT_DECRYPT',
    encryptionContext: (input) => input.EncryptionContext,
    encryptionAlgorithm: () => SYMMETRIC_DEFAULT,
  });
}

export function validateDataKey(input: DataKeyInput): void {
  dataKeyBytes(input);
  limitContext(input.EncryptionContext);
  refuseGrantTokens(input.GrantTokens);
}

/** How long a data key is asked to be, in bytes. AWS takes exactly one of the two members. */
function dataKeyBytes({ NumberOfBytes, KeySpec }: DataKeyInput): number {
  if ((NumberOfBytes === undefined) === (KeySpec === undefined)) {
    throw validationFailure('Please specify either number of bytes or key spec.');
  }
  return NumberOfBytes ?? DATA_KEY_BYTES[KeySpec as keyof typeof DATA_KEY_BYTES];
}

/** Makes a data key and encrypts it under a key; the plaintext is the caller's to answer with or to wipe. */
export async function makeDataKey(
  ports: KmsPorts,
  key: LoadedKey,
  input: DataKeyInput,
): Promise<{ plaintext: Buffer; ciphertext: Buffer; materialId: string }> {
  const handle = await currentHandle(ports, key);
  const plaintext = ports.random.bytes(dataKeyBytes(input));
  return {
    plaintext,
    ciphertext: ports.custody.encrypt(handle, plaintext, input.EncryptionContext),
    materialId: handle.materialId,
  };
}
