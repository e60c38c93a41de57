import type { DecapsulateRequest, DecapsulateResponse } from '@aws-sdk/client-kms';
import { ciphertextBlob, dryRun, encapsulationAlgorithm, grantTokens, keyId } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { encapsulationTarget } from './encapsulation.ts';
import { invalidCiphertext } from './errors.ts';
import { currentHandle } from './key-handle.ts';
import type { KmsOperation } from './ports.ts';
import type { KeyResource } from './targets.ts';

export const decapsulate: KmsOperation<DecapsulateRequest, DecapsulateResponse, { key: KeyResource }> = {
  name: 'Decapsulate',
  input: structure<DecapsulateRequest>({
    KeyId: required(keyId),
    SharedSecretCiphertextBlob: required(ciphertextBlob),
    EncapsulationAlgorithm: required(encapsulationAlgorithm),
    GrantTokens: grantTokens,
    DryRun: dryRun,
  }),
  targets: { key: encapsulationTarget('Decapsulate') },
  effect: 'read',
  audit: { readOnly: true, request: ['KeyId', 'EncapsulationAlgorithm', 'DryRun'] },
  async handle({ input, targets, ports }) {
    const { key } = targets.key;
    const handle = await currentHandle(ports, key);
    const sharedSecret = ports.custody.decapsulate(handle, input.SharedSecretCiphertextBlob);
    if (sharedSecret === undefined) throw invalidCiphertext();
    return { KeyId: key.arn, SharedSecret: sharedSecret, EncapsulationAlgorithm: input.EncapsulationAlgorithm };
  },
};
