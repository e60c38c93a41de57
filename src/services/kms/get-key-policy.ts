import type { GetKeyPolicyRequest, GetKeyPolicyResponse } from '@aws-sdk/client-kms';
import { keyName, policiesTable } from '../../keys/tables.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import { keyId, policyName } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { documentToShow } from '../iam/principals.ts';
import { ONLY_POLICY_NAME } from './key-policy.ts';
import type { KmsOperation } from './ports.ts';
import { type KeyResource, keyTarget } from './targets.ts';

export const getKeyPolicy: KmsOperation<GetKeyPolicyRequest, GetKeyPolicyResponse, { key: KeyResource }> = {
  name: 'GetKeyPolicy',
  input: structure<GetKeyPolicyRequest>({ KeyId: required(keyId), PolicyName: policyName }),
  targets: {
    key: keyTarget({
      operation: 'GetKeyPolicy',
      reference: (input) => input.KeyId,
      accepts: 'key',
      crossAccount: false,
    }),
  },
  effect: 'read',
  audit: { readOnly: true, request: ['KeyId', 'PolicyName'] },
  async handle({ input, targets, ports }) {
    if (input.PolicyName !== undefined && input.PolicyName !== ONLY_POLICY_NAME) {
      throw new KeyholdError('NotFoundException', 'No such policy exists');
    }
    const row = await ports.store.get(policiesTable, keyName(targets.key.key.record));
    if (row === undefined) throw new KeyholdError('TamperedRecord', `${targets.key.key.arn} has no policy row`);
    const { policy, principalIds = {} } = row.value;
    return {
      Policy: await documentToShow(policy, principalIds, ports.store),
      PolicyName: ONLY_POLICY_NAME,
    };
  },
};
