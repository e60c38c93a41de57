import { grantNames } from '../../authorization/index.ts';
import type { GrantRequest } from '../../keys/grant.ts';
import type { KeyIdentity } from '../../keys/key.ts';
import type { Caller } from '../caller.ts';
import type { GrantCounts } from '../operation.ts';
import type { GrantSource } from './grant-directory.ts';

/** Whether one of a key's grants allows its caller what it asks, under any of the names that grants have for the caller. */
export async function grantsAllow(
  request: GrantRequest,
  key: KeyIdentity,
  grants: GrantSource,
  { principal }: Caller,
  counts: GrantCounts,
): Promise<boolean> {
  for (const { name, naming } of grantNames(principal)) {
    if ((await grants.of(key, name)).allows(request) && counts(naming)) return true;
  }
  return false;
}
