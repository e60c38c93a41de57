import { isDeleted } from '../../keys/lifecycle.ts';
import { deletionsTable, keyName, keysTable } from '../../keys/tables.ts';
import { destroyKey } from './destroy-key.ts';
import { type DueWork, UNFINISHED } from './due-work.ts';

/** Destroys keys whose deletion is due. */
export const destroyDueKeys: DueWork = {
  done: 'destroyed a key whose deletion was due',
  table: deletionsTable,
  async perform(transaction, identity, nowMs, consequences) {
    const key = (await transaction.get(keysTable, keyName(identity)))?.value;
    if (key === undefined || !isDeleted(key, nowMs)) return false;
    return (await destroyKey(transaction, key, nowMs, consequences)) ? true : UNFINISHED;
  },
};
