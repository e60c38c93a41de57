import type { Attestation } from '../../crypto/attestation/verify-attestation.ts';
import type { ResolvedKey } from './key-reference.ts';
import type { KeyResource } from './targets.ts';

/** What KMS's audit records show besides what requests and responses say, with CloudTrail's names for it. */

/**
 * CloudTrail shows the ARN of the key that an operation has changed as if it were the response ("CloudTrail log entries for
 * this operation recorded on or after December 2022", AWS KMS developer guide, at most operations that change a key).
 */
export function shownKey(_: unknown, { key }: { readonly key: KeyResource }): object {
  return { KeyId: key.key.arn };
}

/** The material that a key encrypts with, where AWS tells it: of symmetric encryption keys. */
export function currentMaterial({ key: { record } }: KeyResource): string | undefined {
  return record.keySpec === 'SYMMETRIC_DEFAULT' ? record.currentMaterialId : undefined;
}

/** `additionalEventData` of cryptographic operations; undefined if there is nothing to show. */
export function cryptographicData(
  keyMaterialId: string | undefined,
  { recipient }: Pick<ResolvedKey, 'recipient'>,
): object | undefined {
  if (recipient === undefined) return keyMaterialId === undefined ? undefined : { keyMaterialId };
  return { ...(keyMaterialId === undefined ? {} : { keyMaterialId }), recipient: shownRecipient(recipient) };
}

/** The registers that CloudTrail shows of an enclave, besides the first, which is the digest of its image. */
const SHOWN_REGISTERS = [1, 2, 3, 4, 8];

/** "Monitoring requests for Nitro enclaves", AWS KMS developer guide. The registers stand in base64 there. */
function shownRecipient({ moduleId, pcrs }: Attestation): object {
  const shown: Record<string, string> = { attestationDocumentModuleId: moduleId };
  const show = (name: string, register: number) => {
    const value = pcrs.get(register);
    if (value !== undefined) shown[`attestationDocumentEnclave${name}`] = Buffer.from(value, 'hex').toString('base64');
  };
  show('ImageDigest', 0);
  for (const register of SHOWN_REGISTERS) show(`PCR${register}`, register);
  return shown;
}
