import { type KeyRecord, MOST_KEYS_PER_REGION } from '../../keys/key.ts';
import { keyCountName, keyCountsTable, keysTable, regionPrefix } from '../../keys/tables.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { Transaction } from '../../store/sealed-store.ts';

/**
 * AWS's quota "AWS KMS keys" ("Resource quotas", developer guide). The number stands in a record of its own, so that making
 * a key does not count a hundred thousand others; it changes in the transactions that make and destroy keys.
 */

/**
 * Counts a key that is about to be written, unless AWS manages it: those are not in the quota.
 *
 * INVARIANT: this comes before the first row of the key. Where there is no number yet, in a data directory of a server that
 * did not count, all keys that are there are counted once: none of them can be AWS's, for the first key that is made since,
 * whoever manages it, makes the number.
 *
 * @throws KeyholdError LimitExceededException
 */
export async function countNewKey(transaction: Transaction, key: KeyRecord): Promise<void> {
  const name = keyCountName(key);
  const stored = await transaction.get(keyCountsTable, name);
  const usage = stored?.value.customerManaged ?? (await keysThatAreThere(transaction, key));
  const counts = key.keyManager === 'CUSTOMER';
  if (counts) checkKeyQuota(usage);
  const value = { customerManaged: counts ? usage + 1 : usage };
  if (stored === undefined) await transaction.create(keyCountsTable, name, value);
  else if (counts) await transaction.replace(keyCountsTable, name, value, stored.version);
}

/** Counts a key out that is being destroyed. What was never counted is not there when it is. */
export async function countDestroyedKey(transaction: Transaction, key: KeyRecord): Promise<void> {
  const name = keyCountName(key);
  const stored = await transaction.get(keyCountsTable, name);
  if (stored === undefined || key.keyManager !== 'CUSTOMER') return;
  const customerManaged = stored.value.customerManaged - 1;
  await transaction.replace(keyCountsTable, name, { customerManaged }, stored.version);
}

function checkKeyQuota(usage: number): void {
  if (usage < MOST_KEYS_PER_REGION) return;
  throw new KeyholdError(
    'LimitExceededException',
    `Key quota for this account in this region is ${MOST_KEYS_PER_REGION} but the current usage is ${usage}.`,
  );
}

const NAMES_AT_ONCE = 10_000;

async function keysThatAreThere(transaction: Transaction, owner: KeyRecord): Promise<number> {
  const prefix = regionPrefix(owner);
  let count = 0;
  for (let after = prefix; ; ) {
    const names = await transaction.names(keysTable, { prefix, after, limit: NAMES_AT_ONCE });
    count += names.length;
    const last = names.at(-1);
    if (last === undefined) return count;
    after = last;
  }
}
