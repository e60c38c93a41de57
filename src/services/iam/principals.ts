import type { Reader } from '../../store/sealed-store.ts';
import { roleArn, userArn } from './arns.ts';
import { identityName, rolesTable, usersTable } from './records.ts';

/** Whom ARNs mean at the moment when a policy or a grant that names them is saved. */
export interface NamedPrincipals {
  /** The unique ids of those that exist: `AIDA…`, `AROA…`, of a role's session `AROA…:session`. */
  readonly ids: Readonly<Record<string, string>>;
  /** Those that do not. */
  readonly unknown: readonly string[];
}

/**
 * INVARIANT: a policy or grant means who had the name when it was saved. Whoever is made under that name later is someone
 * else ("IAM identifiers", IAM user guide: unique ids).
 *
 * @param arns of users, roles and their sessions, in the partition `aws`
 */
export async function namedPrincipals(arns: Iterable<string>, reader: Reader): Promise<NamedPrincipals> {
  const ids: [arn: string, id: string][] = [];
  const unknown: string[] = [];
  for (const arn of new Set(arns)) {
    const id = await uniqueIdOf(arn, reader);
    if (id === undefined) unknown.push(arn);
    else ids.push([arn, id]);
  }
  return { ids: Object.fromEntries(ids), unknown };
}

async function uniqueIdOf(arn: string, reader: Reader): Promise<string | undefined> {
  const [, , service, , accountId = '', resource = ''] = arn.split(':');
  const steps = resource.split('/');
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
