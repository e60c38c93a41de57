import type { CreateRoleRequest, CreateRoleResponse, Role } from '@aws-sdk/client-iam';
import {
  arn,
  maxSessionDuration,
  path,
  policyDocument,
  roleDescription,
  roleName,
  tags,
} from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import { type Entity, newEntityTarget } from '../entity.ts';
import { newUniqueId } from '../identifiers.ts';
import { roles } from '../kinds.ts';
import { boundaryOfRequestConditions, recordNewBoundary } from '../permissions-boundaries.ts';
import type { IamOperation } from '../ports.ts';
import { refuseBeyondAccountQuota } from '../quotas.ts';
import { identityName, type RoleRecord, rolesTable } from '../records.ts';
import { newTags, requestTagConditions, taggingTarget } from '../tags.ts';
import { newRole } from './shown-role.ts';
import { newTrustPolicy } from './trust-policy.ts';

export const MOST_ROLES = 1000;
/** "If you do not specify a value for this setting, the default value of one hour is applied" (API reference). */
export const USUAL_SESSION_DURATION_S = 3600;

interface Targets {
  readonly role: Entity<RoleRecord>;
  readonly tagging: Entity<RoleRecord>;
}

export const createRole: IamOperation<CreateRoleRequest, CreateRoleResponse, Targets> = {
  name: 'CreateRole',
  input: structure<CreateRoleRequest>({
    Path: path,
    RoleName: required(roleName),
    AssumeRolePolicyDocument: required(policyDocument),
    Description: roleDescription,
    MaxSessionDuration: maxSessionDuration,
    PermissionsBoundary: arn,
    Tags: tags,
  }),
  targets: {
    role: newEntityTarget(roles, {
      permission: 'iam:CreateRole',
      name: (input) => input.RoleName,
      path: (input) => input.Path,
      conditions: {
        ...boundaryOfRequestConditions(({ PermissionsBoundary }) => PermissionsBoundary),
        ...requestTagConditions(({ Tags }) => Tags),
      },
    }),
    tagging: taggingTarget(
      newEntityTarget(roles, {
        permission: 'iam:TagRole',
        name: (input) => input.RoleName,
        path: (input) => input.Path,
        conditions: requestTagConditions(({ Tags }) => Tags),
      }),
    ),
  },
  effect: 'change',
  audit: {
    readOnly: false,
    request: [
      'Path',
      'RoleName',
      'AssumeRolePolicyDocument',
      'Description',
      'MaxSessionDuration',
      'PermissionsBoundary',
      'Tags',
    ],
    // CloudTrail does not show how long the role's sessions may be.
    response: ({ Role: { MaxSessionDuration: _, ...shown } = {} as Role }) => ({ Role: shown }),
  },
  async handle({ input, scope, ports, transaction }) {
    const { accountId } = scope.caller.principal;
    await refuseBeyondAccountQuota(transaction, rolesTable, accountId, 'RolesPerAccount', MOST_ROLES);
    const { Description, MaxSessionDuration = USUAL_SESSION_DURATION_S, PermissionsBoundary: boundary } = input;
    const role: RoleRecord = {
      accountId,
      roleName: input.RoleName,
      roleId: newUniqueId('AROA', ports.random),
      path: input.Path ?? '/',
      createdAtMs: scope.nowMs,
      trustPolicy: await newTrustPolicy(input.AssumeRolePolicyDocument, transaction),
      ...(Description === undefined ? {} : { description: Description }),
      maxSessionDurationS: MaxSessionDuration,
      inlinePolicies: [],
      attachedPolicies: [],
      tags: newTags(input.Tags, 'ignored'),
      ...(boundary === undefined ? {} : { permissionsBoundary: boundary }),
    };
    if (boundary !== undefined) {
      const { roleName: name, roleId: id } = role;
      await recordNewBoundary(transaction, accountId, { policyArn: boundary, kind: 'Role', name, id });
    }
    await transaction.create(rolesTable, identityName(accountId, role.roleName), role);
    return { Role: await newRole(role, transaction) };
  },
};
