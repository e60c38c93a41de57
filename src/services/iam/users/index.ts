import type { AnyOperation } from '../../perform.ts';
import { createUser } from './create-user.ts';
import { getUser } from './get-user.ts';
import { listUsers } from './list-users.ts';

export const userOperations: readonly AnyOperation[] = [createUser, getUser, listUsers];
