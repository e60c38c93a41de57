import type { DeleteAliasRequest } from '@aws-sdk/client-kms';
import { aliasesOfKeyTable, aliasesTable, aliasRecordName } from '../../keys/tables.ts';
import { aliasName } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { aliasOfKeyName, checkAliasName } from './alias-rules.ts';
import { shownKey } from './audited.ts';
import type { KmsOperation } from './ports.ts';
import { removeIfPresent } from './remove.ts';
import { aliasTarget, type KeyResource, keyTarget } from './targets.ts';

export const deleteAlias: KmsOperation<DeleteAliasRequest, undefined, { alias: string; key: KeyResource }> = {
  name: 'DeleteAlias',
  input: structure<DeleteAliasRequest>({ AliasName: required(aliasName) }),
  validate: (input) => checkAliasName(input.AliasName),
  targets: {
    alias: aliasTarget('kms:DeleteAlias', (input) => input.AliasName),
    key: keyTarget({
      operation: 'DeleteAlias',
      reference: (input) => input.AliasName,
      accepts: 'key or alias',
      crossAccount: false,
    }),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['AliasName'], response: shownKey },
  async handle({ input, targets, transaction }) {
    const { identity } = targets.key;
    await removeIfPresent(transaction, aliasesTable, aliasRecordName(identity, input.AliasName));
    await removeIfPresent(transaction, aliasesOfKeyTable, aliasOfKeyName(identity, input.AliasName));
    return undefined;
  },
};
