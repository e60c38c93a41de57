import type { UpdateOpenIDConnectProviderThumbprintRequest } from '@aws-sdk/client-iam';
import { arn, thumbprints } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import type { Entity } from '../entity.ts';
import type { IamOperation } from '../ports.ts';
import type { OidcProviderRecord } from '../records.ts';
import { newThumbprints } from './provider-rules.ts';
import { changeProvider, providerTarget } from './provider-target.ts';

/** "The list that you pass with this operation completely replaces the existing list of thumbprints." */
export const updateOpenIdConnectProviderThumbprint: IamOperation<
  UpdateOpenIDConnectProviderThumbprintRequest,
  undefined,
  { provider: Entity<OidcProviderRecord> }
> = {
  name: 'UpdateOpenIDConnectProviderThumbprint',
  input: structure<UpdateOpenIDConnectProviderThumbprintRequest>({
    OpenIDConnectProviderArn: required(arn),
    ThumbprintList: required(thumbprints),
  }),
  targets: {
    provider: providerTarget({
      permission: 'iam:UpdateOpenIDConnectProviderThumbprint',
      name: (input) => input.OpenIDConnectProviderArn,
    }),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['OpenIDConnectProviderArn', 'ThumbprintList'] },
  async handle({ input, targets: { provider }, transaction }) {
    await changeProvider(transaction, provider, { thumbprints: newThumbprints(input.ThumbprintList) });
    return undefined;
  },
};
