import type { ListGrantsRequest, ListGrantsResponse } from '@aws-sdk/client-kms';
import type { GrantRecord } from '../../keys/grant.ts';
import {
  grantName,
  grantsOfGranteePrefix,
  grantsOfGranteeTable,
  grantsPrefix,
  grantsTable,
} from '../../keys/tables.ts';
import { grantId, keyId, limitUpTo, marker, principal } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { pageOfRecords } from '../pagination.ts';
import { forAwsResource } from './condition-keys.ts';
import { grantListEntries } from './grant-list-entry.ts';
import { identifiedIfKnown } from './grant-principals.ts';
import { isNamed, nameInGrants, placeOf } from './grant-rows.ts';
import { checkGrantId, forServicesOnly, onePrincipal } from './grant-rules.ts';
import type { KmsOperation } from './ports.ts';
import { type KeyResource, keyTarget } from './targets.ts';

const USUAL_LIMIT = 50;

export const listGrants: KmsOperation<ListGrantsRequest, ListGrantsResponse, { key: KeyResource }> = {
  name: 'ListGrants',
  input: structure<ListGrantsRequest>({
    Limit: limitUpTo(100),
    Marker: marker,
    KeyId: required(keyId),
    GrantId: grantId,
    GranteePrincipal: principal,
    GranteeServicePrincipal: principal,
  }),
  validate: (input) => {
    if (input.GrantId !== undefined) checkGrantId(input.GrantId);
    onePrincipal('Grantee', input.GranteePrincipal, input.GranteeServicePrincipal);
    if (input.GranteeServicePrincipal !== undefined) throw forServicesOnly('GranteeServicePrincipal');
  },
  targets: {
    key: keyTarget({
      operation: 'ListGrants',
      reference: (input) => input.KeyId,
      accepts: 'key',
      crossAccount: true,
      conditions: forAwsResource,
    }),
  },
  effect: 'read',
  audit: {
    readOnly: true,
    request: ['KeyId', 'Limit', 'Marker', 'GrantId', 'GranteePrincipal', 'GranteeServicePrincipal'],
  },
  async handle({ input, targets, ports }) {
    const { identity } = targets.key;
    const named = onePrincipal('Grantee', input.GranteePrincipal, input.GranteeServicePrincipal);
    const grantee = named && nameInGrants(await identifiedIfKnown(named, ports.store));
    const entries = (grants: readonly (GrantRecord | undefined)[]) =>
      grantListEntries(
        // One that has gone since the page was read is not listed.
        grants.flatMap((grant) => (grant === undefined ? [] : [{ key: identity, grant }])),
        ports.store,
      );
    if (input.GrantId !== undefined) {
      const grant = (await ports.store.get(grantsTable, grantName(placeOf(identity, input.GrantId))))?.value;
      const isWanted = grantee === undefined || isNamed(grant?.grantee, grantee);
      return { Grants: isWanted ? await entries([grant]) : [], Truncated: false };
    }
    if (grantee === undefined) {
      const prefix = grantsPrefix(identity);
      const { items, ...rest } = await pageOfRecords(
        ports.store,
        grantsTable,
        prefix,
        'ListGrants',
        input,
        USUAL_LIMIT,
      );
      return { Grants: await entries(items.map(({ value }) => value)), ...rest };
    }
    const { items, ...rest } = await pageOfRecords(
      ports.store,
      grantsOfGranteeTable,
      grantsOfGranteePrefix(identity, grantee),
      'ListGrants',
      input,
      USUAL_LIMIT,
    );
    const found = await Promise.all(items.map(({ value }) => ports.store.get(grantsTable, grantName(value))));
    return { Grants: await entries(found.map((grant) => grant?.value)), ...rest };
  },
};
