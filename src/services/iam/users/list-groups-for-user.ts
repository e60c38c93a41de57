import type { Group, ListGroupsForUserRequest, ListGroupsForUserResponse } from '@aws-sdk/client-iam';
import { existingUserName, marker, maxItems } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import type { Entity } from '../entity.ts';
import { shownGroup } from '../groups/shown-group.ts';
import { linkedRecord } from '../linked-records.ts';
import { listItems } from '../listing.ts';
import type { IamOperation } from '../ports.ts';
import { groupsTable, identityName, type UserRecord } from '../records.ts';
import { userTarget } from './user-target.ts';

export const listGroupsForUser: IamOperation<
  ListGroupsForUserRequest,
  ListGroupsForUserResponse,
  { user: Entity<UserRecord> }
> = {
  name: 'ListGroupsForUser',
  input: structure<ListGroupsForUserRequest>({
    UserName: required(existingUserName),
    Marker: marker,
    MaxItems: maxItems,
  }),
  targets: { user: userTarget('iam:ListGroupsForUser') },
  effect: 'read',
  audit: { readOnly: true, request: ['UserName', 'Marker', 'MaxItems'] },
  async handle({ input, targets, ports }) {
    const { accountId, groups: names } = targets.user.record;
    const { items, more } = listItems(names, 'ListGroupsForUser', input, (name) => name);
    const Groups: Group[] = [];
    for (const name of items) {
      const { value } = await linkedRecord(ports.store, groupsTable, identityName(accountId, name));
      Groups.push(shownGroup(value));
    }
    return { Groups, ...more };
  },
};
