import { deflateRawSync } from 'node:zlib';
import type { Policy } from '../../../authorization/index.ts';
import type { Tag } from '../../../keys/key.ts';
import { KeyholdError } from '../../../runtime/errors.ts';
import type { Reader } from '../../../store/sealed-store.ts';
import { compileIdentityPolicy, findManagedDocument } from '../../iam/identity-policies.ts';
import type { SessionPolicies } from './session.ts';

/** AWS's quotas: "The plaintext that you use for both inline and managed session policies can't exceed 2,048 characters." */
const MOST_CHARACTERS = 2048;
const MOST_MANAGED_POLICIES = 10;
/**
 * "An AWS conversion compresses the passed inline session policy, managed policy ARNs, and session tags into a packed
 * binary format that has a separate limit", which AWS does not tell. Here it keeps tokens well within a request's headers.
 */
const MOST_PACKED_BYTES = 2048;

/** The members that requests for sessions have in common. */
export interface PolicyMembers {
  readonly Policy?: string | undefined;
  readonly PolicyArns?: readonly { readonly arn?: string | undefined }[] | undefined;
}

/**
 * What a request passes to limit the session that it asks for.
 *
 * @throws KeyholdError MalformedPolicyDocumentException, PackedPolicyTooLargeException, ValidationException
 */
export async function readSessionPolicies(
  { Policy: document, PolicyArns }: PolicyMembers,
  accountId: string,
  reader: Reader,
): Promise<SessionPolicies> {
  const arns = [...new Set((PolicyArns ?? []).map(({ arn = '' }) => arn))];
  if (arns.length > MOST_MANAGED_POLICIES) {
    throw new KeyholdError('ValidationException', `No more than ${MOST_MANAGED_POLICIES} PolicyArns may be passed.`);
  }
  const characters = (document?.length ?? 0) + arns.reduce((sum, arn) => sum + arn.length, 0);
  if (characters > MOST_CHARACTERS) throw policyTooLarge(characters / MOST_CHARACTERS);
  if (document !== undefined) compileIdentityPolicy(document);
  for (const arn of arns) {
    if (!isWithin(arn, accountId) || (await findManagedDocument(arn, reader)) === undefined) {
      throw new KeyholdError('ValidationException', `Policy ${arn} does not exist or is not attachable.`);
    }
  }
  return { ...(document === undefined ? {} : { document }), arns };
}

/**
 * `PackedPolicySize`: how much of the room for them policies and tags take, in percent; undefined where there are none.
 *
 * @throws KeyholdError PackedPolicyTooLargeException
 */
export function packedPolicySize({ document, arns }: SessionPolicies, tags: readonly Tag[]): number | undefined {
  const hasPolicies = document !== undefined || arns.length > 0;
  if (!hasPolicies && tags.length === 0) return undefined;
  const packed = deflateRawSync(JSON.stringify([document, arns, tags.flatMap(({ key, value }) => [key, value])]));
  const share = packed.length / MOST_PACKED_BYTES;
  if (share > 1) throw hasPolicies ? policyTooLarge(share) : tagsTooLarge(share);
  return Math.ceil(100 * share);
}

/**
 * The policies of a session, compiled; undefined where one of them is no more. What it denied would be lost, so there is
 * no session without it.
 */
export async function compileSessionPolicies(
  { document, arns }: SessionPolicies,
  reader: Reader,
): Promise<readonly Policy[] | undefined> {
  const texts = document === undefined ? [] : [document];
  for (const arn of arns) {
    const managed = await findManagedDocument(arn, reader);
    if (managed === undefined) return undefined;
    texts.push(managed);
  }
  return texts.map(compileIdentityPolicy);
}

/** "The policies must exist in the same account as the role" (API reference of AssumeRole), or be AWS's. */
function isWithin(arn: string, accountId: string): boolean {
  return arn.startsWith(`arn:aws:iam::${accountId}:policy/`) || arn.startsWith('arn:aws:iam::aws:policy/');
}

function policyTooLarge(share: number): KeyholdError {
  return new KeyholdError(
    'PackedPolicyTooLargeException',
    `Packed policy consumes ${Math.ceil(100 * share)}% of allotted space, please use smaller policy.`,
  );
}

function tagsTooLarge(share: number): KeyholdError {
  return new KeyholdError(
    'PackedPolicyTooLargeException',
    `Packed size of session tags consumes ${Math.ceil(100 * share)}% of allotted space.`,
  );
}
