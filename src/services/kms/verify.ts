import type { VerifyRequest, VerifyResponse } from '@aws-sdk/client-kms';
import { KeyholdError } from '../../runtime/errors.ts';
import {
  dryRun,
  grantTokens,
  keyId,
  message,
  messageType,
  signature,
  signingAlgorithm,
} from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { currentHandle } from './key-handle.ts';
import type { KmsOperation } from './ports.ts';
import { checkSigning, messageTypeOf, signingTarget } from './signing.ts';
import type { KeyResource } from './targets.ts';

export const verify: KmsOperation<VerifyRequest, VerifyResponse, { key: KeyResource }> = {
  name: 'Verify',
  input: structure<VerifyRequest>({
    KeyId: required(keyId),
    Message: required(message),
    MessageType: messageType,
    Signature: required(signature),
    SigningAlgorithm: required(signingAlgorithm),
    GrantTokens: grantTokens,
    DryRun: dryRun,
  }),
  targets: { key: signingTarget('Verify') },
  effect: 'read',
  audit: { readOnly: true, request: ['KeyId', 'MessageType', 'SigningAlgorithm', 'DryRun'] },
  async handle({ input, targets, ports }) {
    const { key } = targets.key;
    checkSigning(key, input);
    const { Message, Signature, SigningAlgorithm } = input;
    const handle = await currentHandle(ports, key);
    const valid = await ports.custody.verify(handle, SigningAlgorithm, Message, messageTypeOf(input), Signature);
    if (!valid) throw new KeyholdError('KMSInvalidSignatureException');
    return { KeyId: key.arn, SignatureValid: true, SigningAlgorithm };
  },
};
