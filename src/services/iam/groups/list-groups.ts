import type { ListGroupsRequest, ListGroupsResponse } from '@aws-sdk/client-iam';
import { marker, maxItems, pathPrefix } from '../../../wire/iam-shapes.ts';
import { structure } from '../../../wire/shapes.ts';
import { listingTarget } from '../entity.ts';
import { listRecords } from '../listing.ts';
import type { IamOperation } from '../ports.ts';
import { accountPrefix, groupsTable } from '../records.ts';
import { shownGroup } from './shown-group.ts';

export const listGroups: IamOperation<ListGroupsRequest, ListGroupsResponse, { account: string }> = {
  name: 'ListGroups',
  input: structure<ListGroupsRequest>({ PathPrefix: pathPrefix, Marker: marker, MaxItems: maxItems }),
  targets: { account: listingTarget('iam:ListGroups', 'group') },
  effect: 'read',
  audit: { readOnly: true, request: ['PathPrefix', 'Marker', 'MaxItems'] },
  async handle({ input, scope, ports }) {
    const prefix = accountPrefix(scope.caller.principal.accountId);
    const { items, more } = await listRecords(ports.store, groupsTable, prefix, 'ListGroups', input);
    const { PathPrefix = '/' } = input;
    return { Groups: items.filter(({ path }) => path.startsWith(PathPrefix)).map(shownGroup), ...more };
  },
};
