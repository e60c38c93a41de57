import { LRUCache } from 'lru-cache';
import { type GrantIndex, grantIndex } from '../../keys/grant-index.ts';
import type { KeyIdentity } from '../../keys/key.ts';
import { grantName, grantsOfGranteePrefix, grantsOfGranteeTable, grantsTable } from '../../keys/tables.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { MaybePromise } from '../../runtime/maybe-promise.ts';
import type { ChangeFeed, Looked } from '../../store/change-feed.ts';
import { pagesOfNames } from '../../store/pages.ts';
import type { Reader } from '../../store/sealed-store.ts';
import { nameInGrants, placeOf } from './grant-rows.ts';

/** Where decisions find grants. */
export interface GrantSource {
  /** @param grantee as `nameInGrants` has it */
  of(key: KeyIdentity, grantee: string): MaybePromise<Grants>;
}

export type Grants = Pick<GrantIndex, 'size' | 'allows'>;

/** One for all who have none: nearly everyone whom policies refuse is asked for, and an index of its own takes 1.5 KiB. */
const NO_GRANTS: Grants = { size: 0, allows: () => false };

export interface GrantDirectoryOptions {
  readonly store: Reader;
  readonly feed: ChangeFeed;
  /** About this many grants are kept; that a grantee has none counts as one. */
  readonly capacity: number;
  readonly looked?: Looked;
}

/** The grants that one grantee has on one key, as far as they have been read. */
interface Known {
  readonly key: KeyIdentity;
  readonly grantee: string;
  readonly grants: GrantIndex;
  /** Grants, by their ids, that were made or have gone since. */
  readonly changed: Set<string>;
  /** Readings follow each other: an older one must not undo what a newer one has found. */
  reading: Promise<void>;
}

const PAGE = 500;

/**
 * The grants in use, kept in memory by key and grantee: a decision never looks at the other grants of a key. Bounded, and
 * as fresh as the store's change feed. A change costs reading the one grant that changed, however many there are.
 *
 * It serves changes as well, which otherwise look through their transaction: what it gives was committed when the request
 * began, and to read all grants of a grantee anew would keep everyone else from writing meanwhile.
 */
export function grantDirectory({ store, feed, capacity, looked }: GrantDirectoryOptions): GrantSource {
  /** What may be decided by as it is. */
  const fresh = new LRUCache<string, Grants>({ maxSize: capacity, sizeCalculation: weight });
  /** What is known, if only as something to catch up from. */
  const known = new LRUCache<string, Known>({ maxSize: capacity, sizeCalculation: ({ grants }) => weight(grants) });

  feed.subscribe((change) => {
    if (change === 'everything') {
      fresh.clear();
      known.clear();
    } else if (change.table === grantsOfGranteeTable.name) {
      const bar = change.key.lastIndexOf('|') + 1;
      const name = change.key.slice(0, bar);
      fresh.delete(name);
      known.peek(name)?.changed.add(change.key.slice(bar));
    }
  });

  async function load(name: string, key: KeyIdentity, grantee: string): Promise<Grants> {
    let entry = known.get(name);
    if (entry === undefined) {
      entry = { key, grantee, grants: grantIndex(), changed: new Set(), reading: Promise.resolve() };
      // Before anything is read, so that what changes meanwhile is noted.
      known.set(name, entry);
      entry.reading = readAll(name, entry);
    }
    const { grants, reading } = entry;
    const catchingUp = reading.then(() => readChanged(entry));
    entry.reading = catchingUp;
    try {
      await catchingUp;
    } catch (error) {
      if (known.peek(name) === entry) known.delete(name);
      throw error;
    }
    if (known.peek(name) === entry) {
      if (grants.size === 0) known.delete(name);
      else known.set(name, entry);
    }
    return grants.size === 0 ? NO_GRANTS : grants;
  }

  async function readAll(prefix: string, entry: Known): Promise<void> {
    for await (const names of pagesOfNames(store, grantsOfGranteeTable, { prefix, limit: PAGE })) {
      for (const each of names) await readGrant(entry, each.slice(prefix.length));
    }
  }

  async function readChanged(entry: Known): Promise<void> {
    for (const grantId of entry.changed) {
      // Forgotten first: what changes again while it is read is then read again.
      entry.changed.delete(grantId);
      await readGrant(entry, grantId);
    }
  }

  async function readGrant({ key, grantee, grants }: Known, grantId: string): Promise<void> {
    const name = grantName(placeOf(key, grantId));
    const grant = (await store.get(grantsTable, name))?.value;
    if (grant === undefined) {
      grants.remove(grantId);
      return;
    }
    // The row that led here may have been written by anyone; this one was not.
    if (nameInGrants(grant.grantee) !== grantee) {
      throw new KeyholdError('TamperedRecord', `grant ${name} is listed for another grantee`);
    }
    grants.add(grantId, grant);
  }

  return {
    of(key, grantee) {
      const name = grantsOfGranteePrefix(key, grantee);
      return feed.cached(fresh, name, () => load(name, key, grantee), looked) as MaybePromise<Grants>;
    },
  };
}

function weight(grants: Grants): number {
  return 1 + grants.size;
}
