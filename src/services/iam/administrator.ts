import type { Random } from '../../runtime/random.ts';
import type { Transaction } from '../../store/sealed-store.ts';
import { newAccessKeyId, newSecretAccessKey, newUserId } from './identifiers.ts';
import { accessKeysTable, accountsTable, userRecordName, usersTable } from './records.ts';

export interface NewAccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** What AWS's managed policy AdministratorAccess says. */
const ADMINISTRATOR_ACCESS = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
});

/**
 * Makes an account with its first user, `administrator`, who may do everything that key policies leave to identity
 * policies. The access key is the caller's to hand out: it cannot be read again.
 */
export async function createAccount(
  transaction: Transaction,
  accountId: string,
  accessKey: NewAccessKey,
  random: Random,
  nowMs: number,
): Promise<void> {
  const userName = 'administrator';
  await transaction.create(accountsTable, accountId, { accountId, createdAtMs: nowMs });
  await transaction.create(usersTable, userRecordName(accountId, userName), {
    accountId,
    userName,
    userId: newUserId(random),
    path: '/',
    createdAtMs: nowMs,
    inlinePolicies: [{ policyName: 'AdministratorAccess', document: ADMINISTRATOR_ACCESS }],
  });
  await transaction.create(accessKeysTable, accessKey.accessKeyId, {
    ...accessKey,
    accountId,
    userName,
    status: 'Active',
    createdAtMs: nowMs,
  });
}

export function newAccessKey(random: Random): NewAccessKey {
  return { accessKeyId: newAccessKeyId(random), secretAccessKey: newSecretAccessKey(random) };
}
