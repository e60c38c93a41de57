import type { DeletePolicyVersionRequest } from '@aws-sdk/client-iam';
import { KeyholdError } from '../../../runtime/errors.ts';
import { arn } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import type { IamOperation } from '../ports.ts';
import { type PolicyEntity, policyTarget } from './policy-target.ts';
import { changePolicy, existingVersion, policyVersionId } from './policy-versions.ts';

export const deletePolicyVersion: IamOperation<DeletePolicyVersionRequest, undefined, { policy: PolicyEntity }> = {
  name: 'DeletePolicyVersion',
  input: structure<DeletePolicyVersionRequest>({ PolicyArn: required(arn), VersionId: required(policyVersionId) }),
  targets: { policy: policyTarget('iam:DeletePolicyVersion') },
  effect: 'change',
  audit: { readOnly: false, request: ['PolicyArn', 'VersionId'] },
  async handle({ input, targets: { policy }, transaction }) {
    const version = existingVersion(policy, input.VersionId);
    if (version.versionId === policy.record.defaultVersionId) {
      throw new KeyholdError('DeleteConflictException', 'Cannot delete the default version of a policy.');
    }
    const versions = policy.record.versions.filter((each) => each !== version);
    await changePolicy(policy, { versions }, transaction);
    return undefined;
  },
};
