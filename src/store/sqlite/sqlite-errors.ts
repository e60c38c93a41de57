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

/** Whether another connection was in the way (SQLITE_BUSY, and its extended codes, which are in the higher bits). */
export function isBusy(error: unknown): boolean {
  const code = (error as { errcode?: unknown }).errcode;
  return typeof code === 'number' && (code & 0xff) === SQLITE_BUSY;
}
