import type {
  AddClientIDToOpenIDConnectProviderRequest,
  RemoveClientIDFromOpenIDConnectProviderRequest,
} from '@aws-sdk/client-iam';
import { arn, clientId } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import type { AnyOperation } from '../../perform.ts';
import type { Entity } from '../entity.ts';
import type { IamOperation } from '../ports.ts';
import type { OidcProviderRecord } from '../records.ts';
import { newClientIds } from './provider-rules.ts';
import { changeProvider, providerTarget } from './provider-target.ts';

/** Both requests have the same members, and neither minds if what it asks for is so already. */
type ClientIdRequest = AddClientIDToOpenIDConnectProviderRequest & RemoveClientIDFromOpenIDConnectProviderRequest;

function clientIdOperation(
  name: 'AddClientIDToOpenIDConnectProvider' | 'RemoveClientIDFromOpenIDConnectProvider',
  changed: (clientIds: readonly string[], clientId: string) => readonly string[],
): AnyOperation {
  const operation: IamOperation<ClientIdRequest, undefined, { provider: Entity<OidcProviderRecord> }> = {
    name,
    input: structure<ClientIdRequest>({ OpenIDConnectProviderArn: required(arn), ClientID: required(clientId) }),
    targets: {
      provider: providerTarget({ permission: `iam:${name}`, name: (input) => input.OpenIDConnectProviderArn }),
    },
    effect: 'change',
    audit: { readOnly: false, request: ['OpenIDConnectProviderArn', 'ClientID'] },
    async handle({ input, targets: { provider }, transaction }) {
      const clientIds = changed(provider.record.clientIds, input.ClientID);
      await changeProvider(transaction, provider, { clientIds });
      return undefined;
    },
  };
  return operation;
}

export const addClientIdToOpenIdConnectProvider = clientIdOperation(
  'AddClientIDToOpenIDConnectProvider',
  (clientIds, added) => newClientIds([...clientIds, added]),
);

export const removeClientIdFromOpenIdConnectProvider = clientIdOperation(
  'RemoveClientIDFromOpenIDConnectProvider',
  (clientIds, removed) => clientIds.filter((each) => each !== removed),
);
