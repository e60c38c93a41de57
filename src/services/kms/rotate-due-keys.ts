import type { Custody } from '../../custody/contract.ts';
import { isRotationDue, rotationFrom } from '../../keys/rotation.ts';
import { keyName, keysTable, rotationsTable } from '../../keys/tables.ts';
import type { DueWork } from './due-work.ts';
import { rotateKey } from './rotate-key.ts';
import { noteRotation } from './rotation-notes.ts';

/**
 * Rotates keys whose automatic rotation is due. A key that has missed several periods, because the server was down or the
 * sandbox's clock jumped, is rotated once: the material of the others would never have encrypted anything.
 */
export function rotateDueKeys(custody: Custody): DueWork {
  return {
    done: 'rotated a key whose automatic rotation was due',
    table: rotationsTable,
    async perform(transaction, identity, nowMs, consequences) {
      const key = (await transaction.get(keysTable, keyName(identity)))?.value;
      if (key?.rotation === undefined || !isRotationDue(key, nowMs)) return false;
      const rotation = rotationFrom(nowMs, key.rotation.periodDays);
      await rotateKey(transaction, custody, key, 'AUTOMATIC', nowMs, consequences, { rotation });
      await noteRotation(transaction, { ...key, rotation });
      return true;
    },
  };
}
