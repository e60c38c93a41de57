import { later } from '../../keys/last-usage.ts';
import type { Reader, Store, Table, Transaction } from '../../store/sealed-store.ts';
import { keepLaterUsage, type WrittenUsages, writeUsages } from '../write-usages.ts';
import type { IdentityUsage } from './records.ts';

/**
 * When access keys and roles were last used: noted in memory as requests are authenticated, and written down together every
 * now and then. A worker that dies takes with it what it has not written down.
 */
export interface IdentityUsages {
  /** Notes that a request was signed with this key, or in a session of this role. */
  note(used: string, service: string, region: string, nowMs: number): void;
  /** What this worker has noted and not written down yet. */
  unwritten(used: string): IdentityUsage | undefined;
  /** The last use, whether it is written down or not. */
  last(used: string, reader: Reader): Promise<IdentityUsage | undefined>;
  /** Writes down what was noted. Whatever fails with the store stays noted. */
  write(): Promise<WrittenUsages>;
}

/** More than are in use at once; each takes some 200 bytes. */
const MOST_NOTED = 20_000;
const MOST_WRITTEN = 500;

/** @param isThere whether what was used is still there: what was deleted meanwhile leaves nothing behind */
export function identityUsages(
  store: Store,
  table: Table<IdentityUsage>,
  isThere: (used: string, transaction: Transaction) => Promise<boolean>,
): IdentityUsages {
  const noted = new Map<string, { -readonly [K in keyof IdentityUsage]: IdentityUsage[K] }>();
  let lost = 0;

  return {
    note(used, service, region, nowMs) {
      const known = noted.get(used);
      if (known !== undefined) {
        // Changed where it is, so that a request leaves no garbage.
        known.atMs = nowMs;
        known.service = service;
        known.region = region;
      } else if (noted.size < MOST_NOTED) noted.set(used, { atMs: nowMs, service, region });
      else lost += 1;
    },
    unwritten: (used) => noted.get(used),
    last: async (used, reader) => later((await reader.get(table, used))?.value, noted.get(used)),
    async write() {
      const batch = [...noted]
        .slice(0, MOST_WRITTEN)
        .map(([used, usage]): [string, IdentityUsage] => [used, { ...usage }]);
      const tampered = await writeUsages(store, batch, async (transaction, used, usage) => {
        if (await isThere(used, transaction)) await keepLaterUsage(transaction, table, used, usage);
      });
      for (const [used, usage] of batch) {
        if (noted.get(used)?.atMs === usage.atMs) noted.delete(used);
      }
      const lostBefore = lost;
      lost = 0;
      return { more: noted.size > 0, lost: lostBefore, tampered };
    },
  };
}

/** Of a key or a role that is deleted. */
export async function forgetUsage(transaction: Transaction, table: Table<IdentityUsage>, used: string): Promise<void> {
  const usage = await transaction.get(table, used);
  if (usage !== undefined) await transaction.remove(table, used, usage.version);
}
