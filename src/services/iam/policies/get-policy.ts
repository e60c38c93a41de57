import type { GetPolicyRequest, GetPolicyResponse } from '@aws-sdk/client-iam';
import { arn } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import type { IamOperation } from '../ports.ts';
import { type PolicyEntity, policyTarget } from './policy-target.ts';
import { shownPolicy, usageOfPolicy } from './shown-policy.ts';

export const getPolicy: IamOperation<GetPolicyRequest, GetPolicyResponse, { policy: PolicyEntity }> = {
  name: 'GetPolicy',
  input: structure<GetPolicyRequest>({ PolicyArn: required(arn) }),
  targets: { policy: policyTarget('iam:GetPolicy') },
  effect: 'read',
  audit: { readOnly: true, request: ['PolicyArn'] },
  async handle({ targets: { policy }, scope, ports }) {
    const usage = await usageOfPolicy(scope.caller.principal.accountId, policy.arn, ports.store);
    return { Policy: shownPolicy(policy.record, usage) };
  },
};
