import type { Transaction } from '../../../store/sealed-store.ts';
import { linkedRecord } from '../linked-records.ts';
import { groupMembersPrefix, groupMembersTable, identityName, type UserRecord, usersTable } from '../records.ts';

/** Read at once: a group may have every user of an account. */
const IN_ONE_READ = 200;

/** The names of all who are in a group, in order. */
export async function* membersOf(
  transaction: Transaction,
  accountId: string,
  groupName: string,
): AsyncGenerator<string> {
  const prefix = groupMembersPrefix(accountId, groupName);
  let after: string | undefined;
  do {
    const options = { prefix, limit: IN_ONE_READ, ...(after === undefined ? {} : { after }) };
    const entries = await transaction.list(groupMembersTable, options);
    for (const { value } of entries) yield value.userName;
    after = entries.length === IN_ONE_READ ? entries.at(-1)?.key : undefined;
  } while (after !== undefined);
}

/** Changes the groups of a user, and keeps their order. */
export async function changeGroupsOf(
  transaction: Transaction,
  accountId: string,
  userName: string,
  change: (groups: readonly string[]) => readonly string[],
): Promise<void> {
  const name = identityName(accountId, userName);
  const { value, version } = await linkedRecord<UserRecord>(transaction, usersTable, name);
  await transaction.replace(usersTable, name, { ...value, groups: change(value.groups).toSorted() }, version);
}
