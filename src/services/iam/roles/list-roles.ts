import type { ListRolesRequest, ListRolesResponse, Role } from '@aws-sdk/client-iam';
import { marker, maxItems, pathPrefix } from '../../../wire/iam-shapes.ts';
import { structure } from '../../../wire/shapes.ts';
import { listingTarget } from '../entity.ts';
import { inTurns, listRecords } from '../listing.ts';
import type { IamOperation } from '../ports.ts';
import type { KnownPrincipals } from '../principals.ts';
import { accountPrefix, rolesTable } from '../records.ts';
import { listedRole } from './shown-role.ts';

export const listRoles: IamOperation<ListRolesRequest, ListRolesResponse, { account: string }> = {
  name: 'ListRoles',
  input: structure<ListRolesRequest>({ PathPrefix: pathPrefix, Marker: marker, MaxItems: maxItems }),
  targets: { account: listingTarget('iam:ListRoles', 'role') },
  effect: 'read',
  audit: { readOnly: true, request: ['PathPrefix', 'Marker', 'MaxItems'] },
  async handle({ input, scope, ports: { store } }) {
    const prefix = accountPrefix(scope.caller.principal.accountId);
    const { items, more } = await listRecords(store, rolesTable, prefix, 'ListRoles', input);
    const { PathPrefix = '/' } = input;
    const Roles: Role[] = [];
    const known: KnownPrincipals = new Map();
    for await (const role of inTurns(items)) {
      if (role.path.startsWith(PathPrefix)) Roles.push(await listedRole(role, store, known));
    }
    return { Roles, ...more };
  },
};
