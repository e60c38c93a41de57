import { ALIAS_PREFIX, AWS_MANAGED_ALIAS_PREFIX, aliasArn } from '../../keys/alias.ts';
import { type KeyIdentity, type KeyOwner, MOST_ALIASES_PER_KEY } from '../../keys/key.ts';
import { aliasesOfKeyPrefix, aliasesOfKeyTable, aliasesTable, aliasRecordName } from '../../keys/tables.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { Transaction } from '../../store/sealed-store.ts';
import { validationFailure } from './errors.ts';
import type { KeyResource } from './targets.ts';

/** What an alias's name must be besides what its pattern says. The `alias/aws/` names are refused to customers. */
export function checkAliasName(aliasName: string): void {
  if (!aliasName.startsWith(ALIAS_PREFIX)) {
    throw validationFailure(
      `Alias must start with the prefix "${ALIAS_PREFIX}". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html`,
    );
  }
  if (aliasName.length === ALIAS_PREFIX.length) throw validationFailure('Invalid identifier');
  if (aliasName.startsWith(AWS_MANAGED_ALIAS_PREFIX)) throw new KeyholdError('NotAuthorizedException');
  // The published pattern allows colons, the service does not.
  if (aliasName.includes(':')) throw validationFailure(`${aliasName} contains invalid characters for an alias`);
}

/** An alias names a key, never another alias. */
export function checkAliasTarget(targetKeyId: string): void {
  if (
    targetKeyId.startsWith(ALIAS_PREFIX) ||
    (targetKeyId.startsWith('arn:') && targetKeyId.includes(`:${ALIAS_PREFIX}`))
  ) {
    throw validationFailure('Aliases must refer to keys. Not aliases');
  }
}

/** AWS's quota "Aliases per KMS key". */
export async function checkAliasQuota(transaction: Transaction, { identity }: KeyResource): Promise<void> {
  const existing = await transaction.list(aliasesOfKeyTable, {
    prefix: aliasesOfKeyPrefix(identity),
    limit: MOST_ALIASES_PER_KEY,
  });
  if (existing.length < MOST_ALIASES_PER_KEY) return;
  throw new KeyholdError(
    'LimitExceededException',
    `Aliases per key quota for this account in this region is ${MOST_ALIASES_PER_KEY}, current usage is ${existing.length}.`,
  );
}

export function aliasExists(owner: KeyOwner, aliasName: string): KeyholdError {
  return new KeyholdError(
    'AlreadyExistsException',
    `An alias with the name ${aliasArn(owner, aliasName)} already exists`,
  );
}

/** The name under which a key's list of aliases holds this one. */
export function aliasOfKeyName(key: KeyIdentity, aliasName: string): string {
  return `${aliasesOfKeyPrefix(key)}${aliasName}`;
}

/** Writes a new alias, on both sides. */
export async function createAliasRows(
  transaction: Transaction,
  key: KeyIdentity,
  aliasName: string,
  nowMs: number,
): Promise<void> {
  const alias = { aliasName, targetKeyId: key.keyId, createdAtMs: nowMs, updatedAtMs: nowMs };
  await transaction.create(aliasesTable, aliasRecordName(key, aliasName), alias);
  await transaction.create(aliasesOfKeyTable, aliasOfKeyName(key, aliasName), { aliasName });
}
