import { type Table, table } from '../../store/sealed-store.ts';

/** Accounts, users and access keys as they are stored. Records are sealed, so a secret access key is never in the clear. */

export interface AccountRecord {
  readonly accountId: string;
  readonly createdAtMs: number;
}

export interface UserRecord {
  readonly accountId: string;
  readonly userName: string;
  /** AWS's unique id, `AIDA…`: a user made anew under an old name is another user. */
  readonly userId: string;
  readonly path: string;
  readonly createdAtMs: number;
  /** Policy documents as written, by name. */
  readonly inlinePolicies: readonly { readonly policyName: string; readonly document: string }[];
}

export interface AccessKeyRecord {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly accountId: string;
  readonly userName: string;
  readonly status: 'Active' | 'Inactive';
  readonly createdAtMs: number;
}

export const accountsTable: Table<AccountRecord> = table('accounts');
export const usersTable: Table<UserRecord> = table('users');
export const accessKeysTable: Table<AccessKeyRecord> = table('access-keys');

export function userRecordName(accountId: string, userName: string): string {
  return `${accountId}/${userName}`;
}

export function userArn(user: UserRecord): string {
  return `arn:aws:iam::${user.accountId}:user${user.path}${user.userName}`;
}

export function rootArn(accountId: string): string {
  return `arn:aws:iam::${accountId}:root`;
}
