import type { ListOpenIDConnectProvidersRequest, ListOpenIDConnectProvidersResponse } from '@aws-sdk/client-iam';
import { structure } from '../../../wire/shapes.ts';
import { oidcProviderArn } from '../arns.ts';
import { accountTarget } from '../entity.ts';
import type { IamOperation } from '../ports.ts';
import { accountPrefix, oidcProvidersTable } from '../records.ts';
import { MOST_PROVIDERS } from './provider-rules.ts';

/** All of them at once: AWS has no pages here. */
export const listOpenIdConnectProviders: IamOperation<
  ListOpenIDConnectProvidersRequest,
  ListOpenIDConnectProvidersResponse,
  { account: undefined }
> = {
  name: 'ListOpenIDConnectProviders',
  input: structure<ListOpenIDConnectProvidersRequest>({}),
  targets: { account: accountTarget('iam:ListOpenIDConnectProviders') },
  effect: 'read',
  audit: { readOnly: true, request: [] },
  async handle({ scope, ports }) {
    const prefix = accountPrefix(scope.caller.principal.accountId);
    const providers = await ports.store.list(oidcProvidersTable, { prefix, limit: MOST_PROVIDERS });
    return { OpenIDConnectProviderList: providers.map(({ value }) => ({ Arn: oidcProviderArn(value) })) };
  },
};
