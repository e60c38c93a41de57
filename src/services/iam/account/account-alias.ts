import type { CreateAccountAliasRequest, DeleteAccountAliasRequest } from '@aws-sdk/client-iam';
import { KeyholdError } from '../../../runtime/errors.ts';
import { accountAlias } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import { accountTarget, noSuch } from '../entity.ts';
import { removeLinkedRecord } from '../linked-records.ts';
import type { IamOperation } from '../ports.ts';
import { type AccountRecord, accountAliasesTable, accountsTable } from '../records.ts';

/** An account has one alias at most: a new one takes the place of the old ("Creating an account alias", IAM user guide). */

export const createAccountAlias: IamOperation<CreateAccountAliasRequest, undefined, { account: undefined }> = {
  name: 'CreateAccountAlias',
  input: structure<CreateAccountAliasRequest>({ AccountAlias: required(accountAlias) }),
  targets: { account: accountTarget('iam:CreateAccountAlias') },
  effect: 'change',
  audit: { readOnly: false, request: ['AccountAlias'] },
  async handle({ input: { AccountAlias: alias }, scope, transaction }) {
    const { accountId } = scope.caller.principal;
    if ((await transaction.get(accountAliasesTable, alias)) !== undefined) {
      throw new KeyholdError('EntityAlreadyExistsException', `The account alias ${alias} already exists.`);
    }
    await transaction.create(accountAliasesTable, alias, { accountId });
    const stored = await transaction.get(accountsTable, accountId);
    if (stored === undefined) {
      // In the sandbox an account begins with its first request, of which nothing is kept.
      await transaction.create(accountsTable, accountId, { accountId, createdAtMs: scope.nowMs, alias });
      return undefined;
    }
    const { alias: former } = stored.value;
    if (former !== undefined) await removeLinkedRecord(transaction, accountAliasesTable, former);
    await transaction.replace(accountsTable, accountId, { ...stored.value, alias }, stored.version);
    return undefined;
  },
};

export const deleteAccountAlias: IamOperation<DeleteAccountAliasRequest, undefined, { account: undefined }> = {
  name: 'DeleteAccountAlias',
  input: structure<DeleteAccountAliasRequest>({ AccountAlias: required(accountAlias) }),
  targets: { account: accountTarget('iam:DeleteAccountAlias') },
  effect: 'change',
  audit: { readOnly: false, request: ['AccountAlias'] },
  async handle({ input: { AccountAlias: alias }, scope, transaction }) {
    const { accountId } = scope.caller.principal;
    const stored = await transaction.get(accountsTable, accountId);
    if (stored === undefined || stored.value.alias !== alias) throw noSuch('account alias', alias);
    await removeLinkedRecord(transaction, accountAliasesTable, alias);
    const { alias: _, ...account }: AccountRecord = stored.value;
    await transaction.replace(accountsTable, accountId, account, stored.version);
    return undefined;
  },
};
