import type { DeleteAccessKeyRequest } from '@aws-sdk/client-iam';
import { accessKeyId, existingUserName } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import { forgetUsage } from '../identity-usages.ts';
import type { IamOperation } from '../ports.ts';
import { accessKeysTable, accessKeyUsagesTable } from '../records.ts';
import { type UserOrRoot, userOrCallerTarget } from '../users/user-target.ts';
import { ownedKey } from './owned-key.ts';
import { ownerOf, replaceAccessKeysOf } from './owner.ts';

export const deleteAccessKey: IamOperation<DeleteAccessKeyRequest, undefined, { owner: UserOrRoot }> = {
  name: 'DeleteAccessKey',
  input: structure<DeleteAccessKeyRequest>({ UserName: existingUserName, AccessKeyId: required(accessKeyId) }),
  targets: { owner: userOrCallerTarget('iam:DeleteAccessKey') },
  effect: 'change',
  audit: { readOnly: false, request: ['UserName', 'AccessKeyId'] },
  async handle({ input, targets, scope, transaction }) {
    const owner = await ownerOf(transaction, scope.caller.principal.accountId, targets.owner);
    const { value, version } = await ownedKey(transaction, owner, input.AccessKeyId);
    const { accessKeyId: id } = value;
    await transaction.remove(accessKeysTable, id, version);
    const others = owner.accessKeyIds.filter((each) => each !== id);
    await replaceAccessKeysOf(transaction, owner, others);
    await forgetUsage(transaction, accessKeyUsagesTable, id);
    return undefined;
  },
};
