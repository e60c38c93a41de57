import type { UpdateAliasRequest } from '@aws-sdk/client-kms';
import { isAsymmetric } from '../../crypto/key-specs.ts';
import type { KeyRecord } from '../../keys/key.ts';
import { aliasesOfKeyTable, aliasesTable, aliasRecordName } from '../../keys/tables.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import { aliasName, keyId } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { aliasOfKeyName, checkAliasName, checkAliasQuota, checkAliasTarget } from './alias-rules.ts';
import { shownKey } from './audited.ts';
import { validationFailure } from './errors.ts';
import type { KmsOperation } from './ports.ts';
import { aliasTarget, type KeyResource, keyTarget } from './targets.ts';

export const updateAlias: KmsOperation<
  UpdateAliasRequest,
  undefined,
  { alias: string; oldKey: KeyResource; newKey: KeyResource }
> = {
  name: 'UpdateAlias',
  input: structure<UpdateAliasRequest>({ AliasName: required(aliasName), TargetKeyId: required(keyId) }),
  validate: (input) => {
    checkAliasName(input.AliasName);
    checkAliasTarget(input.TargetKeyId);
  },
  // AWS wants the permission on all three: the alias, the key it leaves and the key it goes to.
  targets: {
    alias: aliasTarget('kms:UpdateAlias', (input) => input.AliasName),
    oldKey: keyTarget({
      operation: 'UpdateAliasFrom',
      permission: 'kms:UpdateAlias',
      reference: (input) => input.AliasName,
      accepts: 'key or alias',
      crossAccount: false,
    }),
    newKey: keyTarget({
      operation: 'UpdateAlias',
      reference: (input) => input.TargetKeyId,
      accepts: 'key',
      crossAccount: false,
    }),
  },
  effect: 'change',
  audit: {
    readOnly: false,
    request: ['AliasName', 'TargetKeyId'],
    response: (_, { newKey }) => shownKey(_, { key: newKey }),
  },
  async handle({ input, targets, scope, transaction }) {
    const from = targets.oldKey.identity;
    const to = targets.newKey.identity;
    requireSameKind(targets.oldKey.key.record, targets.newKey.key.record);
    const name = aliasRecordName(to, input.AliasName);
    const alias = await transaction.get(aliasesTable, name);
    const oldListing = await transaction.get(aliasesOfKeyTable, aliasOfKeyName(from, input.AliasName));
    if (alias === undefined || oldListing === undefined) {
      throw new KeyholdError('TamperedRecord', `alias ${name} is listed on one side only`);
    }
    await transaction.replace(
      aliasesTable,
      name,
      { ...alias.value, targetKeyId: to.keyId, updatedAtMs: scope.nowMs },
      alias.version,
    );
    if (from.keyId !== to.keyId) {
      await checkAliasQuota(transaction, targets.newKey);
      await transaction.remove(aliasesOfKeyTable, aliasOfKeyName(from, input.AliasName), oldListing.version);
      await transaction.create(aliasesOfKeyTable, aliasOfKeyName(to, input.AliasName), { aliasName: input.AliasName });
    }
    return undefined;
  },
};

/**
 * Code that knows a key by its alias goes on working ("UpdateAlias", API reference): both keys are symmetric, or both HMAC,
 * or both asymmetric, and of one usage. AWS documents the rule, not its words.
 */
function requireSameKind(from: KeyRecord, to: KeyRecord): void {
  if (from.keyUsage === to.keyUsage && isAsymmetric(from.keySpec) === isAsymmetric(to.keySpec)) return;
  throw validationFailure('An alias can only be moved to a KMS key of the same type and the same key usage.');
}
