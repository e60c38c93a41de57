import type { AnyOperation } from '../../perform.ts';

export const providerOperations: readonly AnyOperation[] = [];
