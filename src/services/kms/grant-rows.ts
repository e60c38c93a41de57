import { accountRootArn, parsePrincipalArn } from '../../authorization/index.ts';
import { type GrantPrincipal, type GrantRecord, grantFingerprint } from '../../keys/grant.ts';
import type { KeyIdentity } from '../../keys/key.ts';
import {
  type GrantPlace,
  grantCountsTable,
  grantName,
  grantsOfGranteePrefix,
  grantsOfGranteeTable,
  grantsOfRetiringPrincipalPrefix,
  grantsOfRetiringPrincipalTable,
  grantsPrefix,
  grantsTable,
  keyName,
  namedGrantName,
  namedGrantsTable,
} from '../../keys/tables.ts';
import { invariant, KeyholdError } from '../../runtime/errors.ts';
import type { Table, Transaction } from '../../store/sealed-store.ts';
import { removeIfPresent } from './remove.ts';

/** Writes a grant with all rows that lead to it. */
export async function createGrantRows(transaction: Transaction, key: KeyIdentity, grant: GrantRecord): Promise<void> {
  const place = placeOf(key, grant.grantId);
  await transaction.create(grantsTable, grantName(place), grant);
  for (const [table, name] of rowsLeadingTo(place, grant)) await transaction.create(table, name, place);
  await countGrants(transaction, key, 1);
}

/** Throws StoreConflict if the grant has gone since it was read. */
export async function removeGrantRows(
  transaction: Transaction,
  key: KeyIdentity,
  grant: GrantRecord,
  version: number,
): Promise<void> {
  await removeUncounted(transaction, key, grant, version);
  await countGrants(transaction, key, -1);
}

/** For a key that goes with all its grants, whose count is not kept up any more. Gives how many were removed. */
export async function removeSomeGrants(transaction: Transaction, key: KeyIdentity, most: number): Promise<number> {
  const grants = await transaction.list(grantsTable, { prefix: grantsPrefix(key), limit: most });
  for (const { value, version } of grants) await removeUncounted(transaction, key, value, version);
  if (grants.length < most) await removeIfPresent(transaction, grantCountsTable, keyName(key));
  return grants.length;
}

async function removeUncounted(transaction: Transaction, key: KeyIdentity, grant: GrantRecord, version: number) {
  const place = placeOf(key, grant.grantId);
  await transaction.remove(grantsTable, grantName(place), version);
  for (const [table, name] of rowsLeadingTo(place, grant)) await removeIfPresent(transaction, table, name);
}

export function placeOf({ accountId, region, keyId }: KeyIdentity, grantId: string): GrantPlace {
  return { accountId, region, keyId, grantId };
}

function rowsLeadingTo(place: GrantPlace, grant: GrantRecord): [Table<GrantPlace>, string][] {
  const { accountId, region, keyId, grantId } = place;
  const rows: [Table<GrantPlace>, string][] = [
    [grantsOfGranteeTable, `${grantsOfGranteePrefix(place, nameInGrants(grant.grantee))}${grantId}`],
  ];
  if (grant.retiring !== undefined) {
    const name = `${retiringPrefix(grant.retiring, region)}${accountId}/${keyId}/${grantId}`;
    rows.push([grantsOfRetiringPrincipalTable, name]);
  }
  if (grant.name !== undefined) rows.push([namedGrantsTable, namedGrantName(place, grantFingerprint(grant))]);
  return rows;
}

/** Where the grants stand that a principal may retire in a Region. */
export function retiringPrefix(principal: GrantPrincipal, region: string): string {
  const account = principal.kind === 'Service' ? 'service' : accountOf(principal);
  return grantsOfRetiringPrincipalPrefix(account, region, nameInGrants(principal));
}

function accountOf({ name }: GrantPrincipal): string {
  const parsed = parsePrincipalArn(name);
  invariant(parsed !== undefined, 'a principal was judged before it was stored');
  return parsed.accountId;
}

/**
 * The one name by which rows and decisions know a principal, however it was written: its unique id, if it has one, for that
 * stays the same when its ARN changes, and no other bearer of the ARN has it.
 */
export function nameInGrants({ kind, name, id }: GrantPrincipal): string {
  return id ?? (kind === 'Service' ? name : (parsePrincipalArn(name)?.arn ?? name));
}

/** Whether this is the principal's name. */
export function isNamed(principal: GrantPrincipal | undefined, name: string): boolean {
  return principal !== undefined && nameInGrants(principal) === name;
}

export function issuingAccount(grant: GrantRecord): GrantPrincipal {
  return { kind: 'AWS', name: accountRootArn(grant.issuingAccountId) };
}

/** The number of grants is kept, for counting 50,000 rows would take as long as everything else together. */
export async function grantCount(transaction: Transaction, key: KeyIdentity): Promise<number> {
  return (await transaction.get(grantCountsTable, keyName(key)))?.value.grants ?? 0;
}

async function countGrants(transaction: Transaction, key: KeyIdentity, more: 1 | -1): Promise<void> {
  const name = keyName(key);
  const count = await transaction.get(grantCountsTable, name);
  const grants = (count?.value.grants ?? 0) + more;
  if (grants < 0) throw new KeyholdError('TamperedRecord', `key ${name} has a grant that was not counted`);
  if (count === undefined) await transaction.create(grantCountsTable, name, { grants });
  else await transaction.replace(grantCountsTable, name, { grants }, count.version);
}
