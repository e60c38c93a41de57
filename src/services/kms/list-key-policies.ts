import type { ListKeyPoliciesRequest, ListKeyPoliciesResponse } from '@aws-sdk/client-kms';
import { keyId, limit, marker } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { pageOfList } from '../pagination.ts';
import { ONLY_POLICY_NAME } from './key-policy.ts';
import type { KmsOperation } from './ports.ts';
import { type KeyResource, keyTarget } from './targets.ts';

export const listKeyPolicies: KmsOperation<ListKeyPoliciesRequest, ListKeyPoliciesResponse, { key: KeyResource }> = {
  name: 'ListKeyPolicies',
  input: structure<ListKeyPoliciesRequest>({ KeyId: required(keyId), Limit: limit, Marker: marker }),
  targets: {
    key: keyTarget({
      operation: 'ListKeyPolicies',
      reference: (input) => input.KeyId,
      accepts: 'key',
      crossAccount: false,
    }),
  },
  effect: 'read',
  audit: { readOnly: true, request: ['KeyId', 'Limit', 'Marker'] },
  handle({ input }) {
    const { items, ...rest } = pageOfList([ONLY_POLICY_NAME], 'ListKeyPolicies', input, 100, (name) => name);
    return { PolicyNames: items, ...rest };
  },
};
