import { withoutExpired } from '../../keys/imported-materials.ts';
import { expiriesTable, keyName, keysTable, materialDeletionsTable } from '../../keys/tables.ts';
import type { DueWork } from './due-work.ts';
import { loadMaterials, saveMaterials } from './imported-material.ts';

/** Destroys imported material that has expired. The key has done without it since the moment itself. */
export const destroyExpiredMaterial: DueWork = {
  done: 'destroyed imported key material that has expired',
  table: expiriesTable,
  async perform(transaction, identity, nowMs, consequences) {
    const found = await transaction.get(keysTable, keyName(identity));
    if (found === undefined) return false;
    const stored = await loadMaterials(transaction, identity);
    const left = withoutExpired(stored.materials, nowMs);
    if (left === stored.materials) return false;
    const { value, version } = found;
    await saveMaterials(transaction, { record: value, version }, stored, left, nowMs, consequences);
    return true;
  },
};

/** The bytes went with the transaction that made the note. What is left to do is what comes after every destruction. */
export const forgetDeletedMaterial: DueWork = {
  done: 'destroyed imported key material that was deleted',
  table: materialDeletionsTable,
  perform: async () => true,
};
