import type { DescribeCustomKeyStoresRequest, DescribeCustomKeyStoresResponse } from '@aws-sdk/client-kms';
import { customKeyStoreId, limit, marker } from '../../wire/kms-shapes.ts';
import { structure } from '../../wire/shapes.ts';
import { customKeyStoreName, refuseCustomKeyStores } from './custom-key-stores.ts';
import type { KmsOperation } from './ports.ts';
import { accountTarget } from './targets.ts';

export const describeCustomKeyStores: KmsOperation<
  DescribeCustomKeyStoresRequest,
  DescribeCustomKeyStoresResponse,
  { account: undefined }
> = {
  name: 'DescribeCustomKeyStores',
  notYet: true,
  input: structure<DescribeCustomKeyStoresRequest>({
    CustomKeyStoreId: customKeyStoreId,
    CustomKeyStoreName: customKeyStoreName,
    Limit: limit,
    Marker: marker,
  }),
  targets: { account: accountTarget('kms:DescribeCustomKeyStores') },
  effect: 'read',
  audit: { readOnly: true, request: ['CustomKeyStoreId', 'CustomKeyStoreName', 'Limit', 'Marker'] },
  handle: refuseCustomKeyStores,
};
