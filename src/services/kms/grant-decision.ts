import { accountRootArn, grantNames } from '../../authorization/index.ts';
import type { GrantRequest } from '../../keys/grant.ts';
import type { KeyIdentity } from '../../keys/key.ts';
import type { Caller } from '../caller.ts';
import type { GrantSource } from './grant-directory.ts';

/**
 * Whether one of a key's grants allows its caller what it asks. A grant to the caller's account as a whole leaves it to
 * the account's own policies, as AWS has it where resource policies name an account.
 */
export async function grantsAllow(
  request: GrantRequest,
  key: KeyIdentity,
  grants: GrantSource,
  { principal }: Caller,
  identityAllows: () => boolean,
): Promise<boolean> {
  const names = grantNames(principal);
  for (const name of names) if ((await grants.of(key, name)).allows(request)) return true;
  const account = accountRootArn(principal.accountId);
  if (names.includes(account)) return false;
  return (await grants.of(key, account)).allows(request) && identityAllows();
}
