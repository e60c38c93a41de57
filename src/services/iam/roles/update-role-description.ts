import type { UpdateRoleDescriptionRequest, UpdateRoleDescriptionResponse } from '@aws-sdk/client-iam';
import { roleDescription, roleName } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import type { Entity } from '../entity.ts';
import type { IamOperation } from '../ports.ts';
import type { RoleRecord } from '../records.ts';
import { changeRole, roleTarget } from './role-target.ts';
import { describedRole } from './shown-role.ts';

export const updateRoleDescription: IamOperation<
  UpdateRoleDescriptionRequest,
  UpdateRoleDescriptionResponse,
  { role: Entity<RoleRecord> }
> = {
  name: 'UpdateRoleDescription',
  input: structure<UpdateRoleDescriptionRequest>({
    RoleName: required(roleName),
    Description: required(roleDescription),
  }),
  targets: { role: roleTarget('iam:UpdateRoleDescription') },
  effect: 'change',
  audit: {
    readOnly: false,
    request: ['RoleName', 'Description'],
    response: ({ Role }) => ({ Role }),
  },
  async handle({ input, targets, transaction }) {
    const role = await changeRole(transaction, targets.role, { description: input.Description });
    return { Role: await describedRole(role, transaction) };
  },
};
