import type { DisconnectCustomKeyStoreRequest, DisconnectCustomKeyStoreResponse } from '@aws-sdk/client-kms';
import { customKeyStoreId } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { refuseCustomKeyStores } from './custom-key-stores.ts';
import type { KmsOperation } from './ports.ts';
import { accountTarget } from './targets.ts';

export const disconnectCustomKeyStore: KmsOperation<
  DisconnectCustomKeyStoreRequest,
  DisconnectCustomKeyStoreResponse,
  { account: undefined }
> = {
  name: 'DisconnectCustomKeyStore',
  notYet: true,
  input: structure<DisconnectCustomKeyStoreRequest>({ CustomKeyStoreId: required(customKeyStoreId) }),
  targets: { account: accountTarget('kms:DisconnectCustomKeyStore') },
  effect: 'change',
  audit: { readOnly: false, request: ['CustomKeyStoreId'] },
  handle: refuseCustomKeyStores,
};
