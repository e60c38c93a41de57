import type { CreatePolicyRequest, CreatePolicyResponse } from '@aws-sdk/client-iam';
import { KeyholdError } from '../../../runtime/errors.ts';
import { policyDescription, policyDocument, policyName, policyPath, tags } from '../../../wire/iam-shapes.ts';
import { type Input, required, structure } from '../../../wire/shapes.ts';
import type { Target } from '../../operation.ts';
import { newEntityTarget } from '../entity.ts';
import { newUniqueId } from '../identifiers.ts';
import { managedPolicies } from '../kinds.ts';
import type { IamOperation, IamPorts } from '../ports.ts';
import { refuseBeyondAccountQuota } from '../quotas.ts';
import { identityName, type ManagedPolicyRecord, managedPoliciesTable } from '../records.ts';
import { newTags, requestTagConditions, shownTags, taggingTarget } from '../tags.ts';
import type { PolicyEntity } from './policy-target.ts';
import { checkManagedDocument } from './policy-versions.ts';
import { listedPolicy } from './shown-policy.ts';

/** AWS's quota of an account. */
export const MOST_POLICIES = 1500;

interface Targets {
  readonly policy: PolicyEntity;
  readonly tagging: PolicyEntity;
}

export const createPolicy: IamOperation<CreatePolicyRequest, CreatePolicyResponse, Targets> = {
  name: 'CreatePolicy',
  input: structure<CreatePolicyRequest>({
    PolicyName: required(policyName),
    Path: policyPath,
    PolicyDocument: required(policyDocument),
    Description: policyDescription,
    Tags: tags,
  }),
  targets: {
    policy: newPolicyTarget('iam:CreatePolicy'),
    tagging: taggingTarget(newPolicyTarget('iam:TagPolicy')),
  },
  effect: 'change',
  audit: {
    readOnly: false,
    request: ['PolicyName', 'Path', 'PolicyDocument', 'Description', 'Tags'],
    response: ({ Policy }) => ({ Policy }),
  },
  async handle({ input, scope, ports, transaction }) {
    const { accountId } = scope.caller.principal;
    checkManagedDocument(input.PolicyDocument);
    await refuseBeyondAccountQuota(transaction, managedPoliciesTable, accountId, 'PoliciesPerAccount', MOST_POLICIES);
    const policy: ManagedPolicyRecord = {
      accountId,
      policyName: input.PolicyName,
      policyId: newUniqueId('ANPA', ports.random),
      path: input.Path ?? '/',
      ...(input.Description === undefined ? {} : { description: input.Description }),
      createdAtMs: scope.nowMs,
      updatedAtMs: scope.nowMs,
      tags: newTags(input.Tags, 'told'),
      defaultVersionId: 'v1',
      nextVersion: 2,
      versions: [{ versionId: 'v1', document: input.PolicyDocument, createdAtMs: scope.nowMs }],
    };
    await transaction.create(managedPoliciesTable, identityName(accountId, policy.policyName), policy);
    const shown = listedPolicy(policy, { attachments: 0, boundaries: 0 });
    return { Policy: policy.tags.length === 0 ? shown : { ...shown, Tags: shownTags(policy.tags) } };
  },
};

function newPolicyTarget(permission: string): Target<Input<CreatePolicyRequest>, PolicyEntity, IamPorts> {
  return {
    ...newEntityTarget(managedPolicies, {
      permission,
      name: (input: Input<CreatePolicyRequest>) => input.PolicyName,
      path: (input) => input.Path,
      conditions: requestTagConditions(({ Tags }) => Tags),
    }),
    facts: ({ arn }, scope) => ({
      arn,
      accountId: scope.caller.principal.accountId,
      shownAs: `policy ${arn.slice(arn.lastIndexOf('/') + 1)}`,
    }),
    check: ({ record }: Partial<PolicyEntity>, { PolicyName }) => {
      if (record === undefined) return;
      throw new KeyholdError(
        'EntityAlreadyExistsException',
        `A policy called ${PolicyName} already exists. Duplicate names are not allowed.`,
      );
    },
  };
}
