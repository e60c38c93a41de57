import type { GrantConstraints as GrantConstraintsOutput, GrantListEntry } from '@aws-sdk/client-kms';
import { accountRootArn } from '../../authorization/index.ts';
import type { GrantConstraints, GrantRecord } from '../../keys/grant.ts';
import { type KeyIdentity, keyArn } from '../../keys/key.ts';

/** What ListGrants and ListRetirableGrants say of a grant. */
export function grantListEntry(key: KeyIdentity, grant: GrantRecord): GrantListEntry {
  const { grantee, retiring } = grant;
  const constraints = constraintsOf(grant.constraints);
  return {
    KeyId: keyArn(key),
    GrantId: grant.grantId,
    // Empty where there is none, as AWS's examples have it.
    Name: grant.name ?? '',
    CreationDate: new Date(grant.createdAtMs),
    ...(grantee.kind === 'AWS' ? { GranteePrincipal: grantee.name } : { GranteeServicePrincipal: grantee.name }),
    ...(retiring?.kind === 'AWS' ? { RetiringPrincipal: retiring.name } : {}),
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
