import { LRUCache } from 'lru-cache';
import { KeyholdError } from '../../../runtime/errors.ts';
import type { MaybePromise } from '../../../runtime/maybe-promise.ts';
import type { ChangeFeed, Looked } from '../../../store/change-feed.ts';
import type { Reader } from '../../../store/sealed-store.ts';
import { invalidToken } from '../../../wire/sigv4/invalid-token.ts';
import { SigningSecret } from '../../../wire/sigv4/signing-key.ts';
import type { Credential } from '../../iam/credentials.ts';
import { identityTables } from '../../iam/records.ts';
import type { Session } from './session.ts';
import { sessionCaller } from './session-caller.ts';
import type { SessionTokens } from './session-token.ts';

export interface LiveSessions {
  /**
   * Whom a session token authenticates, once a signature made with its secret has been verified. Undefined for a token that
   * is none of ours or is of another access key.
   *
   * @throws KeyholdError ExpiredSessionToken; UnrecognizedClientException for a session that has died
   */
  find(token: string, accessKeyId: string, nowMs: number): Promise<Credential | undefined>;
}

export interface LiveSessionsDependencies {
  readonly store: Reader;
  readonly feed: ChangeFeed;
  readonly tokens: SessionTokens;
  /** `--revoke-sessions-before`: sessions that began earlier are dead. */
  readonly revokeSessionsBeforeMs?: number | undefined;
  readonly looked?: Looked;
}

interface LiveSession extends Credential {
  readonly accessKeyId: string;
  readonly expiresAtMs: number;
  readonly bytes: number;
}

/** What the sessions that one worker keeps may take: some 15,000 of them, or some 500 with a policy of 2048 characters each. */
const CACHED_BYTES = 64 * 1024 * 1024;
/** What a session takes at least, and for each character of its token and of its own policy, which is compiled. */
const BYTES_OF_A_SESSION = 2048;
const BYTES_PER_TOKEN_CHARACTER = 4;
const BYTES_PER_POLICY_CHARACTER = 60;

/**
 * Opens session tokens, and keeps the sessions in use until anything about anyone changes: a request of a session that is
 * known costs one look into a map. Whether the session has died is asked when it is loaded, because nothing makes it die
 * but such a change; whether it has expired, each time.
 */
export function liveSessions({
  store,
  feed,
  tokens,
  revokeSessionsBeforeMs = 0,
  looked,
}: LiveSessionsDependencies): LiveSessions {
  const cache = new LRUCache<string, LiveSession>({
    maxSize: CACHED_BYTES,
    sizeCalculation: ({ bytes }) => bytes,
  });
  feed.subscribe((change) => {
    if (change === 'everything' || identityTables.has(change.table)) cache.clear();
  });

  async function load(token: string, accessKeyId: string): Promise<LiveSession | undefined> {
    const session = tokens.open(token, accessKeyId);
    if (session === undefined) return undefined;
    if (session.issuedAtMs < revokeSessionsBeforeMs) throw invalidToken();
    const caller = await sessionCaller(session, accessKeyId, store);
    if (caller === undefined) throw invalidToken();
    const { secretAccessKey, expiresAtMs } = session;
    const bytes = bytesOf(session, token);
    return { accessKeyId, secretAccessKey: new SigningSecret(secretAccessKey), expiresAtMs, caller, bytes };
  }

  return {
    async find(token, accessKeyId, nowMs) {
      const found: MaybePromise<LiveSession | undefined> = feed.cached(
        cache,
        token,
        () => load(token, accessKeyId),
        looked,
      );
      const session = await found;
      // INVARIANT: a token is good for its own access key alone, also when it is found by its text.
      if (session === undefined || session.accessKeyId !== accessKeyId) return undefined;
      if (nowMs >= session.expiresAtMs) throw expired();
      return session;
    },
  };
}

function bytesOf({ bearer }: Session, token: string): number {
  const policy = bearer.kind === 'user' ? undefined : bearer.policies.document;
  const policyBytes = BYTES_PER_POLICY_CHARACTER * (policy?.length ?? 0);
  return BYTES_OF_A_SESSION + BYTES_PER_TOKEN_CHARACTER * token.length + policyBytes;
}

function expired(): KeyholdError {
  return new KeyholdError('ExpiredSessionToken', 'The security token included in the request is expired');
}
