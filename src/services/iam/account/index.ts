import type { AnyOperation } from '../../perform.ts';
import { createAccountAlias, deleteAccountAlias } from './account-alias.ts';
import { getAccountAuthorizationDetails } from './get-account-authorization-details.ts';
import { getAccountSummary } from './get-account-summary.ts';
import { listAccountAliases } from './list-account-aliases.ts';
import { nothingHereOperations } from './nothing-here.ts';

export const accountOperations: readonly AnyOperation[] = [
  getAccountSummary,
  getAccountAuthorizationDetails,
  createAccountAlias,
  deleteAccountAlias,
  listAccountAliases,
  ...nothingHereOperations,
];
