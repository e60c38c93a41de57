import type { AnyOperation } from '../../perform.ts';
import { groupBearers } from '../bearers.ts';
import { inlinePolicyOperations } from '../inline-policies.ts';
import { addUserToGroup } from './add-user-to-group.ts';
import { createGroup } from './create-group.ts';
import { deleteGroup } from './delete-group.ts';
import { getGroup } from './get-group.ts';
import { listGroups } from './list-groups.ts';
import { removeUserFromGroup } from './remove-user-from-group.ts';
import { updateGroup } from './update-group.ts';

export const groupOperations: readonly AnyOperation[] = [
  addUserToGroup,
  createGroup,
  deleteGroup,
  getGroup,
  listGroups,
  removeUserFromGroup,
  updateGroup,
  ...inlinePolicyOperations(groupBearers),
];
