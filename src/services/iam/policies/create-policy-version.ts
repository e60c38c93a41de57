import type { CreatePolicyVersionRequest, CreatePolicyVersionResponse } from '@aws-sdk/client-iam';
import { KeyholdError } from '../../../runtime/errors.ts';
import { arn, policyDocument } from '../../../wire/iam-shapes.ts';
import { boolean, required, structure } from '../../../wire/shapes.ts';
import type { IamOperation } from '../ports.ts';
import { type PolicyEntity, policyTarget } from './policy-target.ts';
import { changePolicy, checkManagedDocument } from './policy-versions.ts';
import { listedVersion } from './shown-policy.ts';

/** AWS's quota of a managed policy. */
export const MOST_VERSIONS = 5;

export const createPolicyVersion: IamOperation<
  CreatePolicyVersionRequest,
  CreatePolicyVersionResponse,
  { policy: PolicyEntity }
> = {
  name: 'CreatePolicyVersion',
  input: structure<CreatePolicyVersionRequest>({
    PolicyArn: required(arn),
    PolicyDocument: required(policyDocument),
    SetAsDefault: boolean(),
  }),
  targets: { policy: policyTarget('iam:CreatePolicyVersion') },
  effect: 'change',
  audit: {
    readOnly: false,
    request: ['PolicyArn', 'PolicyDocument', 'SetAsDefault'],
    response: ({ PolicyVersion }) => ({ PolicyVersion }),
  },
  async handle({ input, targets: { policy }, scope, transaction }) {
    const { record } = policy;
    checkManagedDocument(input.PolicyDocument);
    if (record.versions.length >= MOST_VERSIONS) {
      throw new KeyholdError(
        'LimitExceededException',
        `A managed policy can have up to ${MOST_VERSIONS} versions. Before you create a new version, you must delete an ` +
          'existing version.',
      );
    }
    const made = { versionId: `v${record.nextVersion}`, document: input.PolicyDocument, createdAtMs: scope.nowMs };
    const change = {
      versions: [...record.versions, made],
      nextVersion: record.nextVersion + 1,
      updatedAtMs: scope.nowMs,
      ...(input.SetAsDefault === true ? { defaultVersionId: made.versionId } : {}),
    };
    await changePolicy(policy, change, transaction);
    return { PolicyVersion: listedVersion({ ...record, ...change }, made) };
  },
};
