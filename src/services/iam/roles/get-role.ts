import type { GetRoleRequest, GetRoleResponse } from '@aws-sdk/client-iam';
import { roleName } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import type { Entity } from '../entity.ts';
import type { IamOperation } from '../ports.ts';
import type { RoleRecord } from '../records.ts';
import { roleTarget } from './role-target.ts';
import { shownRole } from './shown-role.ts';

export const getRole: IamOperation<GetRoleRequest, GetRoleResponse, { role: Entity<RoleRecord> }> = {
  name: 'GetRole',
  input: structure<GetRoleRequest>({ RoleName: required(roleName) }),
  targets: { role: roleTarget('iam:GetRole') },
  effect: 'read',
  audit: { readOnly: true, request: ['RoleName'] },
  handle: async ({ targets, ports }) => ({ Role: await shownRole(targets.role.record, ports) }),
};
