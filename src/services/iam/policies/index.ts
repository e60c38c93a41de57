import { arn } from '../../../wire/iam-shapes.ts';
import type { AnyOperation } from '../../perform.ts';
import { identityName, type ManagedPolicyRecord, managedPoliciesTable } from '../records.ts';
import { tagOperations } from '../tag-operations.ts';
import { createPolicy } from './create-policy.ts';
import { createPolicyVersion } from './create-policy-version.ts';
import { deletePolicy } from './delete-policy.ts';
import { deletePolicyVersion } from './delete-policy-version.ts';
import { getPolicy } from './get-policy.ts';
import { getPolicyVersion } from './get-policy-version.ts';
import { listEntitiesForPolicy } from './list-entities-for-policy.ts';
import { listPolicies } from './list-policies.ts';
import { listPolicyVersions } from './list-policy-versions.ts';
import { policyByArnTarget } from './policy-target.ts';
import { setDefaultPolicyVersion } from './set-default-policy-version.ts';

export const policyOperations: readonly AnyOperation[] = [
  createPolicy,
  createPolicyVersion,
  deletePolicy,
  deletePolicyVersion,
  getPolicy,
  getPolicyVersion,
  listEntitiesForPolicy,
  listPolicies,
  listPolicyVersions,
  setDefaultPolicyVersion,
  ...tagOperations<ManagedPolicyRecord>({
    title: 'Policy',
    member: 'PolicyArn',
    name: arn,
    keyCase: 'told',
    table: managedPoliciesTable,
    recordName: ({ accountId, policyName }) => identityName(accountId, policyName),
    target: policyByArnTarget,
  }),
];
