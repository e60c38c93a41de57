import type { AccessKey, CreateAccessKeyRequest, CreateAccessKeyResponse } from '@aws-sdk/client-iam';
import { existingUserName } from '../../../wire/iam-shapes.ts';
import { structure } from '../../../wire/shapes.ts';
import { newAccessKey } from '../administrator.ts';
import type { IamOperation } from '../ports.ts';
import { refuseBeyondQuota } from '../quotas.ts';
import { type AccessKeyRecord, accessKeysTable } from '../records.ts';
import { type UserOrRoot, userOrCallerTarget } from '../users/user-target.ts';
import { ownerName, ownerOf, replaceAccessKeysOf } from './owner.ts';

export const MOST_ACCESS_KEYS = 2;

/** The answer is the one place that ever shows the secret. */
export const createAccessKey: IamOperation<CreateAccessKeyRequest, CreateAccessKeyResponse, { owner: UserOrRoot }> = {
  name: 'CreateAccessKey',
  input: structure<CreateAccessKeyRequest>({ UserName: existingUserName }),
  targets: { owner: userOrCallerTarget('iam:CreateAccessKey') },
  effect: 'change',
  audit: {
    readOnly: false,
    request: ['UserName'],
    response: ({ AccessKey: { UserName, AccessKeyId, Status, CreateDate } = {} as AccessKey }) => ({
      AccessKey: { UserName, AccessKeyId, Status, CreateDate },
    }),
  },
  async handle({ targets, scope, ports, transaction }) {
    const owner = await ownerOf(transaction, scope.caller.principal.accountId, targets.owner);
    refuseBeyondQuota('AccessKeysPerUser', MOST_ACCESS_KEYS, owner.accessKeyIds.length);
    const { accountId, user, accessKeyIds } = owner;
    const key: AccessKeyRecord = {
      ...newAccessKey(ports.random),
      accountId,
      ...(user === undefined ? {} : { userName: user.record.userName }),
      status: 'Active',
      createdAtMs: scope.nowMs,
    };
    const { accessKeyId, secretAccessKey, status, createdAtMs } = key;
    await transaction.create(accessKeysTable, accessKeyId, key);
    await replaceAccessKeysOf(transaction, owner, [...accessKeyIds, accessKeyId].toSorted());
    const shown = {
      ...ownerName(owner),
      AccessKeyId: accessKeyId,
      Status: status,
      SecretAccessKey: secretAccessKey,
      CreateDate: new Date(createdAtMs),
    };
    return { AccessKey: shown as AccessKey };
  },
};
