import type { AnyOperation } from '../../perform.ts';

export const policyOperations: readonly AnyOperation[] = [];
