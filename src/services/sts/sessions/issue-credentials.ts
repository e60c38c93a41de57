import type { Random } from '../../../runtime/random.ts';
import { newSecretAccessKey, newSessionKeyId } from '../../iam/identifiers.ts';
import type { SessionBearer } from './session.ts';
import type { SessionTokens } from './session-token.ts';

/** AWS's `Credentials`. Expiration is a whole second, as AWS's is. */
export interface TemporaryCredentials {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly SessionToken: string;
  readonly Expiration: Date;
}

export interface SessionTerms {
  readonly accountId: string;
  readonly bearer: SessionBearer;
  readonly durationSeconds: number;
  /** `MinimumSessionTokenSize` */
  readonly leastTokenCharacters?: number | undefined;
}

/** Makes temporary credentials. Whoever calls it has seen to it that the caller may have them. */
export function issueCredentials(
  { accountId, bearer, durationSeconds, leastTokenCharacters }: SessionTerms,
  nowMs: number,
  { random, sessionTokens }: { readonly random: Random; readonly sessionTokens: SessionTokens },
): TemporaryCredentials {
  const accessKeyId = newSessionKeyId(accountId, random);
  const secretAccessKey = newSecretAccessKey(random);
  const expiresAtMs = nowMs - (nowMs % 1000) + durationSeconds * 1000;
  const session = { secretAccessKey, accountId, issuedAtMs: nowMs, expiresAtMs, bearer };
  return {
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    SessionToken: sessionTokens.seal(session, accessKeyId, leastTokenCharacters),
    Expiration: new Date(expiresAtMs),
  };
}
