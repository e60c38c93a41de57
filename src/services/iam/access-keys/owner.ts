import type { Reader, Transaction } from '../../../store/sealed-store.ts';
import { identityName, rootAccessKeysTable, usersTable } from '../records.ts';
import type { UserOrRoot } from '../users/user-target.ts';

/** Whose access keys a request is about: root too has some, which no user name leads to. */
export interface Owner extends UserOrRoot {
  readonly accountId: string;
  readonly accessKeyIds: readonly string[];
  /** The version of the record of root's keys; absent where root never had any. */
  readonly rootVersion?: number;
}

export async function ownerOf(reader: Reader, accountId: string, { user }: UserOrRoot): Promise<Owner> {
  if (user !== undefined) return { accountId, user, accessKeyIds: user.record.accessKeyIds };
  const stored = await reader.get(rootAccessKeysTable, accountId);
  if (stored === undefined) return { accountId, accessKeyIds: [] };
  return { accountId, accessKeyIds: stored.value.accessKeyIds, rootVersion: stored.version };
}

/** The member of answers that says whose a key is. Root has no name. */
export function ownerName({ user }: UserOrRoot): { UserName?: string } {
  return user === undefined ? {} : { UserName: user.record.userName };
}

export async function replaceAccessKeysOf(
  transaction: Transaction,
  owner: Owner,
  accessKeyIds: readonly string[],
): Promise<void> {
  const { accountId, user, rootVersion } = owner;
  if (user !== undefined) {
    const name = identityName(accountId, user.record.userName);
    await transaction.replace(usersTable, name, { ...user.record, accessKeyIds }, user.version);
  } else if (rootVersion !== undefined) {
    await transaction.replace(rootAccessKeysTable, accountId, { accessKeyIds }, rootVersion);
  } else await transaction.create(rootAccessKeysTable, accountId, { accessKeyIds });
}
