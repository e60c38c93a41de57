import type { GetAccessKeyInfoRequest, GetAccessKeyInfoResponse } from '@aws-sdk/client-sts';
import { KeyholdError } from '../../runtime/errors.ts';
import { required, structure } from '../../wire/shapes.ts';
import * as sts from '../../wire/sts-shapes.ts';
import { accountTarget } from '../account-target.ts';
import { accountOfSessionKeyId } from '../iam/identifiers.ts';
import { accessKeysTable } from '../iam/records.ts';
import type { StsOperation } from './ports.ts';
import { refusingSessions } from './targets.ts';

/** Of any account's access key: who asks learns the account, and nothing of whose key it is or whether it is active. */
export const getAccessKeyInfo: StsOperation<GetAccessKeyInfoRequest, GetAccessKeyInfoResponse, { account: undefined }> =
  {
    name: 'GetAccessKeyInfo',
    input: structure<GetAccessKeyInfoRequest>({ AccessKeyId: required(sts.accessKeyId) }),
    targets: { account: refusingSessions(accountTarget('sts:GetAccessKeyInfo'), ['user', 'federated']) },
    effect: 'read',
    audit: { readOnly: true, request: ['AccessKeyId'] },
    handle: async ({ input: { AccessKeyId }, ports }) => {
      const account =
        accountOfSessionKeyId(AccessKeyId) ?? (await ports.store.get(accessKeysTable, AccessKeyId))?.value.accountId;
      // AWS: "Providing a deleted access key might return an error that the key doesn't exist."
      if (account === undefined) {
        throw new KeyholdError('ValidationException', `The access key ID ${AccessKeyId} does not exist.`);
      }
      return { Account: account };
    },
  };
