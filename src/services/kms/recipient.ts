import type { RecipientInfo } from '@aws-sdk/client-kms';
import type { TrustedRoots } from '../../crypto/attestation/trusted-roots.ts';
import type { Attestation } from '../../crypto/attestation/verify-attestation.ts';
import type { MaybePromise } from '../../runtime/maybe-promise.ts';
import type { Random } from '../../runtime/random.ts';
import type { Input } from '../../wire/shapes.ts';
import type { Scope } from '../caller.ts';
import { validationFailure } from './errors.ts';
import type { KmsPorts } from './ports.ts';

/**
 * The `Recipient` of a request: a Nitro enclave, which proves by a signed attestation document what it runs and which
 * public key is its own. The answer's plaintext is then encrypted under that key, and goes nowhere else ("How AWS Nitro
 * Enclaves uses AWS KMS", developer guide).
 */
export interface RecipientInput {
  readonly Recipient?: Input<RecipientInfo> | undefined;
}

/**
 * Rejects with ValidationException unless the document is to be believed. Undefined, and no promise, for requests without a
 * recipient, which nearly all are.
 */
export function attestedRecipient(
  { Recipient }: RecipientInput,
  { attestationRoots }: KmsPorts,
  scope: Scope,
): Promise<Attestation> | undefined {
  return Recipient && attest(Recipient, attestationRoots, scope.nowMs);
}

async function attest(recipient: Input<RecipientInfo>, roots: TrustedRoots, nowMs: number): Promise<Attestation> {
  const { AttestationDocument, KeyEncryptionAlgorithm } = recipient;
  // Answering in plaintext where something is missing would defeat the purpose of asking for a recipient.
  if (AttestationDocument === undefined || KeyEncryptionAlgorithm === undefined) {
    throw validationFailure('Recipient must have both KeyEncryptionAlgorithm and AttestationDocument.');
  }
  // Few servers are ever asked by an enclave, and what reads ASN.1 and CBOR takes a tenth of a second to load.
  const { verifyAttestation } = await import('../../crypto/attestation/verify-attestation.ts');
  return verifyAttestation(AttestationDocument, { roots, nowMs });
}

/** Exactly one of the two is there. */
type AnswerFor<Name extends string> = { readonly [N in Name | 'CiphertextForRecipient']?: Buffer };

/** The plaintext under the answer's own name for it; for a recipient, encrypted and under AWS's name for that. */
export function plaintextFor<Name extends string>(
  recipient: Attestation | undefined,
  name: Name,
  plaintext: Buffer,
  { random }: KmsPorts,
): MaybePromise<AnswerFor<Name>> {
  if (recipient === undefined) return { [name]: plaintext } as AnswerFor<Name>;
  return envelop(recipient, plaintext, random) as Promise<AnswerFor<Name>>;
}

async function envelop({ publicKey }: Attestation, plaintext: Buffer, random: Random) {
  const { envelopedData } = await import('../../crypto/enveloped-data.ts');
  const CiphertextForRecipient = envelopedData(publicKey, plaintext, random);
  plaintext.fill(0);
  return { CiphertextForRecipient };
}
