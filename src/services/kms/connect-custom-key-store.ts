import type { ConnectCustomKeyStoreRequest, ConnectCustomKeyStoreResponse } from '@aws-sdk/client-kms';
import { customKeyStoreId } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { refuseCustomKeyStores } from './custom-key-stores.ts';
import type { KmsOperation } from './ports.ts';
import { accountTarget } from './targets.ts';

export const connectCustomKeyStore: KmsOperation<
  ConnectCustomKeyStoreRequest,
  ConnectCustomKeyStoreResponse,
  { account: undefined }
> = {
  name: 'ConnectCustomKeyStore',
  notYet: true,
  input: structure<ConnectCustomKeyStoreRequest>({ CustomKeyStoreId: required(customKeyStoreId) }),
  targets: { account: accountTarget('kms:ConnectCustomKeyStore') },
  effect: 'change',
  audit: { readOnly: false, request: ['CustomKeyStoreId'] },
  handle: refuseCustomKeyStores,
};
