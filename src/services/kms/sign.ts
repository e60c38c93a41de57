import type { SignRequest, SignResponse } from '@aws-sdk/client-kms';
import { dryRun, grantTokens, keyId, message, messageType, signingAlgorithm } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { currentHandle } from './key-handle.ts';
import type { KmsOperation } from './ports.ts';
import { checkSigning, messageTypeOf, signingTarget } from './signing.ts';
import type { KeyResource } from './targets.ts';

export const sign: KmsOperation<SignRequest, SignResponse, { key: KeyResource }> = {
  name: 'Sign',
  input: structure<SignRequest>({
    KeyId: required(keyId),
    Message: required(message),
    MessageType: messageType,
    GrantTokens: grantTokens,
    SigningAlgorithm: required(signingAlgorithm),
    DryRun: dryRun,
  }),
  targets: { key: signingTarget('Sign') },
  effect: 'read',
  audit: { readOnly: true, request: ['KeyId', 'MessageType', 'SigningAlgorithm', 'DryRun'] },
  async handle({ input, targets, ports }) {
    const { key } = targets.key;
    checkSigning(key, input);
    const { Message, SigningAlgorithm } = input;
    const handle = await currentHandle(ports, key);
    const signature = await ports.custody.sign(handle, SigningAlgorithm, Message, messageTypeOf(input));
    return { KeyId: key.arn, Signature: signature, SigningAlgorithm };
  },
};
