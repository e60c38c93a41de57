import { KeyholdError } from '../../../runtime/errors.ts';
import type { Reader, StoredRecord } from '../../../store/sealed-store.ts';
import { linkedRecord } from '../linked-records.ts';
import { type AccessKeyRecord, accessKeysTable } from '../records.ts';
import type { Owner } from './owner.ts';

/** A key of this owner. That another has one of this id is not told. */
export async function ownedKey(
  reader: Reader,
  owner: Owner,
  accessKeyId: string,
): Promise<StoredRecord<AccessKeyRecord>> {
  if (owner.accessKeyIds.includes(accessKeyId)) return linkedRecord(reader, accessKeysTable, accessKeyId);
  throw new KeyholdError('NoSuchEntityException', `The Access Key with id ${accessKeyId} cannot be found.`);
}
