import type { ListUsersRequest, ListUsersResponse } from '@aws-sdk/client-iam';
import { marker, maxItems, pathPrefix } from '../../../wire/iam-shapes.ts';
import { structure } from '../../../wire/shapes.ts';
import { listingTarget } from '../entity.ts';
import { listRecords } from '../listing.ts';
import type { IamOperation } from '../ports.ts';
import { accountPrefix, usersTable } from '../records.ts';
import { listedUser } from './shown-user.ts';

export const listUsers: IamOperation<ListUsersRequest, ListUsersResponse, { account: string }> = {
  name: 'ListUsers',
  input: structure<ListUsersRequest>({ PathPrefix: pathPrefix, Marker: marker, MaxItems: maxItems }),
  targets: { account: listingTarget('iam:ListUsers', 'user') },
  effect: 'read',
  audit: { readOnly: true, request: ['PathPrefix', 'Marker', 'MaxItems'] },
  async handle({ input, scope, ports }) {
    const prefix = accountPrefix(scope.caller.principal.accountId);
    const { items, more } = await listRecords(ports.store, usersTable, prefix, 'ListUsers', input);
    const { PathPrefix = '/' } = input;
    return { Users: items.filter(({ path }) => path.startsWith(PathPrefix)).map(listedUser), ...more };
  },
};
