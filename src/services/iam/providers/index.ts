import { arn } from '../../../wire/iam-shapes.ts';
import type { AnyOperation } from '../../perform.ts';
import { oidcProviderName, oidcProvidersTable } from '../records.ts';
import { tagOperations } from '../tag-operations.ts';
import { addClientIdToOpenIdConnectProvider, removeClientIdFromOpenIdConnectProvider } from './client-ids.ts';
import { createOpenIdConnectProvider } from './create-open-id-connect-provider.ts';
import { deleteOpenIdConnectProvider } from './delete-open-id-connect-provider.ts';
import { getOpenIdConnectProvider } from './get-open-id-connect-provider.ts';
import { listOpenIdConnectProviders } from './list-open-id-connect-providers.ts';
import { providerTarget } from './provider-target.ts';
import { updateOpenIdConnectProviderThumbprint } from './update-open-id-connect-provider-thumbprint.ts';

export const providerOperations: readonly AnyOperation[] = [
  createOpenIdConnectProvider,
  getOpenIdConnectProvider,
  listOpenIdConnectProviders,
  deleteOpenIdConnectProvider,
  addClientIdToOpenIdConnectProvider,
  removeClientIdFromOpenIdConnectProvider,
  updateOpenIdConnectProviderThumbprint,
  ...tagOperations({
    title: 'OpenIDConnectProvider',
    member: 'OpenIDConnectProviderArn',
    name: arn,
    keyCase: 'told',
    table: oidcProvidersTable,
    recordName: (provider) => oidcProviderName(provider.accountId, provider.url),
    target: providerTarget,
  }),
];
