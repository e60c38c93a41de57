import type { CreateAliasRequest } from '@aws-sdk/client-kms';
import { aliasesOfKeyTable, aliasesTable, aliasRecordName } from '../../keys/tables.ts';
import { aliasName, keyId } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import {
  aliasExists,
  aliasOfKeyName,
  checkAliasName,
  checkAliasQuota,
  checkAliasTarget,
  createAliasRows,
} from './alias-rules.ts';
import { shownKey } from './audited.ts';
import { livingKey } from './key-reference.ts';
import type { KmsOperation } from './ports.ts';
import { removeIfPresent } from './remove.ts';
import { aliasTarget, type KeyResource, keyTarget } from './targets.ts';

export const createAlias: KmsOperation<CreateAliasRequest, undefined, { alias: string; key: KeyResource }> = {
  name: 'CreateAlias',
  input: structure<CreateAliasRequest>({ AliasName: required(aliasName), TargetKeyId: required(keyId) }),
  validate: (input) => {
    checkAliasName(input.AliasName);
    checkAliasTarget(input.TargetKeyId);
  },
  targets: {
    alias: aliasTarget('kms:CreateAlias', (input) => input.AliasName),
    key: keyTarget({
      operation: 'CreateAlias',
      reference: (input) => input.TargetKeyId,
      accepts: 'key',
      crossAccount: false,
    }),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['AliasName', 'TargetKeyId'], response: shownKey },
  async handle({ input, targets, scope, ports, transaction }) {
    const { identity } = targets.key;
    const name = aliasRecordName(identity, input.AliasName);
    const existing = (await transaction.get(aliasesTable, name))?.value;
    if (existing !== undefined) {
      const holder = { ...identity, keyId: existing.targetKeyId };
      if ((await livingKey(ports.keys, holder, scope.nowMs)) !== undefined)
        throw aliasExists(identity, input.AliasName);
      // Its key is gone, and only the sweep that takes the alias with it has not come yet.
      await removeIfPresent(transaction, aliasesTable, name);
      await removeIfPresent(transaction, aliasesOfKeyTable, aliasOfKeyName(holder, input.AliasName));
    }
    await checkAliasQuota(transaction, targets.key);
    await createAliasRows(transaction, identity, input.AliasName, scope.nowMs);
    return undefined;
  },
};
