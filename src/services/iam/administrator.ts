import type { Random } from '../../runtime/random.ts';
import type { Transaction } from '../../store/sealed-store.ts';
import { ADMINISTRATOR_ACCESS } from './aws-managed-policies.ts';
import { newAccessKeyId, newSecretAccessKey, newUniqueId } from './identifiers.ts';
import {
  accessKeysTable,
  accountsTable,
  attachmentName,
  attachmentsTable,
  identityName,
  rootAccessKeysTable,
  usersTable,
} from './records.ts';

export interface NewAccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** The access keys of a new account. They are the caller's to hand out: neither can be read again. */
export interface NewAccount {
  readonly accountId: string;
  readonly name?: string;
  readonly rootKey: NewAccessKey;
  readonly administratorKey: NewAccessKey;
}

const USER_NAME = 'administrator';

/**
 * Makes an account: its root user, who is needed only to put right what went wrong, and its first user, `administrator`,
 * who may do everything that key policies leave to identity policies.
 */
export async function createAccount(
  transaction: Transaction,
  { accountId, name, rootKey, administratorKey }: NewAccount,
  random: Random,
  nowMs: number,
): Promise<void> {
  const userId = newUniqueId('AIDA', random);
  await transaction.create(accountsTable, accountId, {
    accountId,
    createdAtMs: nowMs,
    ...(name === undefined ? {} : { name }),
  });
  await transaction.create(usersTable, identityName(accountId, USER_NAME), {
    accountId,
    userName: USER_NAME,
    userId,
    path: '/',
    createdAtMs: nowMs,
    inlinePolicies: [],
    attachedPolicies: [ADMINISTRATOR_ACCESS],
    groups: [],
    accessKeyIds: [administratorKey.accessKeyId],
    tags: [],
  });
  const attachment = { policyArn: ADMINISTRATOR_ACCESS, kind: 'User' as const, name: USER_NAME, id: userId };
  await transaction.create(attachmentsTable, attachmentName(accountId, attachment), attachment);
  await transaction.create(rootAccessKeysTable, accountId, { accessKeyIds: [rootKey.accessKeyId] });
  const keys = [rootKey, { ...administratorKey, userName: USER_NAME }];
  for (const key of keys) {
    await transaction.create(accessKeysTable, key.accessKeyId, {
      ...key,
      accountId,
      status: 'Active',
      createdAtMs: nowMs,
    });
  }
}

export function newAccessKey(random: Random): NewAccessKey {
  return { accessKeyId: newAccessKeyId(random), secretAccessKey: newSecretAccessKey(random) };
}
