import { KeyholdError } from '../../runtime/errors.ts';
import type { Scope } from '../caller.ts';
import { roleArn } from '../iam/arns.ts';
import { identityName, type RoleRecord, rolesTable } from '../iam/records.ts';
import type { Target } from '../operation.ts';
import type { StsPorts } from './ports.ts';
import type { RoleAssumption } from './sessions/session.ts';
import { compileTrustPolicy, furtherPermissions, type TrustQuestion, trustConditions } from './sessions/trust.ts';

/** The role that a request wants a session of, and the request as the role's trust policy sees it. */
export interface AssumedRole extends TrustQuestion {
  readonly role: RoleRecord;
  readonly arn: string;
}

interface NamesRole {
  readonly RoleArn: string;
}

export interface AssumedRoleDeclaration<Input> {
  readonly permission: RoleAssumption['action'];
  /** What is asked for. Throws what AWS says of a request that cannot be meant, or of a caller that nobody could trust. */
  readonly assumption: (input: Input, scope: Scope) => RoleAssumption;
  /** What is said to whoever may not, whatever the reason and whether or not there is such a role. */
  readonly denial: (permission: string, roleArn: string, scope: Scope) => string;
}

/**
 * The role whose trust policy, as the policy of a resource, must let the caller assume it; and, where the request passes or
 * inherits tags or a source identity, let it do that, too.
 *
 * INVARIANT: nobody learns from a refusal whether there is such a role.
 */
export function assumedRoleTargets<Input extends NamesRole>(declaration: AssumedRoleDeclaration<Input>) {
  const { assumption } = declaration;
  const further = (permission: keyof typeof furtherPermissions) => ({
    ...assumedRoleTarget(declaration, permission),
    applies: (input: Input, scope: Scope) => furtherPermissions[permission](assumption(input, scope)),
  });
  return {
    role: assumedRoleTarget(declaration),
    tags: further('sts:TagSession'),
    sourceIdentity: further('sts:SetSourceIdentity'),
  };
}

export interface AssumedRoleTargets {
  readonly role: AssumedRole;
  readonly tags: AssumedRole;
  readonly sourceIdentity: AssumedRole;
}

interface FoundRole extends TrustQuestion {
  readonly arn: string;
  readonly accountId: string;
}

function assumedRoleTarget<Input extends NamesRole>(
  { permission: action, assumption, denial }: AssumedRoleDeclaration<Input>,
  permission: string = action,
): Target<Input, AssumedRole, StsPorts> {
  const target: Target<Input, FoundRole, StsPorts> = {
    permission,
    resolve: async (input, { store }, scope) => {
      const question = { assumption: assumption(input, scope) };
      const { accountId, name, arn } = parseRoleArn(input.RoleArn);
      const role = (await store.get(rolesTable, identityName(accountId, name)))?.value;
      const found = role !== undefined && roleArn(role) === arn ? { role } : {};
      return { ...question, ...found, arn, accountId };
    },
    facts: ({ arn, accountId, role }) => ({
      arn,
      accountId,
      ...(role === undefined ? { unreachable: true } : { resourcePolicy: compileTrustPolicy(role) }),
      // Once, though it may be asked for three permissions.
      ...(role === undefined || permission !== action
        ? {}
        : { audit: { accountId, type: 'AWS::IAM::Role', ARN: arn } }),
    }),
    condition: (key, { resolved }) => trustConditions.read(key, resolved),
    denial: ({ arn }, scope) => denial(permission, arn, scope),
    summary: { namedBy: 'RoleArn', crossAccount: true, states: [], conditionKeys: trustConditions.names },
  };
  // What is not found is unreachable: whoever gets past authorization has a role.
  return target as unknown as Target<Input, AssumedRole, StsPorts>;
}

/** Roles are the same in every partition. No character but the slashes between steps of a path is one. */
const ROLE_ARN = /^arn:aws(?:-cn|-us-gov)?:iam::(\d{12}):role\/([!-~]+)$/;

/** @throws KeyholdError ValidationException */
export function parseRoleArn(written: string): { accountId: string; name: string; arn: string } {
  const [, accountId, pathAndName] = ROLE_ARN.exec(written) ?? [];
  if (accountId === undefined || pathAndName === undefined) {
    throw new KeyholdError('ValidationException', `${written} is invalid`);
  }
  const name = pathAndName.slice(pathAndName.lastIndexOf('/') + 1);
  return { accountId, name, arn: `arn:aws:iam::${accountId}:role/${pathAndName}` };
}
