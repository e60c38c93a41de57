import type { GetPolicyVersionRequest, GetPolicyVersionResponse } from '@aws-sdk/client-iam';
import { arn } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import { urlEncodedPolicy } from '../policy-document.ts';
import type { IamOperation } from '../ports.ts';
import { type PolicyEntity, policyVersionTarget } from './policy-target.ts';
import { existingVersion, policyVersionId } from './policy-versions.ts';
import { listedVersion } from './shown-policy.ts';

export const getPolicyVersion: IamOperation<
  GetPolicyVersionRequest,
  GetPolicyVersionResponse,
  { policy: PolicyEntity }
> = {
  name: 'GetPolicyVersion',
  input: structure<GetPolicyVersionRequest>({ PolicyArn: required(arn), VersionId: required(policyVersionId) }),
  targets: { policy: policyVersionTarget('iam:GetPolicyVersion') },
  effect: 'read',
  audit: { readOnly: true, request: ['PolicyArn', 'VersionId'] },
  handle({ input, targets: { policy } }) {
    const version = existingVersion(policy, input.VersionId);
    return {
      PolicyVersion: { Document: urlEncodedPolicy(version.document), ...listedVersion(policy.record, version) },
    };
  },
};
