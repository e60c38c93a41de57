import type { InlinePolicyIdentifierType, PolicyIdentifier, PolicyIdentifierPolicyType } from '@aws-sdk/client-iam';
import { KeyholdError } from '../../../runtime/errors.ts';
import { arn, iamString, policyName } from '../../../wire/iam-shapes.ts';
import { enumeration, required, type Shape, structure } from '../../../wire/shapes.ts';
import { parsePolicyArn } from '../policies/managed-policy.ts';
import type { PoliciesInForce, PolicyOrigin } from './sources.ts';

/** Simulating as if some policies were not there: `PolicyExclusionList`. */

/** AWS calls it a union: one of the members is there. */
export interface Identifier {
  readonly PolicyType?: PolicyIdentifierPolicyType;
  readonly PolicyArn?: string;
  readonly InlinePolicyIdentifier?: InlinePolicyIdentifierType;
}

export const policyIdentifier = structure<Identifier>({
  PolicyType: enumeration(['aws-managed', 'inline', 'permission-boundary', 'rcp', 'scp', 'user-managed']),
  PolicyArn: arn,
  InlinePolicyIdentifier: structure<InlinePolicyIdentifierType>({
    PolicyName: required(policyName),
    AttachmentType: required(enumeration(['group', 'role', 'user'])),
    AttachmentName: required(iamString({ min: 1, max: 128 })),
  }),
}) as unknown as Shape<PolicyIdentifier>;

/** Without those that the list identifies. What identifies none of them is no mistake. */
export function withoutExcluded(
  { identity, boundary }: PoliciesInForce,
  exclusions: readonly Identifier[] | undefined,
): PoliciesInForce {
  const tests = (exclusions ?? []).map(testOf);
  const stays = ({ origin }: { readonly origin: PolicyOrigin }) => !tests.some((excludes) => excludes(origin));
  const staying = { identity: identity.filter(stays) };
  return boundary !== undefined && stays(boundary) ? { ...staying, boundary } : staying;
}

function testOf({ PolicyType, PolicyArn, InlinePolicyIdentifier }: Identifier): (origin: PolicyOrigin) => boolean {
  if (PolicyType !== undefined) return ({ kind }) => kind === PolicyType;
  if (PolicyArn !== undefined) {
    const { accountId, path, policyName: pattern } = parseExcludedArn(PolicyArn);
    const beforeName = `arn:aws:iam::${accountId}:policy${path}`;
    return (origin) =>
      'arn' in origin && origin.arn.startsWith(beforeName) && fits(pattern, origin.arn.slice(beforeName.length));
  }
  if (InlinePolicyIdentifier === undefined) {
    throw new KeyholdError('InvalidInputException', 'A policy identifier must identify a policy.');
  }
  const { PolicyName, AttachmentType, AttachmentName = '' } = InlinePolicyIdentifier;
  refuseSecondStar(AttachmentName);
  return (origin) =>
    origin.kind === 'inline' &&
    origin.policyName === PolicyName &&
    origin.bearer === AttachmentType &&
    fits(AttachmentName, origin.bearerName);
}

function parseExcludedArn(written: string) {
  try {
    const name = parsePolicyArn(written);
    if (!/[*?]/.test(name.path)) {
      refuseSecondStar(name.policyName);
      return name;
    }
  } catch (error) {
    if (!(error instanceof KeyholdError) || error.code !== 'ValidationException') throw error;
  }
  throw new KeyholdError('InvalidInputException', `ARN ${written} is not valid.`);
}

/** "Use at most one *" (API reference of PolicyIdentifier). */
function refuseSecondStar(pattern: string): void {
  if (pattern.indexOf('*') === pattern.lastIndexOf('*')) return;
  throw new KeyholdError('InvalidInputException', `${pattern} has more than one wildcard character *.`);
}

/** With a single `*` there is one way to lay a pattern over a text: its head at the start, its tail at the end. */
function fits(pattern: string, text: string): boolean {
  const star = pattern.indexOf('*');
  if (star < 0) return sameButForMarks(pattern, text);
  const tailLength = pattern.length - star - 1;
  if (text.length < star + tailLength) return false;
  return (
    sameButForMarks(pattern.slice(0, star), text.slice(0, star)) &&
    sameButForMarks(pattern.slice(star + 1), text.slice(text.length - tailLength))
  );
}

/** A question mark stands for any one character. */
function sameButForMarks(pattern: string, text: string): boolean {
  return pattern.length === text.length && [...pattern].every((each, at) => each === '?' || each === text[at]);
}
