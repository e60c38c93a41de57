import type { VerifyMacRequest, VerifyMacResponse } from '@aws-sdk/client-kms';
import { KeyholdError } from '../../runtime/errors.ts';
import { dryRun, grantTokens, keyId, mac, macAlgorithm, message } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { currentHandle } from './key-handle.ts';
import { macTarget, requireMacAlgorithm } from './mac.ts';
import type { KmsOperation } from './ports.ts';
import type { KeyResource } from './targets.ts';

export const verifyMac: KmsOperation<VerifyMacRequest, VerifyMacResponse, { key: KeyResource }> = {
  name: 'VerifyMac',
  input: structure<VerifyMacRequest>({
    Message: required(message),
    KeyId: required(keyId),
    MacAlgorithm: required(macAlgorithm),
    Mac: required(mac),
    GrantTokens: grantTokens,
    DryRun: dryRun,
  }),
  targets: { key: macTarget('VerifyMac') },
  effect: 'read',
  audit: { readOnly: true, request: ['KeyId', 'MacAlgorithm', 'DryRun'] },
  async handle({ input, targets, ports }) {
    const { key } = targets.key;
    const { Mac, MacAlgorithm, Message } = input;
    requireMacAlgorithm(key, MacAlgorithm);
    const valid = ports.custody.verifyMac(await currentHandle(ports, key), MacAlgorithm, Message, Mac);
    if (!valid) throw new KeyholdError('KMSInvalidMacException');
    return { KeyId: key.arn, MacValid: true, MacAlgorithm };
  },
};
