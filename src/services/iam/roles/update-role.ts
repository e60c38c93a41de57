import type { UpdateRoleRequest, UpdateRoleResponse } from '@aws-sdk/client-iam';
import { maxSessionDuration, roleDescription, roleName } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import type { Entity } from '../entity.ts';
import type { IamOperation } from '../ports.ts';
import type { RoleRecord } from '../records.ts';
import { USUAL_SESSION_DURATION_S } from './create-role.ts';
import { changeRole, roleTarget } from './role-target.ts';

export const updateRole: IamOperation<UpdateRoleRequest, UpdateRoleResponse, { role: Entity<RoleRecord> }> = {
  name: 'UpdateRole',
  input: structure<UpdateRoleRequest>({
    RoleName: required(roleName),
    Description: roleDescription,
    MaxSessionDuration: maxSessionDuration,
  }),
  targets: { role: roleTarget('iam:UpdateRole') },
  effect: 'change',
  audit: { readOnly: false, request: ['RoleName', 'Description', 'MaxSessionDuration'] },
  async handle({ input, targets, transaction }) {
    const { Description, MaxSessionDuration = USUAL_SESSION_DURATION_S } = input;
    await changeRole(transaction, targets.role, {
      ...(Description === undefined ? {} : { description: Description }),
      // Not what it was: "If you do not specify a value for this setting, the default value of one hour is applied".
      maxSessionDurationS: MaxSessionDuration,
    });
    return {};
  },
};
