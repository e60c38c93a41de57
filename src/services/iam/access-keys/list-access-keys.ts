import type { AccessKeyMetadata, ListAccessKeysRequest, ListAccessKeysResponse } from '@aws-sdk/client-iam';
import { existingUserName, marker, maxItems } from '../../../wire/iam-shapes.ts';
import { structure } from '../../../wire/shapes.ts';
import { listItems } from '../listing.ts';
import type { IamOperation } from '../ports.ts';
import type { AccessKeyRecord } from '../records.ts';
import { type UserOrRoot, userOrCallerTarget } from '../users/user-target.ts';
import { ownedKey } from './owned-key.ts';
import { ownerName, ownerOf } from './owner.ts';

/** The older one first: tools that replace a user's keys tell them by their dates, in whole seconds, and by this order. */
function byAge({ createdAtMs, accessKeyId }: AccessKeyRecord): string {
  return `${String(createdAtMs).padStart(16, '0')} ${accessKeyId}`;
}

function shown({ accessKeyId, status, createdAtMs }: AccessKeyRecord, owner: UserOrRoot): AccessKeyMetadata {
  return {
    ...ownerName(owner),
    AccessKeyId: accessKeyId,
    Status: status,
    CreateDate: new Date(createdAtMs),
  };
}

export const listAccessKeys: IamOperation<ListAccessKeysRequest, ListAccessKeysResponse, { owner: UserOrRoot }> = {
  name: 'ListAccessKeys',
  input: structure<ListAccessKeysRequest>({ UserName: existingUserName, Marker: marker, MaxItems: maxItems }),
  targets: { owner: userOrCallerTarget('iam:ListAccessKeys') },
  effect: 'read',
  audit: { readOnly: true, request: ['UserName', 'Marker', 'MaxItems'] },
  async handle({ input, targets, scope, ports }) {
    const owner = await ownerOf(ports.store, scope.caller.principal.accountId, targets.owner);
    const keys: AccessKeyRecord[] = [];
    for (const id of owner.accessKeyIds) keys.push((await ownedKey(ports.store, owner, id)).value);
    keys.sort((a, b) => (byAge(a) < byAge(b) ? -1 : 1));
    const { items, more } = listItems(keys, 'ListAccessKeys', input, byAge);
    return { AccessKeyMetadata: items.map((key) => shown(key, owner)), ...more };
  },
};
