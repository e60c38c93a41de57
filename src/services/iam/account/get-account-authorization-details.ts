import type {
  GetAccountAuthorizationDetailsRequest,
  GetAccountAuthorizationDetailsResponse,
} from '@aws-sdk/client-iam';
import { marker, maxItems } from '../../../wire/iam-shapes.ts';
import { enumeration, list, structure } from '../../../wire/shapes.ts';
import { accountTarget } from '../entity.ts';
import { inTurns, type ListingRequest, listItems } from '../listing.ts';
import type { IamOperation } from '../ports.ts';
import type { KnownPrincipals } from '../principals.ts';
import { type AuthorizationDetails, detailKinds } from './authorization-details.ts';

const OPERATION = 'GetAccountAuthorizationDetails';

/**
 * Of documents, before they are encoded. "IAM might return fewer than the MaxItems number of results even when there are more
 * results available" (API reference): a thousand policies with all their versions would not fit into the memory.
 */
const MOST_CHARACTERS_OF_A_PAGE = 4 * 1024 * 1024;

export const getAccountAuthorizationDetails: IamOperation<
  GetAccountAuthorizationDetailsRequest,
  GetAccountAuthorizationDetailsResponse,
  { account: undefined }
> = {
  name: OPERATION,
  input: structure<GetAccountAuthorizationDetailsRequest>({
    Filter: list(enumeration(['User', 'Role', 'Group', 'LocalManagedPolicy', 'AWSManagedPolicy'])),
    MaxItems: maxItems,
    Marker: marker,
  }),
  targets: { account: accountTarget(`iam:${OPERATION}`) },
  effect: 'read',
  audit: { readOnly: true, request: ['Filter', 'MaxItems', 'Marker'] },
  async handle({ input, scope, ports }) {
    const { accountId } = scope.caller.principal;
    const { Filter = [] } = input;
    // One list for all kinds, of names alone: only what the page shows is read.
    const all: { readonly place: string; readonly name: string; readonly kind: (typeof detailKinds)[number] }[] = [];
    for (const [index, kind] of detailKinds.entries()) {
      if (Filter.length > 0 && !Filter.includes(kind.type)) continue;
      for (const name of await kind.names(accountId, ports.store)) all.push({ place: `${index}/${name}`, name, kind });
    }
    const page = (request: ListingRequest) => listItems(all, OPERATION, request, ({ place }) => place);
    const details: AuthorizationDetails = { UserDetailList: [], GroupDetailList: [], RoleDetailList: [], Policies: [] };
    let shown = 0;
    let characters = 0;
    const known: KnownPrincipals = new Map();
    for await (const { name, kind } of inTurns(page(input).items)) {
      characters += await kind.add(details, accountId, name, ports, known);
      shown++;
      if (characters >= MOST_CHARACTERS_OF_A_PAGE) break;
    }
    const { more } = page({ Marker: input.Marker, MaxItems: Math.max(shown, 1) });
    return { ...details, ...more };
  },
};
