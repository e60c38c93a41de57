import { keySpecs, type MessageType, type SigningAlgorithm } from '../../crypto/key-specs.ts';
import { digestBytes, messageTypesOf } from '../../crypto/signature.ts';
import type { Target } from '../operation.ts';
import { incompatibleAlgorithm, validationFailure } from './errors.ts';
import type { LoadedKey } from './key-source.ts';
import type { KmsPorts } from './ports.ts';
import { cryptographicKeyTarget, type KeyResource } from './targets.ts';

/** What Sign and Verify share. */

interface SigningInput {
  readonly KeyId: string;
  readonly Message: Uint8Array;
  readonly MessageType?: MessageType | undefined;
  readonly SigningAlgorithm: SigningAlgorithm;
}

export function signingTarget<Input extends SigningInput>(
  operation: 'Sign' | 'Verify',
): Target<Input, KeyResource, KmsPorts> {
  return cryptographicKeyTarget({
    operation,
    usage: 'SIGN_VERIFY',
    conditions: {
      'kms:SigningAlgorithm': ({ input }) => [input.SigningAlgorithm],
      'kms:MessageType': ({ input }) => [messageTypeOf(input)],
    },
  });
}

export function messageTypeOf({ MessageType }: SigningInput): MessageType {
  return MessageType ?? 'RAW';
}

/** Algorithm, then the type of message, then the length of a digest: a digest is signed as it is, and never hashed again. */
export function checkSigning({ record: { keySpec } }: LoadedKey, input: SigningInput): void {
  const { Message, SigningAlgorithm: algorithm } = input;
  const messageType = messageTypeOf(input);
  const algorithms = keySpecs[keySpec].signingAlgorithms;
  if (algorithms?.includes(algorithm) !== true) throw incompatibleAlgorithm(algorithm, keySpec);
  if (!messageTypesOf(algorithm).includes(messageType)) {
    // AWS names the spec where every algorithm of it would refuse, and the algorithm where another would do.
    const refusing = algorithms.length === 1 ? `key spec ${keySpec}` : `algorithm ${algorithm}`;
    throw validationFailure(`Message type ${messageType} is incompatible with ${refusing}.`);
  }
  if (messageType !== 'RAW' && Message.length !== digestBytes(algorithm)) {
    throw validationFailure(`Digest is invalid length for algorithm ${algorithm}.`);
  }
}
