import type { CreateOpenIDConnectProviderRequest, CreateOpenIDConnectProviderResponse } from '@aws-sdk/client-iam';
import { clientIds, oidcProviderUrl, tags, thumbprints } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import { providerName } from '../../sts/web-identity/provider-url.ts';
import type { IamOperation } from '../ports.ts';
import { refuseBeyondAccountQuota } from '../quotas.ts';
import { type OidcProviderRecord, oidcProviderName, oidcProvidersTable } from '../records.ts';
import { newTags, requestTagConditions, shownTags, taggingTarget } from '../tags.ts';
import { checkProviderUrl, MOST_PROVIDERS, newClientIds, newThumbprints } from './provider-rules.ts';
import { type FoundProvider, newProviderTarget } from './provider-target.ts';

/**
 * AWS, where no thumbprints are given, asks the provider for its certificate. Here a provider without thumbprints is one whose
 * certificate the system's authorities vouch for, which is seen when its keys are fetched: so it need not be reachable yet.
 */
export const createOpenIdConnectProvider: IamOperation<
  CreateOpenIDConnectProviderRequest,
  CreateOpenIDConnectProviderResponse,
  { provider: FoundProvider; tagging: FoundProvider }
> = {
  name: 'CreateOpenIDConnectProvider',
  input: structure<CreateOpenIDConnectProviderRequest>({
    Url: required(oidcProviderUrl),
    ClientIDList: clientIds,
    ThumbprintList: thumbprints,
    Tags: tags,
  }),
  validate: ({ Url }) => checkProviderUrl(Url),
  targets: {
    provider: newProviderTarget(
      'iam:CreateOpenIDConnectProvider',
      requestTagConditions(({ Tags }) => Tags),
    ),
    tagging: taggingTarget(
      newProviderTarget(
        'iam:TagOpenIDConnectProvider',
        requestTagConditions(({ Tags }) => Tags),
      ),
    ),
  },
  effect: 'change',
  audit: {
    readOnly: false,
    request: ['Url', 'ClientIDList', 'ThumbprintList', 'Tags'],
    response: (output) => output,
  },
  async handle({ input, targets, scope, transaction }) {
    const { accountId } = scope.caller.principal;
    const quota = 'OpenIdConnectProvidersPerAccount';
    await refuseBeyondAccountQuota(transaction, oidcProvidersTable, accountId, quota, MOST_PROVIDERS);
    const provider: OidcProviderRecord = {
      accountId,
      url: providerName(input.Url),
      clientIds: newClientIds(input.ClientIDList ?? []),
      thumbprints: newThumbprints(input.ThumbprintList ?? []),
      tags: newTags(input.Tags, 'told'),
      createdAtMs: scope.nowMs,
    };
    await transaction.create(oidcProvidersTable, oidcProviderName(accountId, provider.url), provider);
    return {
      OpenIDConnectProviderArn: targets.provider.arn,
      ...(provider.tags.length === 0 ? {} : { Tags: shownTags(provider.tags) }),
    };
  },
};
