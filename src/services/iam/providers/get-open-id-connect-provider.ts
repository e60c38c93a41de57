import type { GetOpenIDConnectProviderRequest, GetOpenIDConnectProviderResponse } from '@aws-sdk/client-iam';
import { arn } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import type { Entity } from '../entity.ts';
import type { IamOperation } from '../ports.ts';
import type { OidcProviderRecord } from '../records.ts';
import { shownTags } from '../tags.ts';
import { providerTarget } from './provider-target.ts';

export const getOpenIdConnectProvider: IamOperation<
  GetOpenIDConnectProviderRequest,
  GetOpenIDConnectProviderResponse,
  { provider: Entity<OidcProviderRecord> }
> = {
  name: 'GetOpenIDConnectProvider',
  input: structure<GetOpenIDConnectProviderRequest>({ OpenIDConnectProviderArn: required(arn) }),
  targets: {
    provider: providerTarget({
      permission: 'iam:GetOpenIDConnectProvider',
      name: (input) => input.OpenIDConnectProviderArn,
    }),
  },
  effect: 'read',
  audit: { readOnly: true, request: ['OpenIDConnectProviderArn'] },
  handle({ targets }) {
    const { url, clientIds, thumbprints, tags, createdAtMs } = targets.provider.record;
    return {
      Url: url,
      ClientIDList: [...clientIds],
      ThumbprintList: [...thumbprints],
      CreateDate: new Date(createdAtMs),
      Tags: shownTags(tags),
    };
  },
};
