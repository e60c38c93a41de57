import type { DescribeKeyRequest, DescribeKeyResponse } from '@aws-sdk/client-kms';
import { grantTokens, keyId } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { keyMetadata } from './key-metadata.ts';
import type { KmsOperation } from './ports.ts';
import { type KeyResource, keyTarget } from './targets.ts';

export const describeKey: KmsOperation<DescribeKeyRequest, DescribeKeyResponse, { key: KeyResource }> = {
  name: 'DescribeKey',
  input: structure<DescribeKeyRequest>({ KeyId: required(keyId), GrantTokens: grantTokens }),
  targets: {
    key: keyTarget({
      operation: 'DescribeKey',
      reference: (input) => input.KeyId,
      accepts: 'key or alias',
      crossAccount: true,
    }),
  },
  effect: 'read',
  audit: { readOnly: true, request: ['KeyId'] },
  handle: ({ targets, scope }) => ({ KeyMetadata: keyMetadata(targets.key.key.record, scope.nowMs) }),
};
