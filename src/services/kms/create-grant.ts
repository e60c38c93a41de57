import type { CreateGrantRequest, CreateGrantResponse } from '@aws-sdk/client-kms';
import { type GrantRecord, grantFingerprint, MOST_GRANTS_PER_KEY } from '../../keys/grant.ts';
import { grantName, grantsTable, namedGrantName, namedGrantsTable } from '../../keys/tables.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import {
  dryRun,
  grantConstraints,
  grantName as grantNameShape,
  grantOperations,
  grantTokens,
  keyId,
  principal,
} from '../../wire/kms-shapes.ts';
import { type Input, required, structure } from '../../wire/shapes.ts';
import { forAwsResource } from './condition-keys.ts';
import { identified } from './grant-principals.ts';
import { createGrantRows, grantCount, nameInGrants, placeOf } from './grant-rows.ts';
import { checkGrant, checkGrantFitsKey, contextOf, granteeOf, retiringPrincipalOf, termsOf } from './grant-rules.ts';
import type { KmsOperation } from './ports.ts';
import { type KeyResource, keyTarget } from './targets.ts';

const target = keyTarget<Input<CreateGrantRequest>>({
  operation: 'CreateGrant',
  reference: (input) => input.KeyId,
  accepts: 'key',
  crossAccount: true,
  // Policies see the context that the constraint demands ("kms:EncryptionContextKeys", developer guide).
  encryptionContext: (input) => contextOf(termsOf(input).constraints),
  newGrant: termsOf,
  conditions: {
    'kms:GrantOperations': ({ input }) => [...new Set(input.Operations)],
    'kms:GrantConstraintType': ({ input }) => constraintTypes(input),
    'kms:GranteePrincipal': ({ input }) => principalIn(input.GranteePrincipal),
    'kms:GranteeServicePrincipal': ({ input }) => presentIn(input.GranteeServicePrincipal),
    'kms:RetiringPrincipal': ({ input }) => principalIn(input.RetiringPrincipal),
    'kms:RetiringServicePrincipal': ({ input }) => presentIn(input.RetiringServicePrincipal),
    ...forAwsResource,
  },
});

export const createGrant: KmsOperation<CreateGrantRequest, CreateGrantResponse, { key: KeyResource }> = {
  name: 'CreateGrant',
  input: structure<CreateGrantRequest>({
    KeyId: required(keyId),
    GranteePrincipal: principal,
    RetiringPrincipal: principal,
    Operations: required(grantOperations),
    Constraints: grantConstraints,
    GrantTokens: grantTokens,
    Name: grantNameShape,
    DryRun: dryRun,
    GranteeServicePrincipal: principal,
    RetiringServicePrincipal: principal,
  }),
  validate: checkGrant,
  targets: {
    key: {
      ...target,
      check: (resolved, input, scope) => {
        checkGrantFitsKey(termsOf(input), resolved.key.record);
        target.check?.(resolved, input, scope);
      },
    },
  },
  effect: 'change',
  audit: {
    readOnly: false,
    request: [
      'KeyId',
      'GranteePrincipal',
      'RetiringPrincipal',
      'Operations',
      'Constraints',
      'Name',
      'DryRun',
      'GranteeServicePrincipal',
      'RetiringServicePrincipal',
    ],
    // The key's ARN stands here though the response does not have it, and the token does not though the response has it.
    response: ({ GrantId }, { key }) => ({ GrantId, KeyId: key.key.arn }),
  },
  async handle({ input, targets, scope, ports, transaction }) {
    const { identity, key } = targets.key;
    const retiring = retiringPrincipalOf(input);
    const grant: GrantRecord = {
      grantId: ports.random.bytes(32).toString('hex'),
      ...(input.Name === undefined ? {} : { name: input.Name }),
      createdAtMs: scope.nowMs,
      grantee: await identified(granteeOf(input), ports),
      ...(retiring === undefined ? {} : { retiring: await identified(retiring, ports) }),
      issuingAccountId: scope.caller.principal.accountId,
      ...termsOf(input),
    };
    const answer = (grantId: string) => ({
      GrantToken: ports.grantTokens.issue(placeOf(identity, grantId)),
      GrantId: grantId,
    });
    if (grant.name !== undefined) {
      const named = await transaction.get(namedGrantsTable, namedGrantName(identity, grantFingerprint(grant)));
      const made = named && (await transaction.get(grantsTable, grantName(placeOf(identity, named.value.grantId))));
      // The same request again: its answer was lost, and the grant must not be made twice.
      if (made !== undefined) return answer(made.value.grantId);
    }
    if ((await grantCount(transaction, identity)) >= MOST_GRANTS_PER_KEY) {
      throw new KeyholdError('LimitExceededException', `${key.arn} has the ${MOST_GRANTS_PER_KEY} grants it can have.`);
    }
    await createGrantRows(transaction, identity, grant);
    return answer(grant.grantId);
  },
};

function constraintTypes(input: Input<CreateGrantRequest>): readonly string[] | undefined {
  const { encryptionContextEquals, encryptionContextSubset, sourceArn } = termsOf(input).constraints;
  const types = [
    ...(encryptionContextEquals === undefined ? [] : ['EncryptionContextEquals']),
    ...(encryptionContextSubset === undefined ? [] : ['EncryptionContextSubset']),
    ...(sourceArn === undefined ? [] : ['SourceArn']),
  ];
  return types.length === 0 ? undefined : types;
}

/**
 * INVARIANT: policies see whom the grant will mean. A principal can be written in the ARN of any partition, and a policy that
 * denies it grants does so however the request spells it.
 */
function principalIn(arn: string | undefined): readonly string[] | undefined {
  return presentIn(arn && nameInGrants({ kind: 'AWS', name: arn }));
}

function presentIn(value: string | undefined): readonly string[] | undefined {
  return value === undefined ? undefined : [value];
}
