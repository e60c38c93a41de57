import type { KeyRecord } from '../../keys/key.ts';
import { relatedKeys } from '../../keys/multi-region.ts';
import { keyName, keysTable } from '../../keys/tables.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { MaybePromise } from '../../runtime/maybe-promise.ts';
import type { Transaction } from '../../store/sealed-store.ts';

/**
 * Changes what related keys share, in the record of each of them; a single-Region key is alone.
 * INVARIANT: no transaction leaves related keys with different shared properties: the key material, its rotation, and
 * which Regions they are in.
 */
export async function changeRelatedKeys(
  transaction: Transaction,
  key: KeyRecord,
  change: (record: KeyRecord) => MaybePromise<KeyRecord>,
): Promise<void> {
  for (const related of relatedKeys(key)) {
    const name = keyName(related);
    const found = await transaction.get(keysTable, name);
    if (found === undefined) throw new KeyholdError('TamperedRecord', `related key ${name} is missing`);
    await transaction.replace(keysTable, name, await change(found.value), found.version);
  }
}
