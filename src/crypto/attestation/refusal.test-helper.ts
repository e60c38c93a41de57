import { KeyholdError } from '../../runtime/errors.ts';
import { type DocumentOptions, type Field, testHypervisor } from './attestation.test-helper.ts';
import { readTrustedRoots } from './trusted-roots.ts';
import { type AttestationOptions, verifyAttestation } from './verify-attestation.ts';

/** What the tests of attestation documents share: a hypervisor at one moment, and the question why one was refused. */

export const NOW_MS = Date.UTC(2026, 10, 22, 10, 30);
export const hypervisor = testHypervisor(NOW_MS);
export const now: AttestationOptions = { roots: readTrustedRoots(hypervisor.rootPem), nowMs: NOW_MS };

export const attest = (options?: DocumentOptions) => hypervisor.attest(options);

/**
 * Why a document is refused, as the log has it; undefined if it is not refused. What a client reads is always the same, and
 * anything else than a refusal passes through.
 */
export function refusalOf(document: Uint8Array, options = now): string | undefined {
  try {
    verifyAttestation(document, options);
    return undefined;
  } catch (error) {
    if (!(error instanceof KeyholdError)) throw error;
    const { code, message, cause } = error;
    if (code !== 'ValidationException' || message !== 'The attestation document in the request is not valid.')
      throw error;
    return (cause as Error).message;
  }
}

/** Changes of the payload's fields. */
export type Alteration = (fields: readonly Field[]) => readonly Field[];
export const without =
  (name: string): Alteration =>
  (fields) =>
    fields.filter(([field]) => field !== name);
export const having =
  (name: unknown, value: unknown): Alteration =>
  (fields) => [...fields.filter(([field]) => field !== name), [name, value]];

/** The same bytes but for one bit of the byte at `index`, which may be counted from the end. */
export function flipped(bytes: Uint8Array, index: number): Buffer {
  const copy = Buffer.from(bytes);
  const at = index < 0 ? copy.length + index : index;
  copy[at] = (copy[at] as number) ^ 1;
  return copy;
}
