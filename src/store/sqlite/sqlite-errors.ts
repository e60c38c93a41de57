import { KeyholdError } from '../../runtime/errors.ts';

/** https://www.sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5;

/** Calls SQLite; whatever it throws becomes StoreUnavailable, with SQLite's own words as the cause for the log. */
export function attempt<T>(action: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof KeyholdError) throw error;
    throw new KeyholdError('StoreUnavailable', `the store could not ${action}`, { cause: error });
  }
}

/** SQLite's primary result code, of which extended ones have more in their higher bits; undefined of what is not SQLite's. */
export function resultCodeOf(error: unknown): number | undefined {
  const { errcode } = error as { errcode?: unknown };
  return typeof errcode === 'number' ? errcode & 0xff : undefined;
}

/** Whether another connection was in the way. */
export function isBusy(error: unknown): boolean {
  return resultCodeOf(error) === SQLITE_BUSY;
}
