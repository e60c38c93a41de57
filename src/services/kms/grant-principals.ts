import { parsePrincipalArn } from '../../authorization/index.ts';
import type { GrantPrincipal, GrantRecord } from '../../keys/grant.ts';
import type { Reader } from '../../store/sealed-store.ts';
import { namedPrincipals } from '../iam/principals.ts';
import { invalidPrincipal } from './grant-rules.ts';
import type { KmsPorts } from './ports.ts';

/**
 * The principal of a request, with the unique id of who has the name now.
 *
 * @throws KeyholdError InvalidArnException if nobody has it, unless such names are believed
 */
export async function identified(
  principal: GrantPrincipal,
  { store, unknownPrincipals }: Pick<KmsPorts, 'store' | 'unknownPrincipals'>,
): Promise<GrantPrincipal> {
  if (principal.kind === 'Service') return principal;
  const arn = arnOf(principal);
  const { ids, unknown } = await namedPrincipals([arn], store);
  if (unknown.length > 0 && unknownPrincipals === 'refused') throw invalidPrincipal(principal.name);
  const id = ids[arn];
  return id === undefined ? principal : { ...principal, id };
}

/** The same, for looking for grants: those to a name that nobody has are none. */
export function identifiedIfKnown(principal: GrantPrincipal, store: Reader): Promise<GrantPrincipal> {
  return identified(principal, { store, unknownPrincipals: 'believed' });
}

/** How to show the principals of grants: as they were written, but by their ids those who do not have the name any more. */
export async function namesToShow(
  grants: readonly GrantRecord[],
  reader: Reader,
): Promise<(principal: GrantPrincipal) => string> {
  const principals = grants.flatMap(({ grantee, retiring = grantee }) => [grantee, retiring]);
  const { ids } = await namedPrincipals(principals.filter(({ id }) => id !== undefined).map(arnOf), reader);
  return (principal) => {
    const { name, id } = principal;
    return id === undefined || ids[arnOf(principal)] === id ? name : id;
  };
}

function arnOf({ name }: GrantPrincipal): string {
  return parsePrincipalArn(name)?.arn ?? name;
}
