import type { Epoch } from './change-feed.ts';
import type { Store, Table } from './sealed-store.ts';

/**
 * What keeps up with a table, from one look to the next. A look at a store in which nobody has committed anything costs a read
 * of shared memory.
 *
 * @param one told of each record that has changed since the last look, or is gone
 * @param all told instead where that is not known: at the first look, and where the change log does not reach back so far
 * @returns rejects where one of them does, and the next look then tells the same again
 */
export type LookForChanges = (one: (key: string) => Promise<void>, all: () => Promise<void>) => Promise<void>;

export function changesOf<T>(store: Store, epoch: Epoch, { name }: Table<T>): LookForChanges {
  let seenEpoch: number | undefined;
  let seenSequence = 0;
  return async (one, all) => {
    // Read first, so that a commit during the look is looked for again.
    const reached = epoch.current();
    if (reached === seenEpoch) return;
    const since = seenEpoch === undefined ? undefined : await store.changesSince(seenSequence);
    const head = since?.head ?? (await store.head());
    if (since?.complete !== true) await all();
    else for (const { table, key } of since.changes) if (table === name) await one(key);
    seenSequence = head;
    seenEpoch = reached;
  };
}
