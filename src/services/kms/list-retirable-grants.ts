import type { ListGrantsResponse, ListRetirableGrantsRequest } from '@aws-sdk/client-kms';
import { parsePrincipalArn } from '../../authorization/index.ts';
import { grantName, grantsOfRetiringPrincipalTable, grantsTable } from '../../keys/tables.ts';
import { invariant } from '../../runtime/errors.ts';
import { limitUpTo, marker, principal } from '../../wire/kms-shapes.ts';
import { structure } from '../../wire/shapes.ts';
import { conditionReader } from '../condition-table.ts';
import { pageOfRecords } from '../pagination.ts';
import { callerConditions } from './condition-keys.ts';
import { missingMember } from './errors.ts';
import { type GrantOfKey, grantListEntries } from './grant-list-entry.ts';
import { identifiedIfKnown } from './grant-principals.ts';
import { retiringPrefix } from './grant-rows.ts';
import { forServicesOnly, retiringPrincipalOf } from './grant-rules.ts';
import { livingKey } from './key-reference.ts';
import type { KmsOperation } from './ports.ts';

const USUAL_LIMIT = 50;

const callerReader = conditionReader(callerConditions);

export const listRetirableGrants: KmsOperation<
  ListRetirableGrantsRequest,
  ListGrantsResponse,
  { principal: Principal }
> = {
  name: 'ListRetirableGrants',
  input: structure<ListRetirableGrantsRequest>({
    Limit: limitUpTo(100),
    Marker: marker,
    RetiringPrincipal: principal,
    RetiringServicePrincipal: principal,
  }),
  validate: (input) => {
    if (retiringPrincipalOf(input) === undefined) throw missingMember('retiringPrincipal');
    if (input.RetiringServicePrincipal !== undefined) throw forServicesOnly('RetiringServicePrincipal');
  },
  // What is authorized is the principal that the request names, which must be of the caller's account; who may use the keys
  // of its grants is not asked ("ListRetirableGrants", API reference).
  targets: {
    principal: {
      permission: 'kms:ListRetirableGrants',
      resolve: async ({ RetiringPrincipal = '' }) => {
        const principal = parsePrincipalArn(RetiringPrincipal);
        invariant(principal !== undefined, 'the principal has been validated');
        return principal;
      },
      facts: (retiring) => retiring,
      condition: callerReader.read,
      summary: { namedBy: 'account', crossAccount: false, states: [], conditionKeys: callerReader.names },
    },
  },
  effect: 'read',
  audit: { readOnly: true, request: ['RetiringPrincipal', 'RetiringServicePrincipal', 'Limit', 'Marker'] },
  async handle({ input, targets, scope, ports }) {
    const retiring = await identifiedIfKnown({ kind: 'AWS', name: targets.principal.arn }, ports.store);
    const { items, ...rest } = await pageOfRecords(
      ports.store,
      grantsOfRetiringPrincipalTable,
      retiringPrefix(retiring, scope.region),
      'ListRetirableGrants',
      input,
      USUAL_LIMIT,
    );
    const grants: GrantOfKey[] = [];
    for (const { value: key } of items) {
      // The grants of a key that is gone are gone, whether or not the sweep has come to them.
      if ((await livingKey(ports.keys, key, scope.nowMs)) === undefined) continue;
      const grant = (await ports.store.get(grantsTable, grantName(key)))?.value;
      if (grant !== undefined) grants.push({ key, grant });
    }
    return { Grants: await grantListEntries(grants, ports.store), ...rest };
  },
};

interface Principal {
  readonly arn: string;
  readonly accountId: string;
}
