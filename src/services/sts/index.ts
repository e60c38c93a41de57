import type { Random } from '../../runtime/random.ts';
import type { Store } from '../../store/sealed-store.ts';
import { awsQuery } from '../../wire/protocol.ts';
import type { AnyOperation, Service } from '../perform.ts';
import { assumeRole } from './assume-role.ts';
import { assumeRoleWithWebIdentity } from './assume-role-with-web-identity.ts';
import { decodeAuthorizationMessage } from './decode-authorization-message.ts';
import { getAccessKeyInfo } from './get-access-key-info.ts';
import { getCallerIdentity } from './get-caller-identity.ts';
import { getFederationToken } from './get-federation-token.ts';
import { getSessionToken } from './get-session-token.ts';
import type { StsPorts } from './ports.ts';
import type { SessionTokens } from './sessions/session-token.ts';
import type { FetchJson } from './web-identity/fetch-json.ts';
import { providerKeys } from './web-identity/provider-keys.ts';

/** The table of STS's operations: one file each. */
const operations: readonly AnyOperation[] = [
  assumeRole,
  assumeRoleWithWebIdentity,
  decodeAuthorizationMessage,
  getAccessKeyInfo,
  getCallerIdentity,
  getFederationToken,
  getSessionToken,
];

export const stsOperations: ReadonlyMap<string, AnyOperation> = new Map(operations.map((each) => [each.name, each]));

export interface StsDependencies {
  readonly store: Store;
  readonly random: Random;
  readonly sessionTokens: SessionTokens;
  /** How documents of OpenID providers are fetched. */
  readonly fetchJson: FetchJson;
}

export function stsService({ store, fetchJson, ...rest }: StsDependencies): Service {
  const ports: StsPorts = { store, providerKeys: providerKeys(fetchJson), ...rest };
  return {
    name: 'sts',
    spoken: [{ protocol: awsQuery({ namespace: 'https://sts.amazonaws.com/doc/2011-06-15/' }), address: '2011-06-15' }],
    eventSource: 'sts.amazonaws.com',
    operations: stsOperations,
    store,
    ports: () => ports,
  };
}
