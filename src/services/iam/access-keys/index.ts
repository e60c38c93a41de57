import type { AnyOperation } from '../../perform.ts';
import { createAccessKey } from './create-access-key.ts';
import { deleteAccessKey } from './delete-access-key.ts';
import { getAccessKeyLastUsed } from './get-access-key-last-used.ts';
import { listAccessKeys } from './list-access-keys.ts';
import { updateAccessKey } from './update-access-key.ts';

export const accessKeyOperations: readonly AnyOperation[] = [
  createAccessKey,
  deleteAccessKey,
  getAccessKeyLastUsed,
  listAccessKeys,
  updateAccessKey,
];
