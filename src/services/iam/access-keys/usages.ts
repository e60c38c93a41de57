import type { Store } from '../../../store/sealed-store.ts';
import { type IdentityUsages, identityUsages } from '../identity-usages.ts';
import { accessKeysTable, accessKeyUsagesTable } from '../records.ts';

/** When each access key was last used. The keys of sessions do not count. */
export function accessKeyUsages(store: Store): IdentityUsages {
  const usages = identityUsages(store, accessKeyUsagesTable, async (id, transaction) => {
    const [key] = await transaction.names(accessKeysTable, { prefix: id, limit: 1 });
    return key === id;
  });
  return {
    ...usages,
    note(accessKeyId, service, region, nowMs) {
      if (accessKeyId.startsWith('AKIA')) usages.note(accessKeyId, service, region, nowMs);
    },
  };
}
