import type { DescribeKeyRequest, DescribeKeyResponse } from '@aws-sdk/client-kms';
import { grantTokens, keyId } from '../../wire/kms-shapes.ts';
import { type Input, required, structure } from '../../wire/shapes.ts';
import { keyMetadata } from './key-metadata.ts';
import type { KmsOperation } from './ports.ts';
import { foreseenKey, isForeseen } from './service-keys.ts';
import { type KeyResource, keyTarget } from './targets.ts';

const key = keyTarget<Input<DescribeKeyRequest>>({
  operation: 'DescribeKey',
  reference: (input) => input.KeyId,
  accepts: 'key or alias',
  crossAccount: true,
});

export const describeKey: KmsOperation<DescribeKeyRequest, DescribeKeyResponse, { key: KeyResource }> = {
  name: 'DescribeKey',
  input: structure<DescribeKeyRequest>({ KeyId: required(keyId), GrantTokens: grantTokens }),
  targets: {
    key: {
      ...key,
      // It alone makes the AWS managed key of a predefined alias that names none yet ("DescribeKey", API reference). Until
      // the caller is authorized there is only the key that would be made.
      resolve: async (input, ports, scope) =>
        (await foreseenKey(input.KeyId, ports, scope)) ?? key.resolve(input, ports, scope),
    },
  },
  effect: 'read',
  audit: { readOnly: true, request: ['KeyId'] },
  async handle({ targets, scope, ports }) {
    const { key, identity, requestAlias } = targets.key;
    const isToBeMade = requestAlias !== undefined && isForeseen(key);
    const record = isToBeMade ? await ports.serviceKeys.managed(requestAlias, identity, scope.nowMs) : key.record;
    return { KeyMetadata: keyMetadata(record, scope.nowMs) };
  },
};
