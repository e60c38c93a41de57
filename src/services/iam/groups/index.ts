import type { AnyOperation } from '../../perform.ts';

export const groupOperations: readonly AnyOperation[] = [];
