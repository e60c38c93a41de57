import type { EncryptionContext } from '../../crypto/ciphertext.ts';
import type { KeyOperation } from '../../keys/key-state-table.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import { type MaybePromise, whenThere } from '../../runtime/maybe-promise.ts';
import type { Target } from '../operation.ts';
import { encryptBlob, SYMMETRIC_DEFAULT } from './encryption.ts';
import { validationFailure } from './errors.ts';
import type { LoadedKey } from './key-source.ts';
import type { KmsPorts } from './ports.ts';
import { cryptographicKeyTarget, type KeyResource, type KeyTargetDeclaration } from './targets.ts';

/** What the four operations share that make data keys and data key pairs: all but what they make and what they answer. */

type DataKeyOperation = Extract<KeyOperation, `GenerateDataKey${string}`>;

interface Input {
  readonly KeyId: string;
  readonly EncryptionContext?: EncryptionContext | undefined;
  readonly GrantTokens?: readonly string[] | undefined;
}

/** The key under which a data key is encrypted. */
export function dataKeyTarget<I extends Input>(
  operation: DataKeyOperation,
  more: Pick<KeyTargetDeclaration<I>, 'conditions' | 'recipient'> = {},
): Target<I, KeyResource, KmsPorts> {
  return cryptographicKeyTarget({
    operation,
    usage: 'ENCRYPT_DECRYPT',
    encryptionContext: (input) => input.EncryptionContext,
    encryptionAlgorithm: () => SYMMETRIC_DEFAULT,
    ...more,
  });
}

/** Data keys are encrypted under symmetric encryption keys alone, though RSA keys can have the same usage. */
export function requireSymmetricKey({ record }: LoadedKey): void {
  if (record.keySpec === SYMMETRIC_DEFAULT) return;
  throw new KeyholdError('InvalidKeyUsageException', 'You cannot generate a data key with an asymmetric CMK');
}

const DATA_KEY_BYTES = { AES_256: 32, AES_128: 16 } as const;

interface DataKeyInput extends Input {
  readonly NumberOfBytes?: number | undefined;
  readonly KeySpec?: keyof typeof DATA_KEY_BYTES | undefined;
}

/** As {@link dataKeyTarget}. AWS looks at the size once the key is found, and before the key's usage and state. */
export function sizedDataKeyTarget<I extends DataKeyInput>(
  ...declaration: Parameters<typeof dataKeyTarget<I>>
): Target<I, KeyResource, KmsPorts> {
  const target = dataKeyTarget<I>(...declaration);
  return {
    ...target,
    check: (resolved, input, scope) => {
      dataKeyBytes(input);
      target.check?.(resolved, input, scope);
    },
  };
}

/** How long a data key is asked to be, in bytes. AWS takes exactly one of the two members. */
function dataKeyBytes({ NumberOfBytes, KeySpec }: DataKeyInput): number {
  if ((NumberOfBytes === undefined) === (KeySpec === undefined)) {
    throw validationFailure('Please specify either number of bytes or key spec.');
  }
  return NumberOfBytes ?? DATA_KEY_BYTES[KeySpec as keyof typeof DATA_KEY_BYTES];
}

/** Makes a data key and encrypts it under a key; the plaintext is the caller's to answer with or to wipe. */
export function makeDataKey(
  ports: KmsPorts,
  key: LoadedKey,
  input: DataKeyInput,
): MaybePromise<{ plaintext: Buffer; ciphertext: Buffer; materialId: string }> {
  const plaintext = ports.random.bytes(dataKeyBytes(input));
  return whenThere(encryptBlob(ports, key, plaintext, input.EncryptionContext), ({ ciphertext, materialId }) => ({
    plaintext,
    ciphertext,
    materialId,
  }));
}
