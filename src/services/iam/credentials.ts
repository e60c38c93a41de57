import { LRUCache } from 'lru-cache';
import { KeyholdError } from '../../runtime/errors.ts';
import type { MaybePromise } from '../../runtime/maybe-promise.ts';
import type { ChangeFeed, Looked } from '../../store/change-feed.ts';
import type { Reader } from '../../store/sealed-store.ts';
import { SigningSecret } from '../../wire/sigv4/signing-key.ts';
import type { Caller } from '../caller.ts';
import { rootCaller, userCaller } from './callers.ts';
import { accessKeysTable, identityName, identityTables, usersTable } from './records.ts';

/** An access key and whom it authenticates, once a signature made with its secret has been verified. */
export interface Credential {
  readonly secretAccessKey: SigningSecret;
  readonly caller: Caller;
}

export interface Credentials {
  /** The active credential of this access key id; undefined if there is none. */
  find(accessKeyId: string): MaybePromise<Credential | undefined>;
  /** Whether there is one, active or not. */
  exists(accessKeyId: string): Promise<boolean>;
}

const MOST_CACHED_CREDENTIALS = 10_000;

/** Looks long-term access keys up, and keeps those in use until anything about anyone changes. */
export function credentials(store: Reader, feed: ChangeFeed, looked?: Looked): Credentials {
  const cache = new LRUCache<string, Credential>({ max: MOST_CACHED_CREDENTIALS });
  feed.subscribe((change) => {
    if (change === 'everything' || identityTables.has(change.table)) cache.clear();
  });
  return {
    find: (accessKeyId) => feed.cached(cache, accessKeyId, () => load(store, accessKeyId), looked),
    exists: async (accessKeyId) => (await store.get(accessKeysTable, accessKeyId)) !== undefined,
  };
}

async function load(store: Reader, accessKeyId: string): Promise<Credential | undefined> {
  const accessKey = (await store.get(accessKeysTable, accessKeyId))?.value;
  if (accessKey === undefined || accessKey.status !== 'Active') return undefined;
  const { accountId, userName } = accessKey;
  const secretAccessKey = new SigningSecret(accessKey.secretAccessKey);
  if (userName === undefined) return { secretAccessKey, caller: rootCaller(accountId, accessKeyId) };
  const user = (await store.get(usersTable, identityName(accountId, userName)))?.value;
  if (user === undefined) {
    throw new KeyholdError('TamperedRecord', `access key ${accessKeyId} belongs to no user`);
  }
  return { secretAccessKey, caller: await userCaller(user, accessKeyId, store) };
}
