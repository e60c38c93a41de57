import type { CustomerMasterKeySpec, GetPublicKeyRequest, GetPublicKeyResponse } from '@aws-sdk/client-kms';
import { algorithmsOf, isAsymmetric } from '../../crypto/key-specs.ts';
import { grantTokens, keyId } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { unsupportedBySpec } from './errors.ts';
import { currentHandle } from './key-handle.ts';
import type { KmsOperation } from './ports.ts';
import { type KeyResource, keyTarget } from './targets.ts';

export const getPublicKey: KmsOperation<GetPublicKeyRequest, GetPublicKeyResponse, { key: KeyResource }> = {
  name: 'GetPublicKey',
  input: structure<GetPublicKeyRequest>({ KeyId: required(keyId), GrantTokens: grantTokens }),
  targets: {
    // AWS looks at the state first here, and only then whether there is a public key at all.
    key: keyTarget({
      operation: 'GetPublicKey',
      reference: (input) => input.KeyId,
      accepts: 'key or alias',
      crossAccount: true,
    }),
  },
  effect: 'read',
  audit: { readOnly: true, request: ['KeyId'] },
  async handle({ targets, ports }) {
    const { key } = targets.key;
    const { keySpec, keyUsage } = key.record;
    if (!isAsymmetric(keySpec)) throw unsupportedBySpec();
    return {
      KeyId: key.arn,
      PublicKey: ports.custody.publicKey(await currentHandle(ports, key)),
      CustomerMasterKeySpec: keySpec as CustomerMasterKeySpec,
      KeySpec: keySpec,
      KeyUsage: keyUsage,
      ...algorithmsOf(keySpec, keyUsage),
    };
  },
};
