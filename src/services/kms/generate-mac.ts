import type { GenerateMacRequest, GenerateMacResponse } from '@aws-sdk/client-kms';
import { dryRun, grantTokens, keyId, macAlgorithm, message } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { currentHandle } from './key-handle.ts';
import { macTarget, requireMacAlgorithm } from './mac.ts';
import type { KmsOperation } from './ports.ts';
import type { KeyResource } from './targets.ts';

export const generateMac: KmsOperation<GenerateMacRequest, GenerateMacResponse, { key: KeyResource }> = {
  name: 'GenerateMac',
  input: structure<GenerateMacRequest>({
    Message: required(message),
    KeyId: required(keyId),
    MacAlgorithm: required(macAlgorithm),
    GrantTokens: grantTokens,
    DryRun: dryRun,
  }),
  targets: { key: macTarget('GenerateMac') },
  effect: 'read',
  audit: { readOnly: true, request: ['KeyId', 'MacAlgorithm', 'DryRun'] },
  async handle({ input, targets, ports }) {
    const { key } = targets.key;
    const { MacAlgorithm, Message } = input;
    requireMacAlgorithm(key, MacAlgorithm);
    const mac = ports.custody.generateMac(await currentHandle(ports, key), MacAlgorithm, Message);
    return { Mac: mac, MacAlgorithm, KeyId: key.arn };
  },
};
