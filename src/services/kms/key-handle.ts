import type { KeyHandle } from '../../custody/contract.ts';
import { invariant, KeyholdError } from '../../runtime/errors.ts';
import { type MaybePromise, whenThere } from '../../runtime/maybe-promise.ts';
import { invalidState } from './errors.ts';
import type { LoadedKey } from './key-source.ts';
import type { KmsPorts } from './ports.ts';

/** The material that a key works with now. */
export function currentHandle(ports: KmsPorts, key: LoadedKey): MaybePromise<KeyHandle> {
  const { currentMaterialId } = key.record;
  invariant(currentMaterialId !== undefined, 'the state was checked: a key without material is pending import');
  return whenThere(ports.handles.open(key, currentMaterialId), (handle) => {
    if (handle !== undefined) return handle;
    // Imported material may have been deleted since the key was looked up.
    if (key.record.origin === 'EXTERNAL') throw invalidState(key.arn, 'PendingImport');
    throw new KeyholdError('TamperedRecord', `${key.arn} has no row for its key material`);
  });
}
