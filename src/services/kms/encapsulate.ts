import type { EncapsulateRequest, EncapsulateResponse } from '@aws-sdk/client-kms';
import { dryRun, encapsulationAlgorithm, grantTokens, keyId } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { encapsulationTarget } from './encapsulation.ts';
import { currentHandle } from './key-handle.ts';
import type { KmsOperation } from './ports.ts';
import type { KeyResource } from './targets.ts';

export const encapsulate: KmsOperation<EncapsulateRequest, EncapsulateResponse, { key: KeyResource }> = {
  name: 'Encapsulate',
  input: structure<EncapsulateRequest>({
    KeyId: required(keyId),
    EncapsulationAlgorithm: required(encapsulationAlgorithm),
    GrantTokens: grantTokens,
    DryRun: dryRun,
  }),
  targets: { key: encapsulationTarget('Encapsulate') },
  effect: 'read',
  audit: { readOnly: true, request: ['KeyId', 'EncapsulationAlgorithm', 'DryRun'] },
  async handle({ input, targets, ports }) {
    const { key } = targets.key;
    const { sharedSecret, ciphertext } = ports.custody.encapsulate(await currentHandle(ports, key));
    return {
      KeyId: key.arn,
      SharedSecret: sharedSecret,
      SharedSecretCiphertextBlob: ciphertext,
      EncapsulationAlgorithm: input.EncapsulationAlgorithm,
    };
  },
};
