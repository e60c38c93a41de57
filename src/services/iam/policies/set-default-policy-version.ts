import type { SetDefaultPolicyVersionRequest } from '@aws-sdk/client-iam';
import { arn } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import type { IamOperation } from '../ports.ts';
import { type PolicyEntity, policyVersionTarget } from './policy-target.ts';
import { changePolicy, existingVersion, policyVersionId } from './policy-versions.ts';

export const setDefaultPolicyVersion: IamOperation<
  SetDefaultPolicyVersionRequest,
  undefined,
  { policy: PolicyEntity }
> = {
  name: 'SetDefaultPolicyVersion',
  input: structure<SetDefaultPolicyVersionRequest>({ PolicyArn: required(arn), VersionId: required(policyVersionId) }),
  targets: { policy: policyVersionTarget('iam:SetDefaultPolicyVersion') },
  effect: 'change',
  audit: { readOnly: false, request: ['PolicyArn', 'VersionId'] },
  async handle({ input, targets: { policy }, transaction }) {
    const { versionId } = existingVersion(policy, input.VersionId);
    await changePolicy(policy, { defaultVersionId: versionId }, transaction);
    return undefined;
  },
};
