import type { UpdateCustomKeyStoreRequest, UpdateCustomKeyStoreResponse } from '@aws-sdk/client-kms';
import { customKeyStoreId } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import {
  connectionMembers,
  customKeyStoreName,
  refuseCustomKeyStores,
  shownConnectionMembers,
} from './custom-key-stores.ts';
import type { KmsOperation } from './ports.ts';
import { accountTarget } from './targets.ts';

export const updateCustomKeyStore: KmsOperation<
  UpdateCustomKeyStoreRequest,
  UpdateCustomKeyStoreResponse,
  { account: undefined }
> = {
  name: 'UpdateCustomKeyStore',
  notYet: true,
  input: structure<UpdateCustomKeyStoreRequest>({
    CustomKeyStoreId: required(customKeyStoreId),
    NewCustomKeyStoreName: customKeyStoreName,
    ...connectionMembers,
  }),
  targets: { account: accountTarget('kms:UpdateCustomKeyStore') },
  effect: 'change',
  audit: { readOnly: false, request: ['CustomKeyStoreId', 'NewCustomKeyStoreName', ...shownConnectionMembers] },
  handle: refuseCustomKeyStores,
};
