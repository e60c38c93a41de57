import type { RevokeGrantRequest } from '@aws-sdk/client-kms';
import { grantName, grantsTable } from '../../keys/tables.ts';
import { dryRun, grantId, keyId } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { forAwsResource } from './condition-keys.ts';
import { grantNotFound } from './errors.ts';
import { placeOf, removeGrantRows } from './grant-rows.ts';
import { checkGrantId } from './grant-rules.ts';
import type { KmsOperation } from './ports.ts';
import { type KeyResource, keyTarget } from './targets.ts';

export const revokeGrant: KmsOperation<RevokeGrantRequest, undefined, { key: KeyResource }> = {
  name: 'RevokeGrant',
  input: structure<RevokeGrantRequest>({ KeyId: required(keyId), GrantId: required(grantId), DryRun: dryRun }),
  validate: (input) => checkGrantId(input.GrantId),
  targets: {
    key: keyTarget({
      operation: 'RevokeGrant',
      reference: (input) => input.KeyId,
      accepts: 'key',
      crossAccount: true,
      conditions: forAwsResource,
    }),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['KeyId', 'GrantId', 'DryRun'] },
  async handle({ input, targets, transaction }) {
    const { identity, key } = targets.key;
    const grant = await transaction.get(grantsTable, grantName(placeOf(identity, input.GrantId)));
    if (grant === undefined) throw grantNotFound(input.GrantId, key.arn);
    await removeGrantRows(transaction, identity, grant.value, grant.version);
    return undefined;
  },
};
