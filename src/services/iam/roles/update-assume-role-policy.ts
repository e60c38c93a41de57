import type { UpdateAssumeRolePolicyRequest } from '@aws-sdk/client-iam';
import { policyDocument, roleName } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import type { Entity } from '../entity.ts';
import type { IamOperation } from '../ports.ts';
import type { RoleRecord } from '../records.ts';
import { changeRole, roleTarget } from './role-target.ts';
import { newTrustPolicy } from './trust-policy.ts';

export const updateAssumeRolePolicy: IamOperation<
  UpdateAssumeRolePolicyRequest,
  undefined,
  { role: Entity<RoleRecord> }
> = {
  name: 'UpdateAssumeRolePolicy',
  input: structure<UpdateAssumeRolePolicyRequest>({
    RoleName: required(roleName),
    PolicyDocument: required(policyDocument),
  }),
  targets: { role: roleTarget('iam:UpdateAssumeRolePolicy') },
  effect: 'change',
  audit: { readOnly: false, request: ['RoleName', 'PolicyDocument'] },
  async handle({ input, targets, transaction }) {
    const trustPolicy = await newTrustPolicy(input.PolicyDocument, transaction);
    await changeRole(transaction, targets.role, { trustPolicy });
    return undefined;
  },
};
