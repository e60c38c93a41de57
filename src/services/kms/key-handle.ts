import type { KeyHandle } from '../../custody/contract.ts';
import { invariant, KeyholdError } from '../../runtime/errors.ts';
import { invalidState } from './errors.ts';
import type { LoadedKey } from './key-source.ts';
import type { KmsPorts } from './ports.ts';

/** The material that a key works with now. */
export async function currentHandle(ports: KmsPorts, key: LoadedKey): Promise<KeyHandle> {
  const { currentMaterialId } = key.record;
  invariant(currentMaterialId !== undefined, 'the state was checked: a key without material is pending import');
  const handle = await ports.handles.open(key, currentMaterialId);
  if (handle !== undefined) return handle;
  // Imported material may have been deleted since the key was looked up.
  if (key.record.origin === 'EXTERNAL') throw invalidState(key.arn, 'PendingImport');
  throw new KeyholdError('TamperedRecord', `${key.arn} has no row for its key material`);
}
