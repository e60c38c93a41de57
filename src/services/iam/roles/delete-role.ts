import type { DeleteRoleRequest } from '@aws-sdk/client-iam';
import { roleName } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import { refuseDeletionWithPolicies } from '../delete-conflicts.ts';
import type { Entity } from '../entity.ts';
import { forgetUsage } from '../identity-usages.ts';
import { forgetBoundary } from '../permissions-boundaries.ts';
import type { IamOperation } from '../ports.ts';
import { identityName, type RoleRecord, rolesTable, roleUsagesTable } from '../records.ts';
import { roleTarget } from './role-target.ts';
import { roleUsageName } from './usages.ts';

export const deleteRole: IamOperation<DeleteRoleRequest, undefined, { role: Entity<RoleRecord> }> = {
  name: 'DeleteRole',
  input: structure<DeleteRoleRequest>({ RoleName: required(roleName) }),
  targets: { role: roleTarget('iam:DeleteRole') },
  effect: 'change',
  audit: { readOnly: false, request: ['RoleName'] },
  async handle({ targets, transaction }) {
    const { record: role, version } = targets.role;
    refuseDeletionWithPolicies(role);
    await forgetBoundary(transaction, { ...role, kind: 'Role', name: role.roleName });
    await forgetUsage(transaction, roleUsagesTable, roleUsageName(role));
    await transaction.remove(rolesTable, identityName(role.accountId, role.roleName), version);
    return undefined;
  },
};
