import { LRUCache } from 'lru-cache';
import type { Custody, KeyHandle } from '../../custody/contract.ts';
import type { KeyIdentity } from '../../keys/key.ts';
import {
  aliasesOfKeyTable,
  aliasesTable,
  aliasRecordName,
  keyName,
  keysTable,
  materialName,
  materialsTable,
  policiesTable,
} from '../../keys/tables.ts';
import type { ChangeFeed } from '../../store/change-feed.ts';
import type { Reader } from '../../store/sealed-store.ts';
import { type KeySource, type LoadedKey, type PolicyCompiler, storeKeySource } from './key-source.ts';
import type { KeyHandles } from './ports.ts';

export interface KeyDirectoryOptions {
  readonly store: Reader;
  readonly feed: ChangeFeed;
  readonly custody: Custody;
  readonly compilePolicy: PolicyCompiler;
  /** At most this many keys, aliases and opened materials are kept, each. */
  readonly capacity: number;
}

/**
 * The keys in use, kept in memory: the hot path reads no disk. Bounded, and as fresh as the store's change feed: a key is
 * forgotten when any of its rows changes, so what `DisableKey` has answered is what the next request sees.
 */
export function keyDirectory(options: KeyDirectoryOptions): KeySource & KeyHandles {
  const { store, feed, custody, capacity } = options;
  const source = storeKeySource(store, options.compilePolicy);
  const keys = new LRUCache<string, LoadedKey>({ max: capacity });
  const aliases = new LRUCache<string, string>({ max: capacity });
  const handles = new LRUCache<string, KeyHandle>({
    max: capacity,
    // Not at once: a request that has just been given the handle uses it within this turn of the event loop.
    dispose: (handle) => setImmediate(() => custody.close(handle)),
  });

  feed.subscribe((change) => {
    if (change === 'everything') {
      keys.clear();
      aliases.clear();
      handles.clear();
    } else if (change.table === keysTable.name || change.table === policiesTable.name) {
      keys.delete(change.key);
    } else if (change.table === aliasesOfKeyTable.name) {
      keys.delete(firstSegments(change.key, 3));
    } else if (change.table === aliasesTable.name) {
      aliases.delete(change.key);
    } else if (change.table === materialsTable.name) {
      handles.delete(change.key);
    }
  });

  return {
    key: (identity) => feed.cached(keys, keyName(identity), () => source.key(identity)),
    aliasTarget: (owner, aliasName) =>
      feed.cached(aliases, aliasRecordName(owner, aliasName), () => source.aliasTarget(owner, aliasName)),
    ownerOf: source.ownerOf,
    open: (key, materialId) => {
      const name = materialName(key.record, materialId);
      return feed.cached(handles, name, async () => {
        const row = await store.get(materialsTable, name);
        return row && custody.open(materialIdentity(key.record, materialId), row.value);
      });
    },
  };
}

function materialIdentity(key: KeyIdentity, materialId: string) {
  return { accountId: key.accountId, region: key.region, keyId: key.keyId, materialId };
}

/** The first segments of a record's name: `keyName` of whatever belongs to a key. */
function firstSegments(name: string, count: number): string {
  let end = -1;
  for (let segment = 0; segment < count; segment++) {
    end = name.indexOf('/', end + 1);
    if (end < 0) return name;
  }
  return name.slice(0, end);
}
