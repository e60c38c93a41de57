import { KeyholdError } from '../../../runtime/errors.ts';
import { type ConditionTable, conditionReader } from '../../condition-table.ts';
import type { ConditionRequest, Target } from '../../operation.ts';
import { type Entity, resourceTagConditions } from '../entity.ts';
import { managedPolicies } from '../kinds.ts';
import type { IamPorts } from '../ports.ts';
import type { ManagedPolicyRecord } from '../records.ts';
import { AWS, findManagedPolicy, parsePolicyArn } from './managed-policy.ts';

/** A managed policy as handlers get it. */
export type PolicyEntity = Entity<ManagedPolicyRecord>;

interface NamesPolicy {
  readonly PolicyArn: string;
}

export interface PolicyTargetDeclaration<Input> {
  /** `iam:GetPolicy` */
  readonly permission: string;
  /** The ARN that the request names it by. */
  readonly name: (input: Input) => string;
  readonly conditions?: ConditionTable<ConditionRequest<Input, unknown>>;
  /** What AWS says where there is none, where it does not say what it says elsewhere. */
  readonly missing?: (input: Input) => string;
}

/**
 * A managed policy that exists, of the caller's account or, for those who only look, of AWS's own. Nobody reaches a policy of
 * another account: it has no policy of its own that could let them.
 */
export function policyByArnTarget<Input>({
  permission,
  name,
  conditions = {},
  missing = (input) => `Policy ${name(input)} was not found.`,
}: PolicyTargetDeclaration<Input>): Target<Input, PolicyEntity, IamPorts> {
  const reader = conditionReader<ConditionRequest<Input, PolicyEntity>>(
    conditions as ConditionTable<ConditionRequest<Input, PolicyEntity>>,
    resourceTagConditions(managedPolicies),
  );
  const looksOnly = /^iam:(?:Get|List)/.test(permission);
  return {
    permission,
    resolve: async (input, ports, scope) => {
      const arn = name(input);
      const { accountId } = parsePolicyArn(arn);
      const isOwn = accountId === scope.caller.principal.accountId;
      const found = isOwn || accountId === AWS ? await findManagedPolicy(arn, ports.store) : undefined;
      return { ...found, arn } as PolicyEntity;
    },
    facts: ({ arn }, scope) => {
      const { accountId } = parsePolicyArn(arn);
      const deciding = accountId === AWS && looksOnly ? scope.caller.principal.accountId : accountId;
      return { arn, shownAs: `policy ${arn}`, accountId: deciding };
    },
    condition: reader.read,
    check: ({ record }: Partial<PolicyEntity>, input) => {
      if (record === undefined) throw new KeyholdError('NoSuchEntityException', missing(input));
    },
    summary: { namedBy: 'policy', crossAccount: false, states: [], conditionKeys: reader.names },
  };
}

/** The managed policy that `PolicyArn` names. */
export function policyTarget<Input extends NamesPolicy>(
  permission: string,
  missing?: PolicyTargetDeclaration<Input>['missing'],
): Target<Input, PolicyEntity, IamPorts> {
  const name = (input: Input) => input.PolicyArn;
  return policyByArnTarget({ permission, name, ...(missing === undefined ? {} : { missing }) });
}

/**
 * A version of the policy that `PolicyArn` names, for those operations to which it is one whether the policy or its version
 * is missing (LocalStack's test_iam_policies snapshot, recorded from AWS in February 2026).
 */
export function policyVersionTarget<Input extends NamesPolicy & { readonly VersionId: string }>(
  permission: string,
): Target<Input, PolicyEntity, IamPorts> {
  return policyTarget(permission, ({ PolicyArn, VersionId }) => noSuchVersion(PolicyArn, VersionId));
}

export function noSuchVersion(policyArn: string, versionId: string): string {
  return `Policy ${policyArn} version ${versionId} does not exist or is not attachable.`;
}
