import { writtenWithIds } from '../../authorization/index.ts';
import type { Reader } from '../../store/sealed-store.ts';
import { roleArn, rootArn, userArn } from './arns.ts';
import { accountsTable, identityName, rolesTable, usersTable } from './records.ts';

/** Whom ARNs mean at the moment when a policy or a grant that names them is saved. */
export interface NamedPrincipals {
  /** The unique ids of those that exist: `AIDA…`, `AROA…`, of a role's session `AROA…:session`. */
  readonly ids: Readonly<Record<string, string>>;
  /** Those that do not exist. Accounts, and federated users of accounts that do, are neither here nor there: they have no id. */
  readonly unknown: readonly string[];
}

/**
 * INVARIANT: a policy or grant means who had the name when it was saved. Whoever is made under that name later is someone
 * else ("IAM identifiers", IAM user guide: unique ids).
 *
 * @param arns of accounts, users, roles and their sessions, in the partition `aws`
 * @param known what has been found of ARNs already: who lists many policies looks for everyone once
 */
export async function namedPrincipals(
  arns: Iterable<string>,
  reader: Reader,
  known: KnownPrincipals = new Map(),
): Promise<NamedPrincipals> {
  const ids: [arn: string, id: string][] = [];
  const unknown: string[] = [];
  for (const arn of new Set(arns)) {
    if (!known.has(arn)) known.set(arn, await uniqueIdOf(arn, reader));
    const id = known.get(arn);
    if (id !== undefined) ids.push([arn, id]);
    else if (!(await existsWithoutId(arn, reader))) unknown.push(arn);
  }
  return { ids: Object.fromEntries(ids), unknown };
}

/** Unique ids by ARN, undefined of those who have none, as they are for as long as one answer is put together. */
export type KnownPrincipals = Map<string, string | undefined>;

/**
 * A policy as AWS shows it: as it was written, but for those whom it names by ARN and who exist no more, who are shown by
 * their unique ids.
 *
 * @param principalIds of the principals that it names, by ARN, as they were when it was saved
 */
export async function documentToShow(
  text: string,
  principalIds: Readonly<Record<string, string>>,
  reader: Reader,
  known?: KnownPrincipals,
): Promise<string> {
  const { ids } = await namedPrincipals(Object.keys(principalIds), reader, known);
  return writtenWithIds(text, new Map(Object.entries(principalIds).filter(([arn, id]) => ids[arn] !== id)));
}

async function existsWithoutId(arn: string, reader: Reader): Promise<boolean> {
  const accountId = arn.split(':')[4] as string;
  if (arn !== rootArn(accountId) && !arn.startsWith(`arn:aws:sts::${accountId}:federated-user/`)) return false;
  return (await reader.get(accountsTable, accountId)) !== undefined;
}

async function uniqueIdOf(arn: string, reader: Reader): Promise<string | undefined> {
  const [, , service, , accountId = '', ...rest] = arn.split(':');
  // Paths may hold colons, and who is named `session:else` is not who is named `session`.
  const steps = rest.join(':').split('/');
  const name = steps.at(-1) ?? '';
  if (service === 'sts' && steps[0] === 'assumed-role' && steps.length === 3) {
    const role = await findRole(accountId, steps[1] as string, reader);
    return role && `${role.roleId}:${name}`;
  }
  if (service !== 'iam') return undefined;
  if (steps[0] === 'user') {
    const user = (await reader.get(usersTable, identityName(accountId, name)))?.value;
    return user !== undefined && userArn(user) === arn ? user.userId : undefined;
  }
  if (steps[0] === 'role') {
    const role = await findRole(accountId, name, reader);
    return role !== undefined && roleArn(role) === arn ? role.roleId : undefined;
  }
  return undefined;
}

async function findRole(accountId: string, name: string, reader: Reader) {
  const role = (await reader.get(rolesTable, identityName(accountId, name)))?.value;
  return role?.roleName === name ? role : undefined;
}
