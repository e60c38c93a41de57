import type { AccessKeyMetadata, ListAccessKeysRequest, ListAccessKeysResponse } from '@aws-sdk/client-iam';
import { existingUserName, marker, maxItems } from '../../../wire/iam-shapes.ts';
import { structure } from '../../../wire/shapes.ts';
import { listItems } from '../listing.ts';
import type { IamOperation } from '../ports.ts';
import { type UserOrRoot, userOrCallerTarget } from '../users/user-target.ts';
import { ownedKey } from './owned-key.ts';
import { ownerName, ownerOf } from './owner.ts';

export const listAccessKeys: IamOperation<ListAccessKeysRequest, ListAccessKeysResponse, { owner: UserOrRoot }> = {
  name: 'ListAccessKeys',
  input: structure<ListAccessKeysRequest>({ UserName: existingUserName, Marker: marker, MaxItems: maxItems }),
  targets: { owner: userOrCallerTarget('iam:ListAccessKeys') },
  effect: 'read',
  audit: { readOnly: true, request: ['UserName', 'Marker', 'MaxItems'] },
  async handle({ input, targets, scope, ports }) {
    const owner = await ownerOf(ports.store, scope.caller.principal.accountId, targets.owner);
    const { items, more } = listItems(owner.accessKeyIds, 'ListAccessKeys', input, (id) => id);
    const keys: AccessKeyMetadata[] = [];
    for (const id of items) {
      const { status, createdAtMs } = (await ownedKey(ports.store, owner, id)).value;
      keys.push({ ...ownerName(owner), AccessKeyId: id, Status: status, CreateDate: new Date(createdAtMs) });
    }
    return { AccessKeyMetadata: keys, ...more };
  },
};
