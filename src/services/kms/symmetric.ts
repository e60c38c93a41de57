import { decodeHeader, type EncryptionContext } from '../../crypto/ciphertext.ts';
import type { KeyHandle } from '../../custody/contract.ts';
import { invariant, KeyholdError } from '../../runtime/errors.ts';
import { incorrectKey, invalidCiphertext, validationFailure } from './errors.ts';
import type { LoadedKey } from './key-source.ts';
import type { KmsPorts } from './ports.ts';

/** What Encrypt, Decrypt, ReEncrypt and the GenerateDataKey family share. */

export const SYMMETRIC_DEFAULT = 'SYMMETRIC_DEFAULT';

/** The material that a key encrypts with now. */
export async function currentHandle(ports: KmsPorts, key: LoadedKey): Promise<KeyHandle> {
  const { currentMaterialId } = key.record;
  invariant(currentMaterialId !== undefined, 'the state was checked: a key without material is pending import');
  const handle = await ports.handles.open(key, currentMaterialId);
  if (handle === undefined) throw new KeyholdError('TamperedRecord', `${key.arn} has no row for its key material`);
  return handle;
}

/** Decrypts a blob under this key, which the request or the blob itself has named. */
export async function decryptBlob(
  ports: KmsPorts,
  key: LoadedKey,
  blob: Uint8Array | undefined,
  context: EncryptionContext | undefined,
): Promise<{ plaintext: Buffer; materialId: string }> {
  const header = blob && decodeHeader(blob);
  if (blob === undefined || header === undefined) throw invalidCiphertext();
  if (header.keyId !== key.record.keyId) throw incorrectKey();
  const { materialId } = header;
  // A material that the key names itself must be there; one that only the blob names may be made up.
  const current = materialId === key.record.currentMaterialId;
  const handle = current ? await currentHandle(ports, key) : await ports.handles.open(key, materialId);
  const plaintext = handle === undefined ? undefined : ports.custody.decrypt(handle, blob, context);
  if (plaintext === undefined) throw invalidCiphertext();
  return { plaintext, materialId };
}

/** Symmetric keys have one algorithm; naming another is a mismatch of key and algorithm. */
export function requireSymmetricDefault(algorithm: string | undefined): void {
  if (algorithm !== undefined && algorithm !== SYMMETRIC_DEFAULT) {
    throw new KeyholdError(
      'InvalidKeyUsageException',
      `Algorithm ${algorithm} is incompatible with key spec ${SYMMETRIC_DEFAULT}.`,
    );
  }
}

/** Our own limit, of names and values together in UTF-8; AWS states none. */
const MOST_CONTEXT_BYTES = 16 * 1024;

/** Contexts are limited here because policies may compare every pair with every pattern they have. */
export function limitContext(context: EncryptionContext | undefined): void {
  if (context === undefined) return;
  let bytes = 0;
  for (const name of Object.keys(context)) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(context[name] as string);
  }
  if (bytes > MOST_CONTEXT_BYTES) {
    throw validationFailure(`The encryption context can have at most ${MOST_CONTEXT_BYTES} bytes.`);
  }
}

interface CiphertextInput {
  readonly CiphertextBlob?: Uint8Array | undefined;
  readonly DryRun?: boolean | undefined;
  readonly DryRunModifiers?: readonly string[] | undefined;
}

/** A dry run may ask about permissions alone, without having a ciphertext ("Decrypt", API reference). */
export function ignoresCiphertext(input: CiphertextInput): boolean {
  return input.DryRun === true && input.DryRunModifiers?.includes('IGNORE_CIPHERTEXT') === true;
}

/** The ciphertext may be left out only where it is ignored, and then the key must be named. */
export function requireCiphertext(input: CiphertextInput, keyId: string | undefined): void {
  if (input.DryRunModifiers !== undefined && input.DryRunModifiers.length > 0 && input.DryRun !== true) {
    throw validationFailure('DryRunModifiers can only be specified when DryRun is true.');
  }
  if (!ignoresCiphertext(input) && input.CiphertextBlob === undefined) {
    throw validationFailure(
      "1 validation error detected: Value at 'ciphertextBlob' failed to satisfy constraint: Member must not be null",
    );
  }
  if (ignoresCiphertext(input) && keyId === undefined) {
    throw validationFailure('A KMS key must be specified when the ciphertext is ignored.');
  }
}
