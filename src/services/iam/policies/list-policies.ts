import type { ListPoliciesRequest, ListPoliciesResponse, Policy } from '@aws-sdk/client-iam';
import type { Reader } from '../../../store/sealed-store.ts';
import { marker, maxItems, policyPath } from '../../../wire/iam-shapes.ts';
import { boolean, enumeration, type Input, structure } from '../../../wire/shapes.ts';
import { awsManagedPolicies } from '../aws-managed-policies.ts';
import { listingTarget } from '../entity.ts';
import { managedPolicies } from '../kinds.ts';
import { inTurns, type Listing, listItems, listRecords, listRecordsAndNames } from '../listing.ts';
import type { IamOperation } from '../ports.ts';
import { accountPrefix, type ManagedPolicyRecord, managedPoliciesTable } from '../records.ts';
import { recordOf } from './managed-policy.ts';
import { listedPolicy, type PolicyUsage, usageOfPolicy } from './shown-policy.ts';

/** AWS's own, in the order of names that no policy of an account has, for those hold no slash. */
const awsManaged: ReadonlyMap<string, ManagedPolicyRecord> = new Map(
  [...awsManagedPolicies.values()]
    .map((policy): [string, ManagedPolicyRecord] => [`/${policy.policyName}`, recordOf(policy)])
    .sort(([a], [b]) => (a < b ? -1 : 1)),
);

export const policyUsage = enumeration(['PermissionsPolicy', 'PermissionsBoundary']);

export const listPolicies: IamOperation<ListPoliciesRequest, ListPoliciesResponse, { account: string }> = {
  name: 'ListPolicies',
  input: structure<ListPoliciesRequest>({
    Scope: enumeration(['All', 'AWS', 'Local']),
    OnlyAttached: boolean(),
    PathPrefix: policyPath,
    PolicyUsageFilter: policyUsage,
    Marker: marker,
    MaxItems: maxItems,
  }),
  targets: { account: listingTarget('iam:ListPolicies', 'policy') },
  effect: 'read',
  audit: {
    readOnly: true,
    request: ['Scope', 'OnlyAttached', 'PathPrefix', 'PolicyUsageFilter', 'Marker', 'MaxItems'],
  },
  async handle({ input, scope, ports: { store } }) {
    const { accountId } = scope.caller.principal;
    const { PathPrefix = '/' } = input;
    const { items, more } = await pageOfPolicies(accountId, input, store);
    const shown: Policy[] = [];
    for await (const policy of inTurns(items)) {
      if (!policy.path.startsWith(PathPrefix)) continue;
      const usage = await usageOfPolicy(accountId, managedPolicies.arnOf(policy), store);
      if (isWanted(usage, input)) shown.push(listedPolicy(policy, usage));
    }
    return { Policies: shown, ...more };
  },
};

async function pageOfPolicies(
  accountId: string,
  input: Input<ListPoliciesRequest>,
  reader: Reader,
): Promise<Listing<ManagedPolicyRecord>> {
  const own = accountPrefix(accountId);
  if (input.Scope === 'Local') return listRecords(reader, managedPoliciesTable, own, 'ListPolicies', input);
  if (input.Scope === 'AWS') {
    const { items, more } = listItems([...awsManaged], 'ListPolicies', input, ([name]) => name);
    return { items: items.map(([, policy]) => policy), more };
  }
  const names = [...awsManaged.keys()];
  const { items, more } = await listRecordsAndNames(reader, managedPoliciesTable, own, names, 'ListPolicies', input);
  return { items: items.flatMap(({ name, value }) => value ?? awsManaged.get(name) ?? []), more };
}

function isWanted({ attachments, boundaries }: PolicyUsage, input: ListPoliciesRequest): boolean {
  if (input.PolicyUsageFilter === 'PermissionsBoundary') return boundaries > 0;
  return attachments > 0 || (input.PolicyUsageFilter === undefined && input.OnlyAttached !== true);
}
