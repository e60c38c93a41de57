import { KeyholdError } from '../../runtime/errors.ts';
import type { Reader, Table } from '../../store/sealed-store.ts';
import { accountPrefix } from './records.ts';

/** Refuses one more where there are as many as AWS's quota allows. */
export function refuseBeyondQuota(quota: string, most: number, present: number): void {
  if (present < most) return;
  throw new KeyholdError('LimitExceededException', `Cannot exceed quota for ${quota}: ${most}`);
}

/** The same, of what an account has in a table whose names begin with the account. */
export async function refuseBeyondAccountQuota<T>(
  reader: Reader,
  table: Table<T>,
  accountId: string,
  quota: string,
  most: number,
): Promise<void> {
  const names = await reader.names(table, { prefix: accountPrefix(accountId), limit: most });
  refuseBeyondQuota(quota, most, names.length);
}
