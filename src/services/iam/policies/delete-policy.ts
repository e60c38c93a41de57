import type { DeletePolicyRequest } from '@aws-sdk/client-iam';
import { KeyholdError } from '../../../runtime/errors.ts';
import { arn } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import type { IamOperation } from '../ports.ts';
import { identityName, managedPoliciesTable } from '../records.ts';
import { type PolicyEntity, policyTarget } from './policy-target.ts';
import { usageOfPolicy } from './shown-policy.ts';

export const deletePolicy: IamOperation<DeletePolicyRequest, undefined, { policy: PolicyEntity }> = {
  name: 'DeletePolicy',
  input: structure<DeletePolicyRequest>({ PolicyArn: required(arn) }),
  targets: { policy: policyTarget('iam:DeletePolicy') },
  effect: 'change',
  audit: { readOnly: false, request: ['PolicyArn'] },
  async handle({ targets: { policy }, transaction }) {
    const { accountId, policyName, versions } = policy.record;
    const { attachments, boundaries } = await usageOfPolicy(accountId, policy.arn, transaction);
    if (attachments + boundaries > 0) {
      throw new KeyholdError('DeleteConflictException', 'Cannot delete a policy attached to entities.');
    }
    if (versions.length > 1) {
      throw new KeyholdError(
        'DeleteConflictException',
        "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. " +
          'The default version is deleted with the policy.',
      );
    }
    await transaction.remove(managedPoliciesTable, identityName(accountId, policyName), policy.version);
    return undefined;
  },
};
