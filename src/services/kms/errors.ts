import { MOST_REPLICAS_PER_KEY } from '../../keys/key.ts';
import type { KeyState } from '../../keys/lifecycle.ts';
import { KeyholdError } from '../../runtime/errors.ts';

/** AWS KMS's refusals with its own texts, which people and programs depend on. */

export function invalidKeyId(keyId: string): KeyholdError {
  return new KeyholdError('NotFoundException', `Invalid keyId '${keyId}'`);
}

/** Of a key ARN, AWS names only what stands for the key id, and without the quotation marks. */
export function invalidKeyIdInArn(keyId: string): KeyholdError {
  return new KeyholdError('NotFoundException', `Invalid keyId ${keyId}`);
}

export function keyNotFound(arn: string): KeyholdError {
  return new KeyholdError('NotFoundException', `Key '${arn}' does not exist`);
}

export function aliasNotFound(arn: string): KeyholdError {
  return new KeyholdError('NotFoundException', `Alias ${arn} is not found.`);
}

/** AWS names only the Region of an ARN that belongs to another one. */
export function arnOfOtherRegion(region: string): KeyholdError {
  return new KeyholdError('NotFoundException', `Invalid arn ${region}`);
}

export function aliasNotSupported(): KeyholdError {
  return new KeyholdError('InvalidArnException', 'Key Aliases are not supported for this operation.');
}

export function disabled(arn: string): KeyholdError {
  return new KeyholdError('DisabledException', `${arn} is disabled.`);
}

/** `… is pending deletion.`, `… is pending import.` and so on: AWS's name of the state as people write it. */
export function invalidState(arn: string, state: KeyState): KeyholdError {
  const words = state.replace(/(?<=[a-z])[A-Z]/g, ' $&').toLowerCase();
  return new KeyholdError('KMSInvalidStateException', `${arn} is ${words}.`);
}

export function notPendingDeletion(arn: string): KeyholdError {
  return new KeyholdError('KMSInvalidStateException', `${arn} is not pending deletion.`);
}

export function wrongUsage(arn: string, usage: string, operation: string): KeyholdError {
  return new KeyholdError(
    'InvalidKeyUsageException',
    `${arn} key usage is ${usage} which is not valid for ${operation}.`,
  );
}

/** The key can do what the operation does, but not by this algorithm. */
export function incompatibleAlgorithm(algorithm: string, keySpec: string): KeyholdError {
  return new KeyholdError(
    'InvalidKeyUsageException',
    `Algorithm ${algorithm} is incompatible with key spec ${keySpec}.`,
  );
}

/** Every way a ciphertext can be wrong looks the same, and says nothing. */
export function invalidCiphertext(): KeyholdError {
  return new KeyholdError('InvalidCiphertextException');
}

export function incorrectKey(): KeyholdError {
  return new KeyholdError(
    'IncorrectKeyException',
    'The key ID in the request does not identify a CMK that can perform this operation.',
  );
}

export function invalidGrantId(): KeyholdError {
  return new KeyholdError('InvalidGrantIdException', 'The grant ID in the request is not valid.');
}

export function grantNotFound(grantId: string, arn: string): KeyholdError {
  return new KeyholdError('NotFoundException', `Grant '${grantId}' is not found for key ${arn}.`);
}

export function incorrectKeyMaterial(message: string): KeyholdError {
  return new KeyholdError('IncorrectKeyMaterialException', message);
}

export function validationFailure(message: string): KeyholdError {
  return new KeyholdError('ValidationException', message);
}

/** For a member that some requests must have and others need not. */
export function missingMember(name: string): KeyholdError {
  return validationFailure(
    `1 validation error detected: Value null at '${name}' failed to satisfy constraint: Member must not be null`,
  );
}

export function unsupported(message: string): KeyholdError {
  return new KeyholdError('UnsupportedOperationException', message);
}

export function wrongOrigin(arn: string, origin: string): KeyholdError {
  return unsupported(`${arn} origin is ${origin} which is not valid for this operation.`);
}

/** For keys whose spec knows no such thing, AWS says no more than that: there is no message. */
export function unsupportedBySpec(): KeyholdError {
  return unsupported('');
}

export function notPrimary(arn: string): KeyholdError {
  return unsupported(`${arn} is not a multi-Region primary key.`);
}

export function notReplica(arn: string): KeyholdError {
  return unsupported(`${arn} is not a multi-Region replica key.`);
}

export function replicaExists(arn: string): KeyholdError {
  return new KeyholdError('AlreadyExistsException', `Key '${arn}' already exists`);
}

export function tooManyReplicas(arn: string): KeyholdError {
  return new KeyholdError('LimitExceededException', `${arn} has the ${MOST_REPLICAS_PER_KEY} replicas it can have.`);
}

export function noMaterialPending(arn: string): KeyholdError {
  return new KeyholdError(
    'KMSInvalidStateException',
    `No available key material pending rotation for the key: ${arn}.`,
  );
}

export function onDemandRotationsSpent(arn: string): KeyholdError {
  return new KeyholdError(
    'LimitExceededException',
    `The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed for this key: ${arn}`,
  );
}

export function rotationIsNear(arn: string): KeyholdError {
  return new KeyholdError('ConflictException', `${arn} is about to be rotated automatically.`);
}
