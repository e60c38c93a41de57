import type { CreateCustomKeyStoreRequest, CreateCustomKeyStoreResponse } from '@aws-sdk/client-kms';
import { required, structure } from '../../wire/shapes.ts';
import {
  connectionMembers,
  customKeyStoreName,
  customKeyStoreType,
  refuseCustomKeyStores,
  shownConnectionMembers,
  trustAnchorCertificate,
} from './custom-key-stores.ts';
import type { KmsOperation } from './ports.ts';
import { accountTarget } from './targets.ts';

export const createCustomKeyStore: KmsOperation<
  CreateCustomKeyStoreRequest,
  CreateCustomKeyStoreResponse,
  { account: undefined }
> = {
  name: 'CreateCustomKeyStore',
  notYet: true,
  input: structure<CreateCustomKeyStoreRequest>({
    CustomKeyStoreName: required(customKeyStoreName),
    CustomKeyStoreType: customKeyStoreType,
    TrustAnchorCertificate: trustAnchorCertificate,
    ...connectionMembers,
  }),
  targets: { account: accountTarget('kms:CreateCustomKeyStore') },
  effect: 'change',
  audit: { readOnly: false, request: ['CustomKeyStoreName', 'CustomKeyStoreType', ...shownConnectionMembers] },
  handle: refuseCustomKeyStores,
};
