import { KeyholdError } from '../../runtime/errors.ts';

/** Calls SQLite; whatever it throws becomes StoreUnavailable, with SQLite's own words as the cause for the log. */
export function attempt<T>(action: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof KeyholdError) throw error;
    throw new KeyholdError('StoreUnavailable', `the store could not ${action}`, { cause: error });
  }
}
