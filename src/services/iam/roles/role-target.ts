import type { Transaction } from '../../../store/sealed-store.ts';
import type { ConditionTable } from '../../condition-table.ts';
import type { ConditionRequest, Target } from '../../operation.ts';
import { type Entity, entityTarget } from '../entity.ts';
import { roles } from '../kinds.ts';
import type { IamPorts } from '../ports.ts';
import { identityName, type RoleRecord, rolesTable } from '../records.ts';

/** The role that the request names. */
export function roleTarget<Input extends { readonly RoleName: string }>(
  permission: string,
  conditions: ConditionTable<ConditionRequest<Input, unknown>> = {},
): Target<Input, Entity<RoleRecord>, IamPorts> {
  return entityTarget(roles, { permission, name: (input: Input) => input.RoleName, conditions });
}

/** Replaces what changes of a role, and gives the role as it then is. */
export async function changeRole(
  transaction: Transaction,
  { record, version }: Entity<RoleRecord>,
  change: Partial<RoleRecord>,
): Promise<RoleRecord> {
  const role = { ...record, ...change };
  await transaction.replace(rolesTable, identityName(role.accountId, role.roleName), role, version);
  return role;
}
