import type { DeleteCustomKeyStoreRequest, DeleteCustomKeyStoreResponse } from '@aws-sdk/client-kms';
import { customKeyStoreId } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { refuseCustomKeyStores } from './custom-key-stores.ts';
import type { KmsOperation } from './ports.ts';
import { accountTarget } from './targets.ts';

export const deleteCustomKeyStore: KmsOperation<
  DeleteCustomKeyStoreRequest,
  DeleteCustomKeyStoreResponse,
  { account: undefined }
> = {
  name: 'DeleteCustomKeyStore',
  notYet: true,
  input: structure<DeleteCustomKeyStoreRequest>({ CustomKeyStoreId: required(customKeyStoreId) }),
  targets: { account: accountTarget('kms:DeleteCustomKeyStore') },
  effect: 'change',
  audit: { readOnly: false, request: ['CustomKeyStoreId'] },
  handle: refuseCustomKeyStores,
};
