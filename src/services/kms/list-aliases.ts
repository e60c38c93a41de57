import type { AliasListEntry, ListAliasesRequest, ListAliasesResponse } from '@aws-sdk/client-kms';
import { type AliasRecord, aliasArn } from '../../keys/alias.ts';
import { isDeleted } from '../../keys/lifecycle.ts';
import { managedKeyAliases } from '../../keys/managed-key-services.ts';
import {
  aliasesOfKeyPrefix,
  aliasesOfKeyTable,
  aliasesTable,
  aliasRecordName,
  keyName,
  keysTable,
  regionPrefix,
} from '../../keys/tables.ts';
import { keyId, limitUpTo, marker } from '../../wire/kms-shapes.ts';
import { type Input, structure } from '../../wire/shapes.ts';
import type { Scope } from '../caller.ts';
import { pageOfRecords, pageOfRecordsAndNames } from '../pagination.ts';
import { keyNotFound } from './errors.ts';
import { followKeyReference } from './key-reference.ts';
import type { KmsOperation, KmsPorts } from './ports.ts';
import { accountTarget } from './targets.ts';

const USUAL_LIMIT = 50;

export const listAliases: KmsOperation<ListAliasesRequest, ListAliasesResponse, { account: undefined }> = {
  name: 'ListAliases',
  input: structure<ListAliasesRequest>({ KeyId: keyId, Limit: limitUpTo(100), Marker: marker }),
  targets: { account: accountTarget('kms:ListAliases') },
  effect: 'read',
  audit: { readOnly: true, request: ['KeyId', 'Limit', 'Marker'] },
  async handle({ input, scope, ports }) {
    const owner = { accountId: scope.caller.principal.accountId, region: scope.region };
    if (input.KeyId !== undefined) return aliasesOfKey(input.KeyId, input, scope, ports);
    const { items, ...rest } = await pageOfRecordsAndNames(
      ports.store,
      aliasesTable,
      regionPrefix(owner),
      managedKeyAliases,
      'ListAliases',
      input,
      USUAL_LIMIT,
    );
    const aliases: AliasListEntry[] = [];
    for (const { name, value } of items) {
      if (value === undefined) {
        // A predefined alias, whose key is made when it is first wanted. AWS shows it without a TargetKeyId.
        aliases.push({ AliasName: name, AliasArn: aliasArn(owner, name) });
        continue;
      }
      // The aliases of a key that is gone are gone, whether or not the sweep has come to them.
      const key = await ports.store.get(keysTable, keyName({ ...owner, keyId: value.targetKeyId }));
      if (key !== undefined && !isDeleted(key.value, scope.nowMs)) aliases.push(listEntry(value, owner));
    }
    return { Aliases: aliases, ...rest };
  },
};

async function aliasesOfKey(
  reference: string,
  input: Input<ListAliasesRequest>,
  scope: Scope,
  ports: KmsPorts,
): Promise<ListAliasesResponse> {
  const { key, identity, namedArn } = await followKeyReference(reference, 'key', ports.keys, scope);
  if (key === undefined || identity.accountId !== scope.caller.principal.accountId) throw keyNotFound(namedArn);
  const { items, ...rest } = await pageOfRecords(
    ports.store,
    aliasesOfKeyTable,
    aliasesOfKeyPrefix(identity),
    'ListAliases',
    input,
    USUAL_LIMIT,
  );
  const aliases: AliasListEntry[] = [];
  for (const { value } of items) {
    const record = await ports.store.get(aliasesTable, aliasRecordName(identity, value.aliasName));
    // Deleted since the page was read.
    if (record !== undefined) aliases.push(listEntry(record.value, identity));
  }
  return { Aliases: aliases, ...rest };
}

function listEntry(alias: AliasRecord, owner: { accountId: string; region: string }): AliasListEntry {
  return {
    AliasName: alias.aliasName,
    AliasArn: aliasArn(owner, alias.aliasName),
    TargetKeyId: alias.targetKeyId,
    CreationDate: new Date(alias.createdAtMs),
    LastUpdatedDate: new Date(alias.updatedAtMs),
  };
}
