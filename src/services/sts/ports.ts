import type { Random } from '../../runtime/random.ts';
import type { Reader } from '../../store/sealed-store.ts';
import type { Operation } from '../operation.ts';
import type { SessionTokens } from './sessions/session-token.ts';
import type { ProviderKeys } from './web-identity/provider-keys.ts';

/** What STS's targets and handlers may reach. It changes nothing: sessions are self-contained. */
export interface StsPorts {
  readonly store: Reader;
  readonly random: Random;
  readonly sessionTokens: SessionTokens;
  readonly providerKeys: ProviderKeys;
}

/** An operation of STS: what `Operation` says, with STS's ports. */
export type StsOperation<Request extends object, Response, Targets> = Operation<Request, Response, Targets, StsPorts>;
