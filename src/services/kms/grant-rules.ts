import type { CreateGrantRequest, GrantConstraints as GrantConstraintsInput } from '@aws-sdk/client-kms';
import { isServiceName, parsePrincipalArn } from '../../authorization/index.ts';
import type { EncryptionContext } from '../../crypto/ciphertext.ts';
import { type GrantConstraints, type GrantPrincipal, type GrantTerms, keyHasOperation } from '../../keys/grant.ts';
import type { KeyRecord } from '../../keys/key.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { Input } from '../../wire/shapes.ts';
import { invalidGrantId, missingMember, validationFailure } from './errors.ts';

/** What AWS asks of a grant that is to be made ("CreateGrant" and "GrantConstraints", API reference). */
export function checkGrant(input: Input<CreateGrantRequest>): void {
  granteeOf(input);
  retiringPrincipalOf(input);
  const { Operations: operations, Constraints: constraints } = input;
  if (operations.length === 0) {
    throw validationFailure(
      "1 validation error detected: Value '[]' at 'operations' failed to satisfy constraint: Member must have length greater than or equal to 1",
    );
  }
  if (operations.every((operation) => operation === 'CreateGrant')) {
    throw validationFailure('Grants must not contain only the CreateGrant operation.');
  }
  if (constraints !== undefined) checkConstraints(constraints);
  if (input.GranteeServicePrincipal === undefined) return;
  if (constraints?.SourceArn === undefined) {
    throw validationFailure('A SourceArn grant constraint is required when GranteeServicePrincipal is specified.');
  }
  if (input.RetiringPrincipal === undefined && input.RetiringServicePrincipal === undefined) {
    throw validationFailure(
      'A RetiringPrincipal or RetiringServicePrincipal is required when GranteeServicePrincipal is specified.',
    );
  }
}

const MOST_PAIRS = 8;
/** Of the names and values of one constraint together, as we understand AWS's "cannot exceed 384 characters". */
const MOST_CONTEXT_CHARACTERS = 384;

function checkConstraints({ EncryptionContextEquals, EncryptionContextSubset }: Input<GrantConstraintsInput>): void {
  if (!isEmpty(EncryptionContextEquals) && !isEmpty(EncryptionContextSubset)) {
    throw validationFailure('More than one constraint supplied');
  }
  const pairs = Object.entries({ ...EncryptionContextEquals, ...EncryptionContextSubset });
  if (pairs.length > MOST_PAIRS) {
    throw validationFailure(`A grant constraint can have at most ${MOST_PAIRS} encryption context pairs.`);
  }
  const characters = pairs.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (characters > MOST_CONTEXT_CHARACTERS) {
    throw validationFailure(
      `The encryption context in a grant constraint cannot exceed ${MOST_CONTEXT_CHARACTERS} characters.`,
    );
  }
}

/** What the key itself must have: the operations, and where contexts are demanded, contexts. */
export function checkGrantFitsKey({ operations, constraints }: GrantTerms, { keySpec, keyUsage }: KeyRecord): void {
  const missing = operations.filter((operation) => !keyHasOperation(keySpec, keyUsage, operation));
  if (missing.length > 0) {
    throw validationFailure(
      `Grant operations [${missing.join(', ')}] are not supported by a key with KeySpec ${keySpec} and KeyUsage ${keyUsage}.`,
    );
  }
  if (keySpec !== 'SYMMETRIC_DEFAULT' && contextOf(constraints) !== undefined) {
    throw validationFailure(`Encryption context grant constraints are not supported by a key with KeySpec ${keySpec}.`);
  }
}

export function granteeOf(input: Input<CreateGrantRequest>): GrantPrincipal {
  const grantee = onePrincipal('Grantee', input.GranteePrincipal, input.GranteeServicePrincipal);
  // AWS required the first of them before there was the second.
  if (grantee === undefined) throw missingMember('granteePrincipal');
  return grantee;
}

export function retiringPrincipalOf(input: {
  readonly RetiringPrincipal?: string | undefined;
  readonly RetiringServicePrincipal?: string | undefined;
}): GrantPrincipal | undefined {
  return onePrincipal('Retiring', input.RetiringPrincipal, input.RetiringServicePrincipal);
}

/** Judges a member's principal and gives it. Throws ValidationException or InvalidArnException. */
export function onePrincipal(
  role: 'Grantee' | 'Retiring',
  arn: string | undefined,
  service: string | undefined,
): GrantPrincipal | undefined {
  if (arn !== undefined && service !== undefined) {
    throw validationFailure(`You can specify either ${role}Principal or ${role}ServicePrincipal, but not both.`);
  }
  if (arn !== undefined) {
    // Whether somebody has the name is asked when a grant is made (`grant-principals.ts`).
    if (parsePrincipalArn(arn) === undefined) throw invalidPrincipal(arn);
    return { kind: 'AWS', name: arn };
  }
  if (service === undefined) return undefined;
  if (!isServiceName(service)) throw validationFailure(`${service} is not the name of an AWS service principal.`);
  return { kind: 'Service', name: service };
}

export function termsOf(input: Input<CreateGrantRequest>): GrantTerms {
  return { operations: [...new Set(input.Operations)], constraints: constraintsOf(input.Constraints ?? {}) };
}

function constraintsOf(input: Input<GrantConstraintsInput>): GrantConstraints {
  const { EncryptionContextEquals, EncryptionContextSubset, SourceArn } = input;
  const source = SourceArn === undefined ? {} : { sourceArn: SourceArn };
  // Terraform's AWS provider always sends both, and the one that nobody set empty.
  if (!isEmpty(EncryptionContextSubset)) return { encryptionContextSubset: EncryptionContextSubset, ...source };
  // A subset of nothing demands nothing: a policy that asks for a constraint must not take it for one.
  if (EncryptionContextEquals === undefined) return source;
  return { encryptionContextEquals: EncryptionContextEquals, ...source };
}

function isEmpty(context: EncryptionContext | undefined): context is undefined {
  return context === undefined || Object.keys(context).length === 0;
}

/** The context that constraints demand, in whichever way. */
export function contextOf(constraints: GrantConstraints): EncryptionContext | undefined {
  return constraints.encryptionContextEquals ?? constraints.encryptionContextSubset;
}

/** Grant ids are 32 bytes in hex; of what is none, AWS says so rather than that there is no such grant. */
export function checkGrantId(grantId: string): void {
  if (!/^[0-9a-f]{64}$/.test(grantId)) throw invalidGrantId();
}

/** AWS lets only its own services filter by a service, and none of them calls here. */
export function forServicesOnly(member: string): KeyholdError {
  return validationFailure(`${member} can only be specified by AWS services.`);
}

export function invalidPrincipal(arn: string): KeyholdError {
  return new KeyholdError('InvalidArnException', `ARN does not refer to a valid principal: ${arn}`);
}
