import type { AnyOperation } from '../../perform.ts';

export const accountOperations: readonly AnyOperation[] = [];
