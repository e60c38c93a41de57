import type { GrantConstraints as GrantConstraintsOutput, GrantListEntry } from '@aws-sdk/client-kms';
import { accountRootArn } from '../../authorization/index.ts';
import type { GrantConstraints, GrantPrincipal, GrantRecord } from '../../keys/grant.ts';
import { type KeyIdentity, keyArn } from '../../keys/key.ts';
import type { Reader } from '../../store/sealed-store.ts';
import { namesToShow } from './grant-principals.ts';

export interface GrantOfKey {
  readonly key: KeyIdentity;
  readonly grant: GrantRecord;
}

/** What ListGrants and ListRetirableGrants say of grants. */
export async function grantListEntries(grants: readonly GrantOfKey[], reader: Reader): Promise<GrantListEntry[]> {
  const nameOf = await namesToShow(
    grants.map(({ grant }) => grant),
    reader,
  );
  return grants.map((each) => grantListEntry(each, nameOf));
}

function grantListEntry({ key, grant }: GrantOfKey, nameOf: (principal: GrantPrincipal) => string): GrantListEntry {
  const { grantee, retiring } = grant;
  const constraints = constraintsOf(grant.constraints);
  return {
    KeyId: keyArn(key),
    GrantId: grant.grantId,
    // Empty where there is none, as AWS's examples have it.
    Name: grant.name ?? '',
    CreationDate: new Date(grant.createdAtMs),
    ...(grantee.kind === 'AWS' ? { GranteePrincipal: nameOf(grantee) } : { GranteeServicePrincipal: grantee.name }),
    ...(retiring?.kind === 'AWS' ? { RetiringPrincipal: nameOf(retiring) } : {}),
    ...(retiring?.kind === 'Service' ? { RetiringServicePrincipal: retiring.name } : {}),
    IssuingAccount: accountRootArn(grant.issuingAccountId),
    Operations: [...grant.operations],
    ...(Object.keys(constraints).length === 0 ? {} : { Constraints: constraints }),
  };
}

function constraintsOf(constraints: GrantConstraints): GrantConstraintsOutput {
  const { encryptionContextEquals, encryptionContextSubset, sourceArn } = constraints;
  return {
    ...(encryptionContextEquals === undefined ? {} : { EncryptionContextEquals: encryptionContextEquals }),
    ...(encryptionContextSubset === undefined ? {} : { EncryptionContextSubset: encryptionContextSubset }),
    ...(sourceArn === undefined ? {} : { SourceArn: sourceArn }),
  };
}
