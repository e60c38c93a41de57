import { type AsymmetricEncryptionAlgorithm, maxPlaintextBytes } from '../../crypto/asymmetric-encryption.ts';
import { decodeHeader, type EncryptionContext } from '../../crypto/ciphertext.ts';
import { type EncryptionAlgorithm, keySpecs } from '../../crypto/key-specs.ts';
import { invariant } from '../../runtime/errors.ts';
import { type MaybePromise, whenThere } from '../../runtime/maybe-promise.ts';
import { incompatibleAlgorithm, invalidCiphertext, missingMember, validationFailure } from './errors.ts';
import { currentHandle } from './key-handle.ts';
import type { LoadedKey } from './key-source.ts';
import type { KmsPorts } from './ports.ts';

/** What Encrypt, Decrypt, ReEncrypt and the GenerateDataKey families share: encryption under keys of every spec. */

export const SYMMETRIC_DEFAULT = 'SYMMETRIC_DEFAULT';

/** Which material was used; AWS tells it of symmetric encryption keys alone, for the others have but one. */
type MaterialId = string | undefined;

/** Encrypts under a key, by an algorithm that has been checked to be the key's. */
export function encryptUnder(
  ports: KmsPorts,
  key: LoadedKey,
  algorithm: EncryptionAlgorithm,
  plaintext: Uint8Array,
  context: EncryptionContext | undefined,
): MaybePromise<{ ciphertext: Buffer; materialId: MaterialId }> {
  if (algorithm === SYMMETRIC_DEFAULT) return encryptBlob(ports, key, plaintext, context);
  checkPlaintextLength(key, algorithm, plaintext);
  return whenThere(currentHandle(ports, key), async (handle) => ({
    ciphertext: await ports.custody.encryptAsymmetric(handle, algorithm, plaintext),
    materialId: undefined,
  }));
}

/** Encrypts under a symmetric encryption key. */
export function encryptBlob(
  ports: KmsPorts,
  key: LoadedKey,
  plaintext: Uint8Array,
  context: EncryptionContext | undefined,
): MaybePromise<{ ciphertext: Buffer; materialId: string }> {
  return whenThere(currentHandle(ports, key), (handle) => ({
    ciphertext: ports.custody.encrypt(handle, plaintext, context),
    materialId: handle.materialId,
  }));
}

/** Decrypts a ciphertext under this key, which the request or the blob itself has named. The plaintext is the caller's. */
export function decryptUnder(
  ports: KmsPorts,
  key: LoadedKey,
  algorithm: EncryptionAlgorithm,
  blob: Uint8Array | undefined,
  context: EncryptionContext | undefined,
): MaybePromise<{ plaintext: Buffer; materialId: MaterialId }> {
  if (blob === undefined) throw invalidCiphertext();
  if (algorithm === SYMMETRIC_DEFAULT) return decryptBlob(ports, key, blob, context);
  return whenThere(currentHandle(ports, key), async (handle) => {
    const plaintext = await ports.custody.decryptAsymmetric(handle, algorithm, blob);
    if (plaintext === undefined) throw invalidCiphertext();
    return { plaintext, materialId: undefined };
  });
}

function decryptBlob(
  ports: KmsPorts,
  key: LoadedKey,
  blob: Uint8Array,
  context: EncryptionContext | undefined,
): MaybePromise<{ plaintext: Buffer; materialId: string }> {
  const header = decodeHeader(blob);
  invariant(header?.keyId === key.record.keyId, 'the target has compared the key with the ciphertext');
  const { materialId } = header;
  // A material that the key names itself must be there; one that only the blob names may be made up.
  const current = materialId === key.record.currentMaterialId;
  return whenThere(current ? currentHandle(ports, key) : ports.handles.open(key, materialId), (handle) => {
    const plaintext = handle === undefined ? undefined : ports.custody.decrypt(handle, blob, context);
    if (plaintext === undefined) throw invalidCiphertext();
    return { plaintext, materialId };
  });
}

/** AWS takes the algorithm of symmetric encryption keys to be meant where none is named, whatever the key's spec. */
export function encryptionAlgorithmOf(named: EncryptionAlgorithm | undefined): EncryptionAlgorithm {
  return named ?? SYMMETRIC_DEFAULT;
}

/**
 * A key that encrypts does so by the algorithms of its spec. Contexts go with symmetric encryption alone, for nothing else
 * authenticates additional data.
 */
export function requireEncryptionAlgorithm(
  { record }: LoadedKey,
  algorithm: EncryptionAlgorithm,
  context: EncryptionContext | undefined,
): void {
  if (keySpecs[record.keySpec].encryptionAlgorithms?.includes(algorithm) !== true) {
    throw incompatibleAlgorithm(algorithm, record.keySpec);
  }
  if (algorithm !== SYMMETRIC_DEFAULT && Object.keys(context ?? {}).length > 0) {
    throw validationFailure('EncryptionContext is not supported when encrypting/decrypting with asymmetric CMKs.');
  }
}

/** AWS's limits for public keys are in the table of the Encrypt operation's documentation. */
function checkPlaintextLength(
  { record: { keySpec } }: LoadedKey,
  algorithm: AsymmetricEncryptionAlgorithm,
  plaintext: Uint8Array,
): void {
  const most = maxPlaintextBytes(keySpec, algorithm);
  if (plaintext.length > most) {
    throw validationFailure(
      `Algorithm ${algorithm} and key spec ${keySpec} cannot encrypt data larger than ${most} bytes.`,
    );
  }
}

/** Our own limit, of names and values together in UTF-8; AWS states none. */
const MOST_CONTEXT_BYTES = 16 * 1024;

/** Contexts are limited because policies may compare every pair with every pattern they have. */
export function checkContext(context: EncryptionContext | undefined): void {
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

/** The material that a ciphertext of a symmetric encryption key names, where there is one to be decrypted. */
export function materialOfCiphertext(
  input: CiphertextInput & { readonly EncryptionAlgorithm?: EncryptionAlgorithm | undefined },
): string | undefined {
  const blob = ciphertextOf(input);
  if (blob === undefined || encryptionAlgorithmOf(input.EncryptionAlgorithm) !== SYMMETRIC_DEFAULT) return undefined;
  return decodeHeader(blob)?.materialId;
}

/** What is to be decrypted, if anything is. */
export function ciphertextOf(input: CiphertextInput): Uint8Array | undefined {
  return ignoresCiphertext(input) ? undefined : input.CiphertextBlob;
}

/** The ciphertext may be left out only where it is ignored, and then the key must be named. */
export function requireCiphertext(input: CiphertextInput, keyId: string | undefined): void {
  if (input.DryRunModifiers !== undefined && input.DryRunModifiers.length > 0 && input.DryRun !== true) {
    throw validationFailure('DryRunModifiers can only be specified when DryRun is true.');
  }
  if (!ignoresCiphertext(input) && input.CiphertextBlob === undefined) {
    throw missingMember('ciphertextBlob');
  }
  if (ignoresCiphertext(input) && keyId === undefined) {
    throw validationFailure('A KMS key must be specified when the ciphertext is ignored.');
  }
}
