import type { Store } from '../../../store/sealed-store.ts';
import { type IdentityUsages, identityUsages } from '../identity-usages.ts';
import { identityName, type RoleRecord, rolesTable, roleUsagesTable } from '../records.ts';

/** When a session of each role last asked for something. */
export function roleUsages(store: Store): IdentityUsages {
  return identityUsages(store, roleUsagesTable, async (used, transaction) => {
    const slash = used.lastIndexOf('/');
    const role = await transaction.get(rolesTable, used.slice(0, slash));
    return role?.value.roleId === used.slice(slash + 1);
  });
}

/** Under what the usage of a role is kept: whoever has its name later is someone else. */
export function roleUsageName({ accountId, roleName, roleId }: RoleRecord): string {
  return `${identityName(accountId, roleName)}/${roleId}`;
}
