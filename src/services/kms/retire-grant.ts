import type { RetireGrantRequest } from '@aws-sdk/client-kms';
import { grantNames } from '../../authorization/index.ts';
import type { GrantRecord } from '../../keys/grant.ts';
import { keyArn } from '../../keys/key.ts';
import { grantName, grantsTable } from '../../keys/tables.ts';
import { invariant } from '../../runtime/errors.ts';
import type { StoredRecord } from '../../store/sealed-store.ts';
import { dryRun, grantId, grantToken, keyId } from '../../wire/kms-shapes.ts';
import { type Input, structure } from '../../wire/shapes.ts';
import type { Target } from '../operation.ts';
import { grantNotFound, validationFailure } from './errors.ts';
import { isNamed, issuingAccount, placeOf, removeGrantRows } from './grant-rows.ts';
import { checkGrantId } from './grant-rules.ts';
import { followKeyReference } from './key-reference.ts';
import type { KmsOperation, KmsPorts } from './ports.ts';
import { type KeyResource, keyTarget } from './targets.ts';

interface GrantResource extends KeyResource {
  readonly grant: StoredRecord<GrantRecord>;
}

export const retireGrant: KmsOperation<RetireGrantRequest, undefined, { grant: GrantResource }> = {
  name: 'RetireGrant',
  input: structure<RetireGrantRequest>({ GrantToken: grantToken, KeyId: keyId, GrantId: grantId, DryRun: dryRun }),
  validate: (input) => {
    const byId = input.KeyId !== undefined || input.GrantId !== undefined;
    const complete = input.KeyId !== undefined && input.GrantId !== undefined;
    if ((input.GrantToken !== undefined) === byId || byId !== complete) {
      throw validationFailure('Specify either a grant token, or both a key ID and a grant ID.');
    }
    if (input.GrantId !== undefined) checkGrantId(input.GrantId);
  },
  targets: { grant: grantTarget() },
  effect: 'change',
  audit: {
    readOnly: false,
    request: ['KeyId', 'GrantId', 'DryRun'],
    additional: ({ targets: { grant } }) => ({ grantId: grant.grant.value.grantId }),
  },
  async handle({ targets, transaction }) {
    const { identity, grant } = targets.grant;
    await removeGrantRows(transaction, identity, grant.value, grant.version);
    return undefined;
  },
};

/**
 * The grant itself says who may retire it, and the key policy has no say ("Retiring and revoking grants", developer guide):
 * its retiring principal; its grantee, if it lists RetireGrant; and the account whose key it is on or that made it. An
 * account leaves it to its own policies who of it may; those can also deny it to anyone they are about.
 */
function grantTarget(): Target<Input<RetireGrantRequest>, GrantResource, KmsPorts> {
  const keyOfGrant = keyTarget<Input<RetireGrantRequest>>({
    operation: 'RetireGrant',
    reference: (input) => input.KeyId,
    accepts: 'key',
    crossAccount: true,
  });
  return {
    ...keyOfGrant,
    summary: { ...keyOfGrant.summary, namedBy: 'grant' },
    async resolve(input, ports, scope) {
      const place = input.GrantToken === undefined ? undefined : ports.grantTokens.read(input.GrantToken);
      const reference = place === undefined ? input.KeyId : keyArn(place);
      const wanted = place?.grantId ?? input.GrantId;
      invariant(reference !== undefined && wanted !== undefined, 'one way to name a grant has been validated');
      const resolved = await followKeyReference(reference, 'key', ports.keys, scope);
      const grant = await ports.store.get(grantsTable, grantName(placeOf(resolved.identity, wanted)));
      const foreign = resolved.identity.accountId !== scope.caller.principal.accountId;
      if (grant === undefined && !foreign) throw grantNotFound(wanted, resolved.namedArn);
      // What is not there is refused as unreachable below, before a handler could meet it.
      return { ...resolved, grant } as GrantResource;
    },
    facts(resolved, scope) {
      const { resourcePolicy: _, ...facts } = keyOfGrant.facts(resolved, scope);
      return resolved.grant === undefined ? { ...facts, unreachable: true } : facts;
    },
    grantAllows({ resolved, scope, grantCounts }) {
      const grant = resolved.grant.value;
      const retirers = [grant.retiring, issuingAccount(grant)];
      if (grant.operations.includes('RetireGrant')) retirers.push(grant.grantee);
      return grantNames(scope.caller.principal).some(
        ({ name, naming }) => retirers.some((each) => isNamed(each, name)) && grantCounts(naming),
      );
    },
  };
}
