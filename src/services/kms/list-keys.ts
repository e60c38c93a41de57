import type { ListKeysRequest, ListKeysResponse } from '@aws-sdk/client-kms';
import { keyArn } from '../../keys/key.ts';
import { isDeleted } from '../../keys/lifecycle.ts';
import { keysTable, regionPrefix } from '../../keys/tables.ts';
import { limit, marker } from '../../wire/kms-shapes.ts';
import { structure } from '../../wire/shapes.ts';
import { pageOfRecords } from '../pagination.ts';
import type { KmsOperation } from './ports.ts';
import { accountTarget } from './targets.ts';

export const listKeys: KmsOperation<ListKeysRequest, ListKeysResponse, { account: undefined }> = {
  name: 'ListKeys',
  input: structure<ListKeysRequest>({ Limit: limit, Marker: marker }),
  targets: { account: accountTarget('kms:ListKeys') },
  effect: 'read',
  audit: { readOnly: true, request: ['Limit', 'Marker'] },
  async handle({ input, scope, ports }) {
    const prefix = regionPrefix({ accountId: scope.caller.principal.accountId, region: scope.region });
    const { items, ...rest } = await pageOfRecords(ports.store, keysTable, prefix, 'ListKeys', input, 100);
    const living = items.map((entry) => entry.value).filter((key) => !isDeleted(key, scope.nowMs));
    return { Keys: living.map((key) => ({ KeyId: key.keyId, KeyArn: keyArn(key) })), ...rest };
  },
};
