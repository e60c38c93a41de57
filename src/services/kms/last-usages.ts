import { parseKeyArn } from '../../keys/key.ts';
import type { LastUsage } from '../../keys/last-usage.ts';
import { keyName, keysTable, lastUsagesTable, usageTrackingTable } from '../../keys/tables.ts';
import type { Store, Transaction } from '../../store/sealed-store.ts';
import type { Success, Target } from '../operation.ts';
import type { AnyOperation } from '../perform.ts';
import { keepLaterUsage, type WrittenUsages, writeUsages } from '../write-usages.ts';
import { notedUsages } from './noted-usages.ts';

/**
 * When each key was last used: noted in memory as requests succeed, which costs them next to nothing, and written down
 * together every now and then. A worker that dies takes with it what it has not written down.
 */
export interface LastUsages {
  /** Since when usages are tracked in this deployment, in milliseconds since the epoch. */
  readonly trackedSinceMs: number;
  /** Notes a cryptographic operation that has succeeded, for each key it was about. */
  note(operation: string, success: Success): void;
  /** What this worker has noted of a key and not written down yet. */
  unwritten(keyArn: string): LastUsage | undefined;
  /** Writes down what was noted, the first keys first. Whatever fails with the store stays noted. */
  write(): Promise<WrittenUsages>;
}

/** The name of the one record of {@link usageTrackingTable}. */
const THIS = 'this';

/** Keys that are noted at once: as many as a worker keeps in memory, or all in use would not find room. */
const MOST_NOTED = 120_000;
/** Keys written in one go; see docs/operations.md for what follows from it. */
const MOST_WRITTEN = 500;

export function lastUsages(store: Store, trackedSinceMs: number): LastUsages {
  const noted = notedUsages(MOST_NOTED);
  let lost = 0;

  return {
    trackedSinceMs,
    note(operation, { touched, nowMs, eventId, requestId }) {
      const usage = { operation, atMs: nowMs, eventId, requestId };
      for (const { ARN } of touched) if (!noted.note(ARN, usage)) lost += 1;
    },
    unwritten: (keyArn) => noted.get(keyArn),
    async write() {
      const batch = noted.first(MOST_WRITTEN);
      const tampered = await writeUsages(store, batch, writeOne);
      for (const [arn, usage] of batch) noted.strike(arn, usage);
      const lostBefore = lost;
      lost = 0;
      return { more: noted.size > 0, lost: lostBefore, tampered };
    },
  };
}

/** Since when usages are tracked, in milliseconds since the epoch: from the first start that could, which is now if none did. */
export async function startOfTracking(store: Store, nowMs: number): Promise<number> {
  const known = await store.get(usageTrackingTable, THIS);
  return known?.value.sinceMs ?? store.transact((transaction) => startTracking(transaction, nowMs));
}

export async function startTracking(transaction: Transaction, nowMs: number): Promise<number> {
  const known = await transaction.get(usageTrackingTable, THIS);
  if (known !== undefined) return known.value.sinceMs;
  await transaction.create(usageTrackingTable, THIS, { sinceMs: nowMs });
  return nowMs;
}

/** Whether an operation is a cryptographic one on keys: it then declares the usage that it asks of them. */
export function usesKeys(operation: AnyOperation): boolean {
  const targets = Object.values(operation.targets) as Target<object, unknown, unknown>[];
  return targets.some(({ summary }) => summary.usage !== undefined);
}

async function writeOne(transaction: Transaction, arn: string, usage: LastUsage): Promise<void> {
  const name = keyName(parseKeyArn(arn));
  // A key that was destroyed meanwhile leaves nothing behind.
  const [key] = await transaction.names(keysTable, { prefix: name, limit: 1 });
  if (key === name) await keepLaterUsage(transaction, lastUsagesTable, name, usage);
}
