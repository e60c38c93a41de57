import type { Change } from './contract.ts';

/** How far the change log reaches. All backends follow the same rules, so caches behave alike over each of them. */
export interface ChangeLogLimits {
  /** The newest changes that pruning leaves in the log; at least 1, so that the log always knows its head. */
  readonly kept: number;
  /** The log is pruned each time its sequence passes a multiple of this, so that most commits pay nothing for it. */
  readonly prunedEvery: number;
  /** A follower that is further behind than this starts anew, which costs less than being told. */
  readonly answered: number;
}

export const defaultChangeLogLimits: ChangeLogLimits = { kept: 100_000, prunedEvery: 1_000, answered: 10_000 };

/**
 * The sequence through which the log is pruned after a commit that added `added` changes and ended at `newest`, or
 * undefined if this commit does not prune.
 */
export function pruneThrough(limits: ChangeLogLimits, newest: number, added: number): number | undefined {
  const passedMultiple = Math.floor(newest / limits.prunedEvery) > Math.floor((newest - added) / limits.prunedEvery);
  return passedMultiple && newest > limits.kept ? newest - limits.kept : undefined;
}

/**
 * Whether a log that holds the changes from `oldest` to `newest` can tell a follower at `sequence` all it has missed. A
 * follower ahead of the log has followed another history, one that a restored backup has undone.
 */
export function reachesBackTo(limits: ChangeLogLimits, sequence: number, oldest: number, newest: number): boolean {
  return sequence <= newest && sequence >= oldest - 1 && newest - sequence <= limits.answered;
}

/** Collects the records that one transaction writes, each once, in the order of their first write. */
export function writtenRecords() {
  const records = new Map<string, Omit<Change, 'sequence'>>();
  return {
    add(table: string, key: string): void {
      // Neither a table nor a key contains NUL, so no two pairs meet.
      records.set(`${table}\0${key}`, { table, key });
    },
    all: () => records.values(),
    count: () => records.size,
  };
}
