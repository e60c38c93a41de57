import type { AnyOperation } from '../../perform.ts';

export const roleOperations: readonly AnyOperation[] = [];
