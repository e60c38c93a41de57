import type { Attestation } from './verify-attestation.ts';

const IMAGE_SHA384 = 'kms:recipientattestation:imagesha384';
const PCR = /^kms:recipientattestation:pcr(0|[1-9]\d?)$/;

/**
 * The values of `kms:RecipientAttestation:ImageSha384` and `kms:RecipientAttestation:PCR<n>` ("Condition keys for Nitro
 * Enclaves", AWS KMS developer guide): lower-case hex. `key` is in lower case. Undefined means that the request does not
 * have the condition key, be it that it brings no attestation document or that the document does not have the register.
 */
export function recipientCondition(key: string, attestation: Attestation | undefined): readonly string[] | undefined {
  const value = key === IMAGE_SHA384 ? attestation?.imageSha384 : attestation?.pcrs.get(pcrIndex(key));
  return value === undefined ? undefined : [value];
}

/** NaN, which is no register, of any other key. */
function pcrIndex(key: string): number {
  return Number(PCR.exec(key)?.[1] ?? Number.NaN);
}
