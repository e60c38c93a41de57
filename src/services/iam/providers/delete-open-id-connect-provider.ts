import type { DeleteOpenIDConnectProviderRequest } from '@aws-sdk/client-iam';
import { arn } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import type { Entity } from '../entity.ts';
import type { IamOperation } from '../ports.ts';
import { type OidcProviderRecord, oidcProviderName, oidcProvidersTable } from '../records.ts';
import { providerTarget } from './provider-target.ts';

/**
 * AWS's API reference calls this idempotent, but AWS misses a provider that does not exist, in words of its own
 * (LocalStack's test_iam_oidc snapshot, recorded from AWS in February 2026).
 */
export const deleteOpenIdConnectProvider: IamOperation<
  DeleteOpenIDConnectProviderRequest,
  undefined,
  { provider: Entity<OidcProviderRecord> }
> = {
  name: 'DeleteOpenIDConnectProvider',
  input: structure<DeleteOpenIDConnectProviderRequest>({ OpenIDConnectProviderArn: required(arn) }),
  targets: {
    provider: providerTarget({
      permission: 'iam:DeleteOpenIDConnectProvider',
      name: (input) => input.OpenIDConnectProviderArn,
      missing: (providerArn) => `OpenId connect Provider ${providerArn} cannot be found.`,
    }),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['OpenIDConnectProviderArn'] },
  async handle({ targets, transaction }) {
    const { record, version } = targets.provider;
    await transaction.remove(oidcProvidersTable, oidcProviderName(record.accountId, record.url), version);
    return undefined;
  },
};
