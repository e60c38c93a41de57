import type { GetCallerIdentityRequest, GetCallerIdentityResponse } from '@aws-sdk/client-sts';
import { structure } from '../../wire/shapes.ts';
import type { StsOperation } from './ports.ts';
import { freeForAll } from './targets.ts';

export const getCallerIdentity: StsOperation<
  GetCallerIdentityRequest,
  GetCallerIdentityResponse,
  { caller: undefined }
> = {
  name: 'GetCallerIdentity',
  input: structure<GetCallerIdentityRequest>({}),
  targets: { caller: freeForAll('sts:GetCallerIdentity') },
  effect: 'read',
  audit: { readOnly: true, request: [] },
  handle: ({ scope }) => {
    const { id, accountId, arn } = scope.caller.principal;
    return { UserId: id, Account: accountId, Arn: arn };
  },
};
