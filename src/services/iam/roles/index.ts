import { roleName } from '../../../wire/iam-shapes.ts';
import type { AnyOperation } from '../../perform.ts';
import { roleBearers } from '../bearers.ts';
import { entityTarget } from '../entity.ts';
import { inlinePolicyOperations } from '../inline-policies.ts';
import { roles } from '../kinds.ts';
import { identityName, rolesTable } from '../records.ts';
import { tagOperations } from '../tag-operations.ts';
import { createRole } from './create-role.ts';
import { deleteRole } from './delete-role.ts';
import { getRole } from './get-role.ts';
import { listRoles } from './list-roles.ts';
import { updateAssumeRolePolicy } from './update-assume-role-policy.ts';
import { updateRole } from './update-role.ts';
import { updateRoleDescription } from './update-role-description.ts';

export const roleOperations: readonly AnyOperation[] = [
  createRole,
  getRole,
  listRoles,
  updateRole,
  updateRoleDescription,
  updateAssumeRolePolicy,
  deleteRole,
  ...inlinePolicyOperations(roleBearers),
  ...tagOperations({
    title: 'Role',
    member: 'RoleName',
    name: roleName,
    keyCase: 'ignored',
    table: rolesTable,
    recordName: (role) => identityName(role.accountId, role.roleName),
    target: (declaration) => entityTarget(roles, declaration),
  }),
];
