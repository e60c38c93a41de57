import type { GetContextKeysForPolicyResponse, GetContextKeysForPrincipalPolicyRequest } from '@aws-sdk/client-iam';
import { arn } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import type { IamOperation } from '../ports.ts';
import { contextKeyNames } from './context-key-names.ts';
import { policySourceTarget, type SimulatedIdentity } from './identity-target.ts';
import { policyInputs } from './shapes.ts';
import { inputPolicies, policiesOfIdentity, refuseLongerPolicies } from './sources.ts';

export const getContextKeysForPrincipalPolicy: IamOperation<
  GetContextKeysForPrincipalPolicyRequest,
  GetContextKeysForPolicyResponse,
  { identity: SimulatedIdentity }
> = {
  name: 'GetContextKeysForPrincipalPolicy',
  input: structure<GetContextKeysForPrincipalPolicyRequest>({
    PolicySourceArn: required(arn),
    PolicyInputList: policyInputs,
  }),
  targets: { identity: policySourceTarget('iam:GetContextKeysForPrincipalPolicy') },
  effect: 'read',
  audit: { readOnly: true, request: ['PolicySourceArn'] },
  async handle({ input, targets: { identity }, ports }) {
    refuseLongerPolicies(input.PolicyInputList ?? []);
    // "Only context keys referenced by the identity-based policies" (API reference): not those of the boundary.
    const { identity: policies } = await policiesOfIdentity(identity, ports.store);
    const more = inputPolicies(input.PolicyInputList, 'PolicyInputList');
    return { ContextKeyNames: contextKeyNames([...policies, ...more]) };
  },
};
