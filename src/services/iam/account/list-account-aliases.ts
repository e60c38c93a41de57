import type { ListAccountAliasesRequest, ListAccountAliasesResponse } from '@aws-sdk/client-iam';
import { marker, maxItems } from '../../../wire/iam-shapes.ts';
import { structure } from '../../../wire/shapes.ts';
import { accountTarget } from '../entity.ts';
import { listItems } from '../listing.ts';
import type { IamOperation } from '../ports.ts';
import { accountsTable } from '../records.ts';

export const listAccountAliases: IamOperation<
  ListAccountAliasesRequest,
  ListAccountAliasesResponse,
  { account: undefined }
> = {
  name: 'ListAccountAliases',
  input: structure<ListAccountAliasesRequest>({ Marker: marker, MaxItems: maxItems }),
  targets: { account: accountTarget('iam:ListAccountAliases') },
  effect: 'read',
  audit: { readOnly: true, request: ['Marker', 'MaxItems'] },
  async handle({ input, scope, ports }) {
    const alias = (await ports.store.get(accountsTable, scope.caller.principal.accountId))?.value.alias;
    const aliases = alias === undefined ? [] : [alias];
    const { items, more } = listItems(aliases, 'ListAccountAliases', input, (each) => each);
    return { AccountAliases: items, ...more };
  },
};
