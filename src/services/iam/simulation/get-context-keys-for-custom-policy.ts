import type { GetContextKeysForCustomPolicyRequest, GetContextKeysForPolicyResponse } from '@aws-sdk/client-iam';
import { required, structure } from '../../../wire/shapes.ts';
import { accountTarget } from '../entity.ts';
import type { IamOperation } from '../ports.ts';
import { contextKeyNames } from './context-key-names.ts';
import { policyInputs } from './shapes.ts';
import { inputPolicies, refuseLongerPolicies } from './sources.ts';

export const getContextKeysForCustomPolicy: IamOperation<
  GetContextKeysForCustomPolicyRequest,
  GetContextKeysForPolicyResponse,
  { account: undefined }
> = {
  name: 'GetContextKeysForCustomPolicy',
  input: structure<GetContextKeysForCustomPolicyRequest>({ PolicyInputList: required(policyInputs) }),
  targets: { account: accountTarget('iam:GetContextKeysForCustomPolicy') },
  effect: 'read',
  audit: { readOnly: true, request: [] },
  handle: ({ input }) => {
    refuseLongerPolicies(input.PolicyInputList);
    return { ContextKeyNames: contextKeyNames(inputPolicies(input.PolicyInputList, 'PolicyInputList')) };
  },
};
