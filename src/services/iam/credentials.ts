import { LRUCache } from 'lru-cache';
import { parsePolicy } from '../../authorization/index.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { MaybePromise } from '../../runtime/maybe-promise.ts';
import type { ChangeFeed } from '../../store/change-feed.ts';
import type { Reader } from '../../store/sealed-store.ts';
import { SigningSecret } from '../../wire/sigv4/signing-key.ts';
import type { Caller } from '../caller.ts';
import { accessKeysTable, rootArn, userArn, userRecordName, usersTable } from './records.ts';

/** An access key and whom it authenticates, once a signature made with its secret has been verified. */
export interface Credential {
  readonly secretAccessKey: SigningSecret;
  readonly caller: Caller;
}

export interface Credentials {
  /** The active credential of this access key id; undefined if there is none. */
  find(accessKeyId: string): MaybePromise<Credential | undefined>;
}

const MOST_CACHED_CREDENTIALS = 10_000;

/** Looks access keys up, and keeps those in use until anything about their users changes. */
export function credentials(store: Reader, feed: ChangeFeed): Credentials {
  const cache = new LRUCache<string, Credential>({ max: MOST_CACHED_CREDENTIALS });
  feed.subscribe((change) => {
    if (change === 'everything' || change.table === accessKeysTable.name || change.table === usersTable.name) {
      cache.clear();
    }
  });
  return { find: (accessKeyId) => feed.cached(cache, accessKeyId, () => load(store, accessKeyId)) };
}

async function load(store: Reader, accessKeyId: string): Promise<Credential | undefined> {
  const accessKey = (await store.get(accessKeysTable, accessKeyId))?.value;
  if (accessKey === undefined || accessKey.status !== 'Active') return undefined;
  const { accountId, userName } = accessKey;
  const user = (await store.get(usersTable, userRecordName(accountId, userName)))?.value;
  if (user === undefined) {
    throw new KeyholdError('TamperedRecord', `access key ${accessKeyId} belongs to no user`);
  }
  const arn = userArn(user);
  return {
    secretAccessKey: new SigningSecret(accessKey.secretAccessKey),
    caller: {
      principal: { type: 'User', arn, accountId, id: user.userId },
      identityPolicies: user.inlinePolicies.map(({ document }) => parsePolicy(document, 'identity')),
      accessKeyId,
      userName,
      auditIdentity: { type: 'IAMUser', principalId: user.userId, arn, accountId, accessKeyId, userName },
    },
  };
}

/** The root of an account, who may do whatever key policies leave to the account. */
export function rootCaller(accountId: string, accessKeyId: string): Caller {
  const arn = rootArn(accountId);
  return {
    principal: { type: 'Root', arn, accountId, id: accountId },
    identityPolicies: [],
    accessKeyId,
    auditIdentity: { type: 'Root', principalId: accountId, arn, accountId, accessKeyId },
  };
}
