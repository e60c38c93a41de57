import type { ContextEntry } from '@aws-sdk/client-iam';
import { type ConditionContext, contextKey } from '../../../authorization/index.ts';
import { KeyholdError } from '../../../runtime/errors.ts';

/** The condition keys of a simulated request, which has those that the simulation gives it and no others. */
export interface SimulatedContext extends ConditionContext {
  /** The keys that were asked for and not given, as conditions ask for them. */
  readonly missing: ReadonlySet<string>;
}

export type ContextValues = ReadonlyMap<string, readonly string[]>;

/** @throws KeyholdError InvalidInputException for a key without a name, and several values of a key that has one */
export function contextValues(entries: readonly ContextEntry[] | undefined): ContextValues {
  const values = new Map<string, readonly string[]>();
  for (const { ContextKeyName, ContextKeyValues = [], ContextKeyType = 'string' } of entries ?? []) {
    if (ContextKeyName === undefined) {
      throw new KeyholdError('InvalidInputException', 'A context entry must have a ContextKeyName.');
    }
    if (ContextKeyValues.length > 1 && !ContextKeyType.endsWith('List')) {
      throw new KeyholdError(
        'InvalidInputException',
        `The context key ${ContextKeyName} is of type ${ContextKeyType}, which has one value.`,
      );
    }
    values.set(contextKey(ContextKeyName), ContextKeyValues);
  }
  return values;
}

export function simulatedContext(values: ContextValues): SimulatedContext {
  const missing = new Set<string>();
  return {
    missing,
    get(key) {
      const found = values.get(key);
      if (found === undefined) missing.add(key);
      return found;
    },
  };
}
