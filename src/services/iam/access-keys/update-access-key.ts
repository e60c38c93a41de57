import type { UpdateAccessKeyRequest } from '@aws-sdk/client-iam';
import { KeyholdError } from '../../../runtime/errors.ts';
import { accessKeyId, existingUserName } from '../../../wire/iam-shapes.ts';
import { enumeration, required, structure } from '../../../wire/shapes.ts';
import type { IamOperation } from '../ports.ts';
import { accessKeysTable } from '../records.ts';
import { type UserOrRoot, userOrCallerTarget } from '../users/user-target.ts';
import { ownedKey } from './owned-key.ts';
import { ownerOf } from './owner.ts';

export const updateAccessKey: IamOperation<UpdateAccessKeyRequest, undefined, { owner: UserOrRoot }> = {
  name: 'UpdateAccessKey',
  input: structure<UpdateAccessKeyRequest>({
    UserName: existingUserName,
    AccessKeyId: required(accessKeyId),
    Status: required(enumeration(['Active', 'Inactive', 'Expired'])),
  }),
  targets: { owner: userOrCallerTarget('iam:UpdateAccessKey') },
  effect: 'change',
  audit: { readOnly: false, request: ['UserName', 'AccessKeyId', 'Status'] },
  async handle({ input, targets, scope, transaction }) {
    const owner = await ownerOf(transaction, scope.caller.principal.accountId, targets.owner);
    const { value, version } = await ownedKey(transaction, owner, input.AccessKeyId);
    const { Status: status } = input;
    // Only what AWS itself ends is expired.
    if (status === 'Expired') {
      throw new KeyholdError('InvalidInputException', 'The status of an access key can be set to Active or Inactive.');
    }
    await transaction.replace(accessKeysTable, value.accessKeyId, { ...value, status }, version);
    return undefined;
  },
};
