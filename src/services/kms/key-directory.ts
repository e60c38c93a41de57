import { LRUCache } from 'lru-cache';
import { type KeyFamily, keySpecs } from '../../crypto/key-specs.ts';
import type { Custody, KeyHandle } from '../../custody/contract.ts';
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
import type { ChangeFeed, Looked } from '../../store/change-feed.ts';
import type { Reader } from '../../store/sealed-store.ts';
import { type KeySource, type LoadedKey, type PolicyCompiler, storeKeySource } from './key-source.ts';
import type { KeyHandles } from './ports.ts';

export interface KeyDirectoryOptions {
  readonly store: Reader;
  readonly feed: ChangeFeed;
  readonly custody: Custody;
  readonly compilePolicy: PolicyCompiler;
  /**
   * About this many keys, with their opened material, and this many aliases are kept. A key pair, and a key with a long
   * policy or description or with many tags, counts as several.
   */
  readonly capacity: number;
  readonly lookedForKey?: Looked;
  readonly lookedForAlias?: Looked;
}

/**
 * The keys in use, kept in memory: the hot path reads no disk. Bounded, and as fresh as the store's change feed: a key is
 * forgotten when any of its rows changes, so what `DisableKey` has answered is what the next request sees.
 */
export function keyDirectory(options: KeyDirectoryOptions): KeySource & KeyHandles {
  const { store, feed, custody, capacity, lookedForKey, lookedForAlias } = options;
  const source = storeKeySource(store, options.compilePolicy);
  // By size rather than by number, also because a number would have all room for it allocated at the start.
  const keys = new LRUCache<string, LoadedKey>({ maxSize: capacity, sizeCalculation: sizeOf, dispose: closeHandles });
  const aliases = new LRUCache<string, string>({ maxSize: capacity, sizeCalculation: () => 1 });

  /** Opened materials live as long as their key is in the cache. */
  function closeHandles(key: LoadedKey): void {
    const { opened } = key;
    if (opened === undefined) return;
    key.opened = undefined;
    // Not at once: a request that has just been given a handle uses it within this turn of the event loop.
    setImmediate(() => {
      for (const handle of opened) custody.close(handle);
    });
  }

  /** A list, for nearly every key has one material, and few have many. */
  function openHandleOf(key: LoadedKey, materialId: string): KeyHandle | undefined {
    return key.opened?.find((handle) => handle.materialId === materialId);
  }

  async function openHandle(key: LoadedKey, materialId: string): Promise<KeyHandle | undefined> {
    const { accountId, region, keyId, keySpec } = key.record;
    const row = await store.get(materialsTable, materialName(key.record, materialId));
    // Imported material that expired or was deleted leaves its row behind.
    if (row?.value.wrapped === undefined) return undefined;
    const { wrapped } = row.value;
    const openedMeanwhile = openHandleOf(key, materialId);
    if (openedMeanwhile !== undefined) return openedMeanwhile;
    const handle = custody.open({ accountId, region, keyId, materialId }, keySpec, { wrapped });
    key.opened = key.opened === undefined ? [handle] : [...key.opened, handle];
    // INVARIANT: every handle is closed. Nobody will see a key leave the cache that is not, or no longer, in it.
    if (keys.peek(keyName(key.record)) !== key) closeHandles(key);
    return handle;
  }

  feed.subscribe((change) => {
    if (change === 'everything') {
      keys.clear();
      aliases.clear();
    } else if (change.table === keysTable.name || change.table === policiesTable.name) {
      keys.delete(change.key);
    } else if (change.table === aliasesOfKeyTable.name || change.table === materialsTable.name) {
      keys.delete(firstSegments(change.key, 3));
    } else if (change.table === aliasesTable.name) {
      aliases.delete(change.key);
    }
  });

  return {
    key: (identity) => feed.cached(keys, keyName(identity), async () => source.key(identity), lookedForKey),
    aliasTarget: (owner, aliasName) =>
      feed.cached(
        aliases,
        aliasRecordName(owner, aliasName),
        async () => source.aliasTarget(owner, aliasName),
        lookedForAlias,
      ),
    ownerOf: source.ownerOf,
    open: (key, materialId) => openHandleOf(key, materialId) ?? openHandle(key, materialId),
  };
}

/** Kibibytes that OpenSSL takes for a key pair in use, as measured, of the largest spec of each family. */
const KEY_PAIR_KIB: Readonly<Record<KeyFamily, number>> = {
  symmetric: 0,
  hmac: 0,
  rsa: 11,
  ec: 5,
  ed25519: 5,
  sm2: 5,
  'ml-dsa': 42,
  'ml-kem': 15,
};

/** How many ordinary keys, of about a kibibyte, a key takes the room of. */
function sizeOf({ record, aliases, policyCharacters }: LoadedKey): number {
  let characters = record.description.length + policyCharacters;
  for (const { key, value } of record.tags) characters += key.length + value.length;
  for (const alias of aliases) characters += alias.length;
  return 1 + Math.floor(characters / 512) + KEY_PAIR_KIB[keySpecs[record.keySpec].family];
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
