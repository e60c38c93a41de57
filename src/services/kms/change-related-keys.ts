import type { KeyRecord } from '../../keys/key.ts';
import { isPrimary, relatedKeys } from '../../keys/multi-region.ts';
import { keyName, keysTable } from '../../keys/tables.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { MaybePromise } from '../../runtime/maybe-promise.ts';
import type { Transaction } from '../../store/sealed-store.ts';
import type { Consequence } from '../operation.ts';
import { synchronizationEvent } from './key-events.ts';

/**
 * Changes what related keys share, in the record of each of them; a single-Region key is alone.
 * INVARIANT: no transaction leaves related keys with different shared properties: the key material, its rotation, and
 * which Regions they are in.
 */
export async function changeRelatedKeys(
  transaction: Transaction,
  key: KeyRecord,
  change: (record: KeyRecord) => MaybePromise<KeyRecord>,
  consequences: Consequence[],
): Promise<void> {
  for (const related of relatedKeys(key)) {
    const name = keyName(related);
    const found = await transaction.get(keysTable, name);
    if (found === undefined) throw new KeyholdError('TamperedRecord', `related key ${name} is missing`);
    const changed = await change(found.value);
    await transaction.replace(keysTable, name, changed, found.version);
    if (changed.multiRegion === undefined || isPrimary(changed)) continue;
    const { accountId, keyId, multiRegion } = changed;
    consequences.push(synchronizationEvent(changed, { accountId, region: multiRegion.primaryRegion, keyId }));
  }
}
